import type { Bytes } from './bytes.ts';

/**
 * A cursor over bytes from outside. Every read is checked against the end of its own slice; what runs past it
 * calls `onShort`, which must throw, so that each format reports its own failure.
 */
export class ByteReader {
  readonly #bytes: Bytes;
  readonly #onShort: () => never;
  #offset = 0;

  constructor(bytes: Bytes, onShort: () => never) {
    this.#bytes = bytes;
    this.#onShort = onShort;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(): number {
    const at = this.#advance(1);
    return this.#bytes[at] as number;
  }

  u16(): number {
    const at = this.#advance(2);
    return ((this.#bytes[at] as number) << 8) | (this.#bytes[at + 1] as number);
  }

  u24(): number {
    const at = this.#advance(3);
    return (
      ((this.#bytes[at] as number) << 16) | ((this.#bytes[at + 1] as number) << 8) | (this.#bytes[at + 2] as number)
    );
  }

  u32(): number {
    const at = this.#advance(4);
    return (
      (this.#bytes[at] as number) * 0x1000000 +
      (((this.#bytes[at + 1] as number) << 16) |
        ((this.#bytes[at + 2] as number) << 8) |
        (this.#bytes[at + 3] as number))
    );
  }

  /** A view, not a copy: it lives as long as the buffer behind it. */
  bytes(length: number): Bytes {
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** `opaque x<0..2^8-1>` */
  vector8(): Bytes {
    return this.bytes(this.u8());
  }

  /** `opaque x<0..2^16-1>` */
  vector16(): Bytes {
    return this.bytes(this.u16());
  }

  /** `opaque x<0..2^24-1>` */
  vector24(): Bytes {
    return this.bytes(this.u24());
  }

  rest(): Bytes {
    return this.bytes(this.remaining);
  }

  /** A reader over a nested structure of `length` bytes, with the same way of failing. */
  nested(bytes: Bytes): ByteReader {
    return new ByteReader(bytes, this.#onShort);
  }

  /** Trailing bytes are as wrong as missing ones. */
  end(): void {
    if (this.remaining !== 0) this.#onShort();
  }

  #advance(length: number): number {
    const at = this.#offset;
    if (length > this.#bytes.length - at) this.#onShort();
    this.#offset = at + length;
    return at;
  }
}
