import type { Failure } from '../core/failures.ts';
import type { Answer, Connection, Effect, EffectId, Output, SessionFacts } from '../engine/connection.ts';
import { POLL } from '../os/constants.ts';
import type { Native } from '../os/native.ts';
import type { Poller, Timer, Watch } from '../os/poller.ts';
import type { SignalDescriptor, SignalName } from '../os/signals.ts';
import { type TransportFailure, transportFailure } from './failures.ts';
import { NetworkSide } from './network-side.ts';
import { type PlainDescriptors, PlainSide } from './plain-side.ts';

/** Read from the network at once; what is decrypted of it must be taken by the application before more is decrypted. */
const RECEIVE_BYTES = 128 * 1024;
/** Read from the application at once, if less than {@link QUEUE_HIGH_BYTES} waits for the network. */
const SEND_BYTES = 64 * 1024;
const QUEUE_HIGH_BYTES = 64 * 1024;
/** What a peer that reads nothing can make the engine say (to key updates, say) until it is not read either. */
const QUEUE_LIMIT_BYTES = QUEUE_HIGH_BYTES + 2 * SEND_BYTES;
/** How long an alert may wait for a network that takes nothing, once the session is over. */
const LINGER_MS = 1000;

/**
 * The bound on a session's buffers, whatever the peer and the application do: received and not understood, decrypted and not
 * taken, read and not sealed, sealed and not sent, and the engine's answers to one last piece that was received.
 */
export const SESSION_BUFFER_BYTES = RECEIVE_BYTES + RECEIVE_BYTES + SEND_BYTES + QUEUE_LIMIT_BYTES + RECEIVE_BYTES;

/** The two sides of a session, the connection between them, and what bounds it. */
export interface SessionRequest {
  readonly native: Native;
  readonly poller: Poller;
  readonly connection: Connection;
  /** A connected stream socket. */
  readonly network: number;
  readonly plain: PlainDescriptors;
  /**
   * What the end of the application's data means: `close-notify` tells the peer, and goes on receiving until the peer is done too;
   * `keep-open` tells it nothing, and the session ends with the peer.
   */
  readonly atInputEnd: 'close-notify' | 'keep-open';
  /** End with the peer although the application has not: a person at a terminal does not know that there are two directions. */
  readonly endWithPeer: boolean;
  /** Does the work of an effect. A promise must need nothing but the microtask queue: there is no event loop here. */
  readonly answer: (effect: Effect) => Answer | Promise<Answer>;
  /** On the clock of the poller; Infinity for none. */
  readonly handshakeDeadlineMs: number;
  /** The longest time in which no byte moves in either direction once the session is open; Infinity for none. */
  readonly idleTimeoutMs: number;
  /** What arrives there ends the session. */
  readonly signals: Pick<SignalDescriptor, 'fd' | 'next'>;
  readonly onOpen: (facts: SessionFacts) => void;
}

/** How a session ended, and what went through it. */
export type SessionEnd = Outcome & {
  /** Plain bytes taken from the application, and by it. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
};

type Outcome =
  | { readonly end: 'clean' }
  | { readonly end: 'failed'; readonly failure: Failure | TransportFailure }
  | { readonly end: 'signal'; readonly signal: SignalName };

/**
 * Moves bytes between the network and the application through a {@link Connection}, from the handshake to the end. All that needs
 * authority happens in the constructor; {@link begin} only sends; only {@link run} reads what the peer says.
 */
export class Session {
  readonly #request: SessionRequest;
  readonly #connection: Connection;
  readonly #network: NetworkSide;
  readonly #plain: PlainSide;
  readonly #sendBuffer = new Uint8Array(SEND_BYTES);
  #sentBytes = 0;
  /** The position in the network's output behind the last application data: what follows are alerts. */
  #dataEnd = 0;
  #peerClosed = false;
  #writeClosed = false;
  #endReported = false;
  #ending: { readonly outcome: Outcome; readonly deliver: boolean; readonly lingerUntilMs: number } | undefined;
  #lastMoveMs: number;
  readonly #clock: Timer;
  readonly #signals: Watch;

  /** @throws SystemError, RangeError for plain descriptors that are not open or not streams */
  constructor(request: SessionRequest) {
    const { native, poller, signals } = request;
    this.#request = request;
    this.#connection = request.connection;
    this.#network = new NetworkSide(native, poller, request.network, RECEIVE_BYTES, () => this.#receive());
    this.#plain = new PlainSide(native, poller, request.plain, () => this.#readPlain());
    this.#clock = poller.timer(() => this.#timeUp());
    this.#signals = poller.watch(signals.fd, () => {
      const signal = signals.next();
      if (signal !== null) this.#interrupt(signal);
    });
    this.#signals.interest = POLL.IN;
    this.#lastMoveMs = poller.nowMs;
  }

  /** Sends the first flight, so that the peer works while this process gives its authority away. */
  begin(): void {
    this.#connection.start();
    this.#advance();
    this.#network.flush();
  }

  async run(): Promise<SessionEnd> {
    for (;;) {
      for (let work = this.#advance(); work !== undefined; work = this.#advance()) await work;
      this.#flush();
      const outcome = this.#outcome();
      if (outcome !== undefined) return this.#end(outcome);
      this.#wait();
    }
  }

  #end(outcome: Outcome): SessionEnd {
    this.#network.endWatch();
    this.#plain.endWatch();
    this.#signals.end();
    this.#clock.stop();
    return { ...outcome, sentBytes: this.#sentBytes, receivedBytes: this.#plain.output.written };
  }

  /** Gives the engine what was received, and takes what it puts out. @returns work that must be awaited before going on. */
  #advance(): Promise<void> | undefined {
    do {
      for (let output = this.#connection.next(); output !== undefined; output = this.#connection.next()) {
        const work = this.#take(output);
        if (work !== undefined) return work;
      }
    } while (this.#feed());
    return undefined;
  }

  #take(output: Output): Promise<void> | undefined {
    switch (output.output) {
      case 'network':
        this.#network.queue(output.bytes);
        return undefined;
      case 'plaintext':
        this.#plain.output.push(output.bytes);
        return undefined;
      case 'effect':
        return this.#answer(output.id, output.effect);
      case 'open':
        this.#moved();
        this.#request.onOpen(output.session);
        return undefined;
      case 'ticket': // never asked for: this process keeps nothing
      case 'key-log':
        return undefined;
      case 'peer-closed':
        this.#peerClosed = true;
        return undefined;
      case 'failed':
        this.#finish(failed(this.#withError(output.failure)), true);
        return undefined;
    }
  }

  #answer(id: EffectId, effect: Effect): Promise<void> | undefined {
    const answer = this.#request.answer(effect);
    if (answer instanceof Promise) return answer.then((settled) => this.#connection.answer(id, settled));
    this.#connection.answer(id, answer);
    return undefined;
  }

  /** @returns whether the engine was told something new. While the application owes reading, it is told nothing. */
  #feed(): boolean {
    if (this.#ending !== undefined || this.#peerClosed || this.#plain.output.bytes > 0) return false;
    const { received } = this.#network;
    const consumed = received.length > 0 ? this.#connection.receive(received) : 0;
    this.#network.consume(consumed);
    if (consumed > 0) return true;
    if (!this.#network.ended || this.#endReported) return false;
    this.#endReported = true;
    this.#connection.receiveEnd();
    return true;
  }

  /** A stream that ended with an error did not merely end. */
  #withError(failure: Failure): Failure {
    const { error } = this.#network;
    return error !== undefined && failure.detail === undefined ? { ...failure, detail: error } : failure;
  }

  #flush(): void {
    if (this.#network.flush()) this.#moved();
    const before = this.#plain.output.written;
    const failure = this.#plain.flush();
    if (this.#plain.output.written > before) this.#moved();
    if (failure !== undefined) this.#abort(failed(failure));
  }

  /** The first reason is the one that counts. `deliver`: the application gets what was received before it. */
  #finish(outcome: Outcome, deliver: boolean): void {
    this.#ending ??= { outcome, deliver, lingerUntilMs: this.#request.poller.nowMs + LINGER_MS };
  }

  /** Ends the connection for a reason of ours, and tells the peer. */
  #abort(outcome: Outcome): void {
    if (this.#ending !== undefined) return;
    this.#finish(outcome, false);
    if (this.#connection.phase === 'failed') return;
    this.#connection.abort();
    this.#advance();
    this.#network.flush();
  }

  #interrupt(signal: SignalName): void {
    if (this.#ending === undefined) this.#abort({ end: 'signal', signal });
    else this.#ending = { outcome: { end: 'signal', signal }, deliver: false, lingerUntilMs: 0 };
  }

  #closeWrite(): void {
    if (this.#writeClosed || this.#connection.phase !== 'open') return;
    this.#writeClosed = true;
    this.#connection.closeWrite();
    this.#advance();
    this.#network.flush();
  }

  /** Decides what the end of one side means for the other. @returns the outcome when all is over. */
  #outcome(): Outcome | undefined {
    const delivered = this.#plain.output.bytes === 0;
    if (this.#ending === undefined && this.#peerClosed && delivered) {
      this.#plain.endOutput();
      if (this.#request.endWithPeer || this.#request.atInputEnd === 'keep-open') this.#closeWrite();
    }
    if (this.#plain.inputEnded && (this.#request.atInputEnd === 'close-notify' || this.#plain.readerGone))
      this.#closeWrite();
    if (this.#ending !== undefined) {
      const { outcome, deliver, lingerUntilMs } = this.#ending;
      if (deliver && !delivered) return undefined;
      return this.#network.output.bytes === 0 || this.#request.poller.nowMs >= lingerUntilMs ? outcome : undefined;
    }
    if (this.#network.broken && this.#peerClosed && delivered)
      return this.#network.output.written < this.#dataEnd ? this.#peerGone() : { end: 'clean' };
    if (!delivered || this.#network.output.bytes > 0) return undefined;
    if (this.#connection.finished) return { end: 'clean' };
    if (!this.#plain.inputEnded || !this.#plain.readerGone || !this.#writeClosed) return undefined;
    // Nobody is left to hear whether the peer had more to say: without its close_notify, that is not all. An application that
    // says nothing at the end of its input has no other way to say that it is done than to go.
    return this.#request.atInputEnd === 'keep-open' ? { end: 'clean' } : failed(transportFailure('application-gone'));
  }

  /** Waits for a descriptor or the deadline; what is ready is read once. */
  #wait(): void {
    const over = this.#ending !== undefined;
    const sending = this.#network.output.bytes;
    if (this.#peerClosed) this.#network.waitForHangUp();
    else this.#network.wait(!over && this.#plain.output.bytes === 0 && sending < QUEUE_LIMIT_BYTES);
    const canSend = this.#connection.phase === 'open' && !over && !this.#writeClosed && !this.#network.broken;
    this.#plain.wait(canSend && sending < QUEUE_HIGH_BYTES);
    this.#clock.setAt(this.#deadlineMs());
    this.#request.poller.turn();
  }

  #deadlineMs(): number {
    const idleMs = this.#lastMoveMs + this.#request.idleTimeoutMs;
    if (this.#ending === undefined)
      return this.#connection.phase === 'open' ? idleMs : this.#request.handshakeDeadlineMs;
    return this.#ending.deliver && this.#plain.output.bytes > 0 ? idleMs : this.#ending.lingerUntilMs;
  }

  #timeUp(): void {
    if (this.#ending !== undefined) this.#ending = { ...this.#ending, deliver: false };
    else if (this.#connection.phase === 'open') this.#abort(failed(transportFailure('idle-timeout')));
    else {
      const count = this.#network.receivedBytes;
      const detail = count === 0 ? 'the peer has sent nothing' : `the peer sent ${count} bytes and stopped`;
      this.#abort(failed(transportFailure('handshake-timeout', detail)));
    }
  }

  #receive(): void {
    if (this.#peerClosed)
      this.#network.break(); // not even what the peer would still read gets there
    else if (this.#network.receive()) this.#moved();
  }

  #readPlain(): void {
    if (this.#ending !== undefined) return;
    const count = this.#plain.read(this.#sendBuffer);
    if (typeof count !== 'number') this.#abort(failed(count));
    else if (count > 0 && this.#network.broken) this.#finish(this.#peerGone(), true);
    else if (count > 0) {
      this.#moved();
      this.#sentBytes += count;
      this.#connection.send(this.#sendBuffer.subarray(0, count));
      this.#advance();
      this.#dataEnd = this.#network.output.written + this.#network.output.bytes;
    }
  }

  /** With data of the application that will not get there. */
  #peerGone(): Outcome {
    return failed(transportFailure('network-failed', this.#network.error ?? 'the peer is gone'));
  }

  #moved(): void {
    this.#lastMoveMs = this.#request.poller.nowMs;
  }
}

function failed(failure: Failure | TransportFailure): Outcome {
  return { end: 'failed', failure };
}
