import { ascii, type Bytes, concat, EMPTY, latin1 } from '../../src/core/bytes.ts';
import type { Failure } from '../../src/core/failures.ts';
import type { Answer, Connection, EffectId, Output } from '../../src/engine/connection.ts';
import { AF, ERRNO, SOCK } from '../../src/os/constants.ts';
import { loadNative } from '../../src/os/load.ts';
import type { Native } from '../../src/os/native.ts';
import { Poller } from '../../src/os/poller.ts';
import { Session, type SessionEnd, type SessionRequest } from '../../src/transport/session.ts';

export const native = loadNative();

/**
 * A connection in the clear: a record is its length in three bytes and its bytes; an empty one is close_notify. The handshake is one
 * record from the peer, whose acceptance is asked for as an effect.
 */
export class FramedConnection implements Connection {
  phase: Connection['phase'] = 'idle';
  readonly #outputs: Output[] = [];
  readonly #asked: boolean;
  #awaiting = false;
  #readClosed = false;
  #writeClosed = false;

  constructor(asked = false) {
    this.#asked = asked;
  }

  get finished(): boolean {
    return this.phase === 'failed' || (this.#readClosed && this.#writeClosed);
  }

  start(): void {
    this.phase = 'handshake';
    if (!this.#asked) this.#open();
  }

  receive(input: Bytes): number {
    let at = 0;
    while (!this.#awaiting && !this.#readClosed && input.length - at >= 3) {
      const length = ((input[at] as number) << 16) | ((input[at + 1] as number) << 8) | (input[at + 2] as number);
      if (length > 65536) {
        this.#fail({ kind: 'peer-misbehaved', why: 'record-overflow' });
        return input.length;
      }
      if (input.length - at - 3 < length) break;
      const body = input.slice(at + 3, at + 3 + length);
      at += 3 + length;
      if (this.phase === 'handshake') {
        this.#awaiting = true;
        const effect = { effect: 'verify-certificate', chain: [body], publicName: null } as const;
        this.#outputs.push({ output: 'effect', id: 1 as EffectId, effect });
      } else if (length === 0) {
        this.#readClosed = true;
        this.#outputs.push({ output: 'peer-closed' });
      } else this.#outputs.push({ output: 'plaintext', bytes: body });
    }
    return at;
  }

  receiveEnd(): void {
    if (!this.#readClosed) this.#fail({ kind: 'truncated', why: 'truncated' });
  }

  send(plaintext: Bytes): void {
    for (let at = 0; at < plaintext.length; at += 16384)
      this.#outputs.push({ output: 'network', bytes: frame(plaintext.subarray(at, at + 16384)) });
  }

  closeWrite(): void {
    this.#writeClosed = true;
    this.#outputs.push({ output: 'network', bytes: frame(EMPTY) });
  }

  updateKeys(): void {}

  abort(failure: Failure = { kind: 'internal', why: 'internal-error' }): void {
    this.#outputs.push({ output: 'network', bytes: ascii('ALERT') });
    this.#fail(failure);
  }

  answer(_id: EffectId, answer: Answer): void {
    this.#awaiting = false;
    if (answer.answer === 'refused') this.#fail(answer.failure);
    else this.#open();
  }

  next(): Output | undefined {
    return this.#outputs.shift();
  }

  exportKeyingMaterial(): Bytes {
    return EMPTY;
  }

  #open(): void {
    this.phase = 'open';
    const session = {
      version: 'TLSv1.3',
      suite: 'none',
      group: null,
      signatureScheme: null,
      alpn: null,
      serverName: null,
      resumed: false,
      helloRetryRequest: false,
      ech: 'not-offered',
      peer: null,
    } as const;
    this.#outputs.push({ output: 'open', session });
  }

  #fail(failure: Failure): void {
    this.phase = 'failed';
    this.#outputs.push({ output: 'failed', failure });
  }
}

/** A record of {@link FramedConnection}. */
export function frame(body: Bytes): Bytes {
  return concat(Uint8Array.of(body.length >> 16, body.length >> 8, body.length), body);
}

export const CLOSE_NOTIFY = frame(EMPTY);

/** What the peer and the application do, one step each time that the session has nothing left to do. Time passes when they are done. */
interface World {
  readonly peer: number;
  readonly application: number;
  readonly native: Native;
}

/** Yields where the session is waited for. */
export type Script = (world: World) => Generator<void>;

function socketpair(): [number, number] {
  const fds = new Int32Array(2);
  if (native.socketpair(AF.UNIX, SOCK.STREAM, fds) < 0) throw new Error('socketpair');
  return [fds[0] as number, fds[1] as number];
}

/** How a session ended, with what was left to read at the application's and the peer's end. */
type Played = SessionEnd & { readonly elapsedMs: number; readonly delivered: string; readonly sent: string };

export async function play(script: Script, changes: Partial<SessionRequest> = {}): Promise<Played> {
  const [network, peer] = socketpair();
  const [plain, application] = socketpair();
  const [quiet] = pipe();
  let nowMs = 1000;
  const steps = script({ peer, application, native });
  let done = false;
  const poll = (fds: Int32Array, revents: Int32Array, timeoutMs: number): number => {
    const count = native.poll(fds, revents, 0);
    if (count !== 0) return count;
    if (!done) {
      done = steps.next().done === true;
      return -ERRNO.EINTR;
    }
    if (timeoutMs < 0) throw new Error('the session waits for ever');
    nowMs += timeoutMs;
    return 0;
  };
  const clocked: Native = { ...native, poll, monotonicMs: () => nowMs };
  const session = new Session({
    native: clocked,
    poller: new Poller(clocked),
    connection: new FramedConnection(),
    network,
    plain: { readFd: plain, writeFd: plain },
    atInputEnd: 'close-notify',
    endWithPeer: false,
    answer: () => ({ answer: 'signature-valid' }),
    handshakeDeadlineMs: Number.POSITIVE_INFINITY,
    idleTimeoutMs: Number.POSITIVE_INFINITY,
    signals: { fd: quiet, next: () => null },
    onOpen: () => {},
    ...changes,
  });
  session.begin();
  const end = await session.run();
  const [delivered, sent] = [latin1(readAll(application)), latin1(readAll(peer))];
  for (const fd of [network, peer, plain, application]) native.close(fd);
  return { ...end, elapsedMs: nowMs - 1000, delivered, sent };
}

export function write(fd: number, bytes: Bytes): number {
  let at = 0;
  while (at < bytes.length) {
    const count = native.send(fd, bytes, at, bytes.length - at);
    if (count < 0) return at;
    at += count;
  }
  return at;
}

export function readAll(fd: number, limit = Number.POSITIVE_INFINITY): Bytes {
  const parts: Bytes[] = [];
  let total = 0;
  const buffer = new Uint8Array(65536);
  while (total < limit) {
    const count = native.receive(fd, buffer, 0, buffer.length);
    if (count <= 0) break;
    parts.push(buffer.slice(0, count));
    total += count;
  }
  return concat(...parts);
}

/** 0 at the end of the stream, -EAGAIN while it is open. */
export function atEnd(fd: number): number {
  return native.receive(fd, new Uint8Array(1), 0, 1);
}

export function pipe(): [number, number] {
  const fds = new Int32Array(2);
  if (native.pipe(fds) < 0) throw new Error('pipe');
  return [fds[0] as number, fds[1] as number];
}
