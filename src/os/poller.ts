import { ERRNO } from './constants.ts';
import { SystemError } from './errors.ts';
import type { Native } from './native.ts';

/**
 * The event loop of a process that has one connection: poll(2), timers, and nothing that the runtime knows of. While it waits
 * no promise settles: whoever drives it awaits once between two turns if there can be any.
 */
export class Poller {
  readonly #native: Pick<Native, 'poll' | 'monotonicMs'>;
  readonly #slots: Slots;
  /** The slots up to the last one that is taken: poll refuses more than RLIMIT_NOFILE, be they empty. */
  #polled: Pick<Slots, 'pairs' | 'revents'>;
  readonly #timers: Timer[] = [];
  #now: number;

  /** @param capacity the most descriptors that are watched at a time, at most 64. */
  constructor(native: Pick<Native, 'poll' | 'monotonicMs'>, capacity = 8) {
    this.#native = native;
    this.#slots = {
      pairs: new Int32Array(2 * capacity).fill(-1),
      revents: new Int32Array(capacity),
      handlers: new Array(capacity).fill(undefined),
    };
    this.#polled = this.#upTo(0);
    this.#now = native.monotonicMs();
  }

  /** CLOCK_MONOTONIC in milliseconds, as of the end of the last wait. */
  get nowMs(): number {
    return this.#now;
  }

  /** Watches a descriptor; of no interest until told. @throws RangeError when `capacity` descriptors are watched. */
  watch(fd: number, handler: EventHandler): Watch {
    const slot = this.#slots.handlers.indexOf(undefined);
    if (slot < 0) throw new RangeError('more descriptors than the poller was made for');
    this.#slots.handlers[slot] = handler;
    return new Watch(fd, slot, this.#slots);
  }

  /** A timer that is not set. It belongs to the poller for ever: make few, and set them again and again. */
  timer(handler: () => void): Timer {
    const timer = new Timer(this, handler);
    this.#timers.push(timer);
    return timer;
  }

  /**
   * One turn: waits for an event, a timer or a signal (EINTR), `maximumWaitMs` at the longest, then runs the handlers of all
   * descriptors that are ready and of all timers that are due. What a handler throws ends the turn.
   * @throws SystemError when poll fails; Error when there is nothing that could ever end the wait.
   */
  turn(maximumWaitMs = Number.POSITIVE_INFINITY): void {
    const { handlers } = this.#slots;
    const taken = handlers.findLastIndex((handler) => handler !== undefined) + 1;
    if (this.#polled.revents.length !== taken) this.#polled = this.#upTo(taken);
    const { pairs, revents } = this.#polled;
    const ready = this.#native.poll(pairs, revents, this.#timeoutMs(maximumWaitMs));
    this.#now = this.#native.monotonicMs();
    if (ready < 0 && ready !== -ERRNO.EINTR) throw new SystemError('poll', ready);
    for (let slot = 0, left = ready; left > 0 && slot < revents.length; slot++) {
      const events = revents[slot] as number;
      if (events === 0) continue;
      left--;
      // A handler before this one may have ended the watch, or lost its interest.
      if ((pairs[2 * slot] as number) >= 0) handlers[slot]?.(events);
    }
    for (let index = 0; index < this.#timers.length; index++) (this.#timers[index] as Timer).runIfDue(this.#now);
  }

  #upTo(slots: number): Pick<Slots, 'pairs' | 'revents'> {
    const { pairs, revents } = this.#slots;
    return { pairs: pairs.subarray(0, 2 * slots), revents: revents.subarray(0, slots) };
  }

  #timeoutMs(maximumWaitMs: number): number {
    let deadline = Number.POSITIVE_INFINITY;
    for (let index = 0; index < this.#timers.length; index++)
      deadline = Math.min(deadline, (this.#timers[index] as Timer).deadlineMs);
    let wait = maximumWaitMs;
    if (deadline !== Number.POSITIVE_INFINITY) wait = Math.min(wait, deadline - this.#native.monotonicMs());
    if (wait !== Number.POSITIVE_INFINITY) return Math.max(0, Math.min(Math.ceil(wait), LONGEST_WAIT_MS));
    const { pairs } = this.#slots;
    for (let slot = 0; 2 * slot < pairs.length; slot++) if ((pairs[2 * slot] as number) >= 0) return -1;
    throw new Error('a wait without an end: no descriptor, no timer');
  }
}

/** Receives poll's `revents`: what was asked for, and POLL.ERR, POLL.HUP and POLL.NVAL unasked. */
export type EventHandler = (revents: number) => void;

interface Slots {
  /** (fd, events) as `Native.poll` takes them; fd -1 where nothing is waited for. */
  readonly pairs: Int32Array;
  readonly revents: Int32Array;
  readonly handlers: (EventHandler | undefined)[];
}

/** poll takes an int. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/** One watched descriptor. */
export class Watch {
  readonly fd: number;
  readonly #slot: number;
  readonly #slots: Slots;
  #ended = false;

  constructor(fd: number, slot: number, slots: Slots) {
    this.fd = fd;
    this.#slot = slot;
    this.#slots = slots;
  }

  /**
   * The events that wake the loop. 0: none at all, not even an error, so that a peer which has hung up does not make the loop
   * spin; to hear of nothing but errors set `POLL.ERR`.
   */
  set interest(events: number) {
    if (this.#ended) throw new Error('the watch has ended');
    this.#slots.pairs[2 * this.#slot] = events === 0 ? -1 : this.fd;
    this.#slots.pairs[2 * this.#slot + 1] = events;
  }

  get interest(): number {
    return this.#ended ? 0 : Math.max(0, this.#slots.pairs[2 * this.#slot + 1] as number);
  }

  /** Ends the watch and gives its place back; the descriptor stays open. To be called before it is closed. Twice is once. */
  end(): void {
    if (this.#ended) return;
    this.interest = 0;
    this.#ended = true;
    this.#slots.revents[this.#slot] = 0;
    this.#slots.handlers[this.#slot] = undefined;
  }
}

/** Fires once for each time it is set. */
export class Timer {
  readonly #poller: Poller;
  readonly #handler: () => void;
  #deadlineMs = Number.POSITIVE_INFINITY;

  constructor(poller: Poller, handler: () => void) {
    this.#poller = poller;
    this.#handler = handler;
  }

  /** On the clock of {@link Poller.nowMs}; infinity when not set. */
  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  /** Counted from the end of the poller's last wait. */
  setAfter(delayMs: number): void {
    this.#deadlineMs = this.#poller.nowMs + delayMs;
  }

  setAt(deadlineMs: number): void {
    this.#deadlineMs = deadlineMs;
  }

  stop(): void {
    this.#deadlineMs = Number.POSITIVE_INFINITY;
  }

  /** The poller's part. */
  runIfDue(nowMs: number): void {
    if (this.#deadlineMs > nowMs) return;
    this.stop();
    this.#handler();
  }
}
