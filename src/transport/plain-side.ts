import type { Bytes } from '../core/bytes.ts';
import { ERRNO, errnoText, POLL } from '../os/constants.ts';
import { StreamDescriptor } from '../os/descriptors.ts';
import type { Native } from '../os/native.ts';
import type { Poller, Watch } from '../os/poller.ts';
import { type TransportFailure, transportFailure } from './failures.ts';
import { OutputQueue } from './output-queue.ts';

/** Where the application's bytes come from and go to; the same descriptor twice is fine. */
export interface PlainDescriptors {
  readonly readFd: number;
  readonly writeFd: number;
}

/** The application's descriptors: plain bytes both ways. */
export class PlainSide {
  /** The application has said that it is done, or is gone. */
  inputEnded = false;
  /** Nobody will read what we write. */
  readerGone = false;
  readonly output = new OutputQueue();
  readonly #reader: StreamDescriptor;
  readonly #writer: StreamDescriptor;
  /** Both directions are of one socket, or one descriptor of anything else. */
  readonly #oneFile: boolean;
  readonly #readWatch: Watch;
  readonly #writeWatch: Watch;
  #outputEnded = false;

  /**
   * @param readable called when there is something to {@link read}, be it the end
   * @throws SystemError, RangeError for descriptors that are not open or not streams
   */
  constructor(native: Native, poller: Poller, descriptors: PlainDescriptors, readable: () => void) {
    this.#reader = new StreamDescriptor(native, descriptors.readFd);
    this.#writer = new StreamDescriptor(native, descriptors.writeFd);
    this.#oneFile =
      descriptors.readFd === descriptors.writeFd ||
      (this.#writer.kind === 'socket' && native.sameFile(descriptors.readFd, descriptors.writeFd) === 1);
    this.#readWatch = poller.watch(descriptors.readFd, readable);
    this.#writeWatch = poller.watch(descriptors.writeFd, (events) => {
      if ((events & (POLL.ERR | POLL.HUP | POLL.NVAL)) !== 0) this.readerGone = true;
    });
  }

  /** Says what to wait for: input if wanted, room for the output there is, and always whether the reader has gone. */
  wait(wantsInput: boolean): void {
    this.#readWatch.interest = wantsInput && !this.inputEnded ? POLL.IN : 0;
    const listening = !this.readerGone && !this.#outputEnded;
    this.#writeWatch.interest = listening ? (this.output.bytes > 0 ? POLL.OUT : POLL.ERR) : 0;
  }

  /** Reads once. @returns the number of bytes, 0 for none (which may be the end: {@link inputEnded}), or why it failed. */
  read(buffer: Bytes): number | TransportFailure {
    const count = this.#reader.read(buffer, 0, buffer.length);
    if (count > 0) return count;
    if (count === -ERRNO.EAGAIN || count === -ERRNO.EINTR) return 0;
    this.inputEnded = true;
    // A local socket says ECONNRESET when its other end was closed before all was read there.
    if (count === 0 || count === -ERRNO.ECONNRESET) return 0;
    return transportFailure('application-failed', `reading: ${errnoText(count)}`);
  }

  /** Writes what the application takes. @returns why it failed, if it did. */
  flush(): TransportFailure | undefined {
    if (this.output.bytes === 0) return undefined;
    const result = this.readerGone
      ? -ERRNO.EPIPE
      : this.output.flush((buffers, skip) => this.#writer.writeVector(buffers, skip));
    if (result === 0 || result === -ERRNO.EAGAIN || result === -ERRNO.EINTR) return undefined;
    this.readerGone = true;
    this.output.clear();
    return result === -ERRNO.EPIPE || result === -ERRNO.ECONNRESET
      ? transportFailure('application-gone')
      : transportFailure('application-failed', `writing: ${errnoText(result)}`);
  }

  /** Tells the application that no more will come. A terminal that is also read has no way to hear it. */
  endOutput(): void {
    if (this.#outputEnded) return;
    this.#outputEnded = true;
    this.#writeWatch.interest = 0;
    this.#writer.endWriting(this.#oneFile);
  }

  endWatch(): void {
    this.#readWatch.end();
    this.#writeWatch.end();
  }
}
