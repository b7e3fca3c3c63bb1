import type { Bytes } from '../core/bytes.ts';
import { ERRNO, errnoText, POLL } from '../os/constants.ts';
import type { Native } from '../os/native.ts';
import type { Poller, Watch } from '../os/poller.ts';
import { OutputQueue } from './output-queue.ts';

/** The socket that carries TLS: what was received and not yet understood, and what is sealed and not yet sent. */
export class NetworkSide {
  /** Nothing more will be received; {@link received} may still hold something. */
  ended = false;
  /** Nothing can be sent any more: what would be is dropped. */
  broken = false;
  /** The text of the error that ended or broke it, if it was one. */
  error: string | undefined;
  receivedBytes = 0;
  readonly output = new OutputQueue();
  readonly #native: Native;
  readonly #fd: number;
  readonly #watch: Watch;
  readonly #buffer: Bytes;
  #start = 0;
  #end = 0;

  /** @param receivable called when there is something to {@link receive}, be it the end */
  constructor(native: Native, poller: Poller, fd: number, bufferBytes: number, receivable: () => void) {
    this.#native = native;
    this.#fd = fd;
    this.#buffer = new Uint8Array(bufferBytes);
    this.#watch = poller.watch(fd, (events) => {
      if ((events & (POLL.IN | POLL.HUP | POLL.ERR)) !== 0) receivable();
    });
  }

  /** A view that is good until the next {@link receive}. */
  get received(): Bytes {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  consume(count: number): void {
    this.#start += count;
  }

  queue(bytes: Bytes): void {
    if (!this.broken) this.output.push(bytes);
  }

  /** Says what to wait for. When nothing can be received nor sent, not even hang-ups are of interest. */
  wait(wantsInput: boolean): void {
    this.#watch.interest = (wantsInput && !this.ended ? POLL.IN : 0) | (this.output.bytes > 0 ? POLL.OUT : 0);
  }

  /** Waits for the moment when neither direction works any more. */
  waitForHangUp(): void {
    this.#watch.interest = this.broken ? 0 : POLL.ERR | (this.output.bytes > 0 ? POLL.OUT : 0);
  }

  /** Receives once, without blocking. @returns whether anything changed. */
  receive(): boolean {
    if (this.ended) return false;
    if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    if (this.#end === this.#buffer.length) return false;
    const count = this.#native.receive(this.#fd, this.#buffer, this.#end, this.#buffer.length - this.#end);
    if (count === -ERRNO.EAGAIN || count === -ERRNO.EINTR) return false;
    if (count > 0) {
      this.#end += count;
      this.receivedBytes += count;
      return true;
    }
    this.ended = true;
    if (count < 0) this.error = errnoText(count);
    return true;
  }

  /** Sends what it can. @returns whether anything was sent. */
  flush(): boolean {
    if (this.output.bytes === 0) return false;
    const before = this.output.written;
    const result = this.output.flush((buffers, skip) => this.#native.sendVector(this.#fd, buffers, skip));
    if (result < 0 && result !== -ERRNO.EAGAIN && result !== -ERRNO.EINTR) this.break(errnoText(result));
    return this.output.written > before;
  }

  /** Nothing can be sent any more. */
  break(error?: string): void {
    this.broken = true;
    this.error ??= error;
    this.output.clear();
  }

  endWatch(): void {
    this.#watch.end();
  }
}
