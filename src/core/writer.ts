import type { Bytes } from './bytes.ts';

/** Builds a message front to back; lengths of vectors are filled in when their body is complete. Grows by doubling. */
export class ByteWriter {
  #bytes: Bytes;
  #length = 0;

  constructor(initialCapacity = 256) {
    this.#bytes = new Uint8Array(initialCapacity);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#bytes[at] = value;
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
    return this;
  }

  u24(value: number): this {
    return this.u8(value >>> 16).u16(value & 0xffff);
  }

  u32(value: number): this {
    return this.u16(value >>> 16).u16(value & 0xffff);
  }

  bytes(value: Bytes): this {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  vector8(body: Bytes | ((writer: this) => void)): this {
    return this.#vector(1, body);
  }

  vector16(body: Bytes | ((writer: this) => void)): this {
    return this.#vector(2, body);
  }

  vector24(body: Bytes | ((writer: this) => void)): this {
    return this.#vector(3, body);
  }

  /** The bytes written so far, in memory of their own. */
  finish(): Bytes {
    return this.#bytes.slice(0, this.#length);
  }

  /** As {@link finish}, and leaves zeros behind. */
  finishSecret(): Bytes {
    const whole = this.finish();
    this.#bytes.fill(0);
    return whole;
  }

  /** @throws RangeError when the body is longer than its length field can say: always our own mistake, never the peer's. */
  #vector(lengthBytes: 1 | 2 | 3, body: Bytes | ((writer: this) => void)): this {
    const at = this.#grow(lengthBytes);
    if (typeof body === 'function') body(this);
    else this.bytes(body);
    let length = this.#length - at - lengthBytes;
    if (length >= 2 ** (8 * lengthBytes))
      throw new RangeError(`vector of ${length} bytes behind a ${lengthBytes}-byte length`);
    for (let index = at + lengthBytes - 1; index >= at; index--) {
      this.#bytes[index] = length;
      length >>>= 8;
    }
    return this;
  }

  #grow(length: number): number {
    const at = this.#length;
    this.#length = at + length;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes.fill(0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }
}
