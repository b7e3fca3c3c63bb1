import { addressDomain, encodeAddress, formatAddress, type SocketAddress } from '../os/addresses.ts';
import { ERRNO, errnoText, IPPROTO, POLL, SO, SOCK, SOL_SOCKET, TCP } from '../os/constants.ts';
import { SystemError } from '../os/errors.ts';
import type { Native } from '../os/native.ts';
import type { Poller, Timer, Watch } from '../os/poller.ts';
import { type AddressFamily, LookUp, type LookUpConfinement, type LookUpFailure } from '../os/resolver.ts';
import type { SignalDescriptor, SignalName } from '../os/signals.ts';
import { type TransportFailure, transportFailure } from './failures.ts';

/** RFC 8305 section 8: how long one attempt is alone, and how long IPv4's answer waits for IPv6's. */
const ATTEMPT_DELAY_MS = 250;
const RESOLUTION_DELAY_MS = 50;
/** Attempts in one dial; a name can have hundreds of addresses. */
const MOST_ATTEMPTS = 16;

/** What to connect to. */
export interface DialTarget {
  /** As a name server takes it; for messages if there is an address. */
  readonly host: string;
  readonly port: number;
  /** The address that was given instead of a name. */
  readonly address?: SocketAddress;
}

/** How dialling ended. A socket in it is connected, non-blocking, and the caller's to close. */
export type DialResult =
  | { readonly dialled: 'connected'; readonly socket: number; readonly address: SocketAddress }
  | { readonly dialled: 'failed'; readonly failure: TransportFailure }
  | { readonly dialled: 'signal'; readonly signal: SignalName };

/**
 * Happy Eyeballs, version 2 (RFC 8305): both families are looked up at once and apart, and addresses are tried in turn, IPv6 first,
 * each {@link ATTEMPT_DELAY_MS} after the one before or as soon as that has failed; the first connection wins. So neither a dead
 * name server for one family nor an address that swallows packets costs more than a fraction of a second.
 *
 * Look-up and first attempts begin with the constructor; {@link finish} waits. In between there is time for other work.
 */
export class Dialling {
  readonly #native: Native;
  readonly #poller: Poller;
  readonly #target: DialTarget;
  readonly #confinement: LookUpConfinement;
  readonly #lookUps: RunningLookUp[] = [];
  readonly #lookUpFailures: LookUpFailure[] = [];
  /** Not tried yet. */
  readonly #addresses: Record<AddressFamily, SocketAddress[]> = { ipv6: [], ipv4: [] };
  #nextFamily: AddressFamily = 'ipv6';
  #attempts: Attempt[] = [];
  #attempted = 0;
  #lastAttemptMs = 0;
  readonly #failures: { readonly address: SocketAddress; readonly error: string }[] = [];
  /** Set while addresses wait for their turn. */
  readonly #turn: Timer;
  #result: DialResult | undefined;

  /** @param confinement of the processes that look the name up */
  constructor(native: Native, poller: Poller, target: DialTarget, confinement: LookUpConfinement) {
    this.#native = native;
    this.#poller = poller;
    this.#target = target;
    this.#confinement = confinement;
    this.#turn = poller.timer(() => this.#attemptNext());
    const known = target.address === undefined ? loopback(target) : [target.address];
    if (known === undefined) for (const family of ['ipv6', 'ipv4'] as const) this.#lookUp(family);
    else {
      for (const address of known) this.#addresses[familyOf(address)].push(address);
      this.#attemptNext();
    }
  }

  /** @param deadlineMs on the poller's clock; infinity for none */
  finish(deadlineMs: number, signals: Pick<SignalDescriptor, 'fd' | 'next'>): DialResult {
    const clock = this.#poller.timer(() => this.#timeUp());
    clock.setAt(deadlineMs);
    const interrupted = this.#poller.watch(signals.fd, () => {
      const signal = signals.next();
      if (signal !== null) this.#result = { dialled: 'signal', signal };
    });
    interrupted.interest = POLL.IN;
    for (;;) {
      this.#result ??= this.#exhausted();
      if (this.#result !== undefined) break;
      this.#poller.turn();
    }
    clock.stop();
    interrupted.end();
    this.#release();
    return this.#result;
  }

  // --- Look-up

  #lookUp(family: AddressFamily): void {
    const { host, port } = this.#target;
    let lookUp: LookUp;
    try {
      lookUp = new LookUp(this.#native, host, String(port), family, this.#confinement);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#lookUpFailures.push('cannot-begin');
      return;
    }
    const watch = this.#poller.watch(lookUp.fd, () => this.#lookedUp(running));
    const running: RunningLookUp = { lookUp, watch };
    watch.interest = POLL.IN;
    this.#lookUps.push(running);
  }

  #lookedUp(running: RunningLookUp): void {
    const { lookUp, watch } = running;
    const result = lookUp.read();
    if (result === null) return;
    watch.end();
    lookUp.close();
    this.#lookUps.splice(this.#lookUps.indexOf(running), 1);
    if (!result.ok) this.#lookUpFailures.push(result.why);
    else this.#addresses[lookUp.family].push(...result.addresses);
    if (this.#attempts.length > 0) {
      this.#turn.setAt(this.#lastAttemptMs + ATTEMPT_DELAY_MS);
      return;
    }
    const ipv6Pending = this.#lookUps.some((other) => other.lookUp.family === 'ipv6');
    if (ipv6Pending && this.#attempted === 0) this.#turn.setAfter(RESOLUTION_DELAY_MS);
    else this.#attemptNext();
  }

  // --- Attempts

  /** Begins the next attempt whose first step works, and sets the timer for the one after. */
  #attemptNext(): void {
    this.#turn.stop();
    for (let address = this.#nextAddress(); address !== undefined; address = this.#nextAddress()) {
      if (this.#attempt(address)) {
        this.#turn.setAt(this.#lastAttemptMs + ATTEMPT_DELAY_MS);
        return;
      }
    }
  }

  /** Families alternate (RFC 8305 section 4), as long as both have addresses. */
  #nextAddress(): SocketAddress | undefined {
    if (this.#result !== undefined || this.#attempted === MOST_ATTEMPTS) return undefined;
    const other = this.#nextFamily === 'ipv6' ? 'ipv4' : 'ipv6';
    const address = this.#addresses[this.#nextFamily].shift() ?? this.#addresses[other].shift();
    if (address !== undefined) this.#nextFamily = familyOf(address) === 'ipv6' ? 'ipv4' : 'ipv6';
    return address;
  }

  /** @returns whether there is something to wait for now, or the connection. */
  #attempt(address: SocketAddress): boolean {
    this.#attempted++;
    this.#lastAttemptMs = this.#poller.nowMs;
    const socket = this.#native.socket(addressDomain(address), SOCK.STREAM | SOCK.NONBLOCK, IPPROTO.TCP);
    if (socket < 0) return this.#failed(address, socket);
    const connecting = this.#native.connect(socket, encodeAddress(address));
    if (connecting < 0 && connecting !== -ERRNO.EINPROGRESS) {
      this.#native.close(socket);
      return this.#failed(address, connecting);
    }
    if (connecting === 0) {
      this.#connected(socket, address);
      return true;
    }
    const watch = this.#poller.watch(socket, () => this.#settled(attempt));
    const attempt: Attempt = { socket, address, watch };
    watch.interest = POLL.OUT;
    this.#attempts.push(attempt);
    return true;
  }

  #settled(attempt: Attempt): void {
    const { socket, address, watch } = attempt;
    const error = this.#native.getSocketOption(socket, SOL_SOCKET, SO.ERROR);
    watch.end();
    this.#attempts = this.#attempts.filter((other) => other !== attempt);
    if (error === 0) {
      this.#connected(socket, address);
      return;
    }
    this.#native.close(socket);
    this.#failed(address, error < 0 ? error : -error);
    this.#attemptNext();
  }

  #connected(socket: number, address: SocketAddress): void {
    // Records are written whole: waiting for more to fill a segment would only delay the last one.
    this.#native.setSocketOption(socket, IPPROTO.TCP, TCP.NODELAY, 1);
    this.#result ??= { dialled: 'connected', socket, address };
  }

  #failed(address: SocketAddress, error: number): false {
    this.#failures.push({ address, error: errnoText(error) });
    return false;
  }

  // --- Results

  #exhausted(): DialResult | undefined {
    const waiting = this.#addresses.ipv6.length + this.#addresses.ipv4.length > 0 && this.#attempted < MOST_ATTEMPTS;
    if (this.#lookUps.length > 0 || this.#attempts.length > 0 || waiting) return undefined;
    if (this.#failures.length > 0) {
      const refused = this.#failures.every(({ error }) => error === errnoText(-ERRNO.ECONNREFUSED));
      const why = refused ? 'connection-refused' : 'connection-failed';
      return { dialled: 'failed', failure: transportFailure(why, this.#tried()) };
    }
    const other = this.#lookUpFailures.find((why) => why !== 'not-found');
    if (other === undefined)
      return { dialled: 'failed', failure: transportFailure('host-not-found', this.#target.host) };
    const why = other === 'user-refused' || other === 'filter-refused' ? 'look-up-unconfined' : 'look-up-failed';
    return { dialled: 'failed', failure: transportFailure(why, LOOK_UP_TEXT[other]) };
  }

  #timeUp(): void {
    const waiting = this.#attempts.length > 0 || this.#failures.length > 0;
    this.#result ??= {
      dialled: 'failed',
      failure: waiting ? transportFailure('connect-timeout', this.#tried()) : transportFailure('look-up-timeout'),
    };
  }

  /** `connection refused: 127.0.0.1:1, [::1]:1; no answer: 192.0.2.1:1` */
  #tried(): string {
    const addresses = new Map<string, string[]>();
    const tried = [...this.#failures, ...this.#attempts.map(({ address }) => ({ address, error: 'no answer' }))];
    for (const { address, error } of tried) {
      const others = addresses.get(error);
      if (others === undefined) addresses.set(error, [formatAddress(address)]);
      else others.push(formatAddress(address));
    }
    return [...addresses].map(([error, list]) => `${error}: ${list.join(', ')}`).join('; ');
  }

  /** Closes what lost. */
  #release(): void {
    this.#turn.stop();
    for (const { watch, socket } of this.#attempts) {
      watch.end();
      this.#native.close(socket);
    }
    for (const { watch, lookUp } of this.#lookUps) {
      watch.end();
      lookUp.close();
    }
  }
}

interface RunningLookUp {
  readonly lookUp: LookUp;
  readonly watch: Watch;
}

interface Attempt {
  readonly socket: number;
  readonly address: SocketAddress;
  readonly watch: Watch;
}

const LOOK_UP_TEXT = {
  'not-found': 'no such name',
  'try-again': 'no name server answered',
  'unknown-service': 'the system knows no such port',
  'failed': 'the name servers refuse, or cannot be asked',
  'cannot-begin': 'no process or descriptor is left to ask with',
  'user-refused': 'credentials',
  'filter-refused': 'seccomp',
  'bad-answer': 'the look-up ended without an answer',
} as const satisfies Record<LookUpFailure, string>;

/** RFC 6761 section 6.3: `localhost` and what is below it mean this machine, and need not be asked for; undefined for other names. */
function loopback({ host, port }: DialTarget): readonly SocketAddress[] | undefined {
  const name = host.endsWith('.') ? host.slice(0, -1) : host;
  if (name !== 'localhost' && !name.endsWith('.localhost')) return undefined;
  const ipv6 = new Uint8Array(16);
  ipv6[15] = 1;
  return [ipv6, Uint8Array.of(127, 0, 0, 1)].map((address) => ({ family: 'ip', address, port, scope: 0 }));
}

function familyOf(address: SocketAddress): AddressFamily {
  return address.family === 'ip' && address.address.length === 4 ? 'ipv4' : 'ipv6';
}
