import type { Bytes } from '../core/bytes.ts';

/** Small buffers are joined in chunks of this size, so that a peer's tiny records cost neither a system call nor an object each. */
const JOIN_BYTES = 16_384;
const SMALL_BYTES = 4096;

/** Bytes that wait until a descriptor takes them, in order. It bounds nothing itself: its owner looks at {@link bytes} before adding. */
export class OutputQueue {
  /** Waiting now. */
  bytes = 0;
  /** Taken by the descriptor since the beginning. */
  written = 0;
  #buffers: Bytes[] = [];
  #head = 0;
  /** How much of the first buffer is already written. */
  #skip = 0;
  /** The last buffer, if it is one of ours with room behind `#joined`. */
  #joining: Bytes | undefined;
  #joined = 0;

  /** Takes over `bytes`: nobody may change them any more. */
  push(bytes: Bytes): void {
    if (bytes.length === 0) return;
    this.bytes += bytes.length;
    if (bytes.length > SMALL_BYTES) {
      this.#joining = undefined;
      this.#buffers.push(bytes);
    } else this.#join(bytes);
  }

  #join(bytes: Bytes): void {
    const chunk = this.#joining;
    if (chunk !== undefined && this.#joined + bytes.length <= chunk.length) {
      chunk.set(bytes, this.#joined);
      this.#joined += bytes.length;
      this.#buffers[this.#buffers.length - 1] = chunk.subarray(0, this.#joined);
    } else if (this.bytes === bytes.length) {
      // Alone in the queue: most likely it is written before anything comes to join it.
      this.#joining = undefined;
      this.#buffers.push(bytes);
    } else {
      this.#joining = new Uint8Array(JOIN_BYTES);
      this.#joining.set(bytes);
      this.#joined = bytes.length;
      this.#buffers.push(this.#joining.subarray(0, bytes.length));
    }
  }

  /**
   * Writes until the queue is empty or `write` takes no more. `write(buffers, skip)` writes `buffers` from `skip` bytes into them and
   * returns how many bytes it took, or -errno.
   * @returns 0 when the queue is empty, else the -errno that stopped it (-EAGAIN: wait and call again).
   */
  flush(write: (buffers: readonly Bytes[], skip: number) => number): number {
    while (this.bytes > 0) {
      const buffers = this.#buffers.slice(this.#head, this.#head + GATHERED);
      const taken = write(buffers, this.#skip);
      if (taken < 0) return taken;
      this.#advance(taken);
    }
    return 0;
  }

  clear(): void {
    this.bytes = 0;
    this.#buffers = [];
    this.#head = 0;
    this.#skip = 0;
    this.#joining = undefined;
  }

  #advance(taken: number): void {
    this.written += taken;
    this.bytes -= taken;
    let skip = this.#skip + taken;
    for (;;) {
      const first = this.#buffers[this.#head];
      if (first === undefined || skip < first.length) break;
      skip -= first.length;
      this.#head++;
    }
    this.#skip = skip;
    if (this.#head === this.#buffers.length) {
      this.#buffers = [];
      this.#head = 0;
      this.#joining = undefined;
    } else if (this.#head >= 1024) {
      this.#buffers.splice(0, this.#head);
      this.#head = 0;
    }
  }
}

/** The most buffers that one call of the native module gathers. */
const GATHERED = 64;
