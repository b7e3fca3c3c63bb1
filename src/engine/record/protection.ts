import type { Bytes } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import type { Aead } from '../../crypto/provider.ts';
import { CONTENT_TYPE, VERSION } from '../codec/registry.ts';

/** Type, version, length (RFC 8446 section 5.1). */
export const HEADER_BYTES = 5;

/** Those that we write ourselves. */
export type ContentType = (typeof CONTENT_TYPE)[keyof typeof CONTENT_TYPE];

/** Turns fragments into records of one epoch: a key and its sequence numbers, or no protection. */
export interface Sealer {
  /** Whether the key can be replaced while the connection lives: TLS 1.3's KeyUpdate. */
  readonly replaceable: boolean;
  /** Records sealed so far. */
  readonly records: number;
  /** Bytes of the record for a fragment of that many, header included. @param paddingBytes TLS 1.3's alone (section 5.4) */
  recordBytes(fragmentBytes: number, paddingBytes?: number): number;
  /** Writes one record at `offset`. @returns its length. */
  seal(type: ContentType, fragment: Bytes, output: Bytes, offset: number, paddingBytes?: number): number;
}

/** Turns the records of one epoch back into fragments. */
export interface Opener {
  /** Whether the header says application_data for whatever is within, as TLS 1.3 does. */
  readonly hidesType: boolean;
  /**
   * @param header the record's five bytes
   * @param body what follows them
   * @throws TlsError bad-record-mac, record-overflow, record-without-type, record-sequence-exhausted
   */
  open(header: Bytes, body: Bytes): OpenedRecord;
}

/** TLSInnerPlaintext, taken apart; before there are keys, the record itself. */
export interface OpenedRecord {
  /** As the peer wrote it, not checked yet. */
  readonly type: number;
  /** In memory of its own. */
  readonly content: Bytes;
  /** Length of TLSInnerPlaintext: content, type and padding, which is what limits apply to. */
  readonly innerBytes: number;
}

/** RFC 8446 section 5.1: records before there are keys. */
export class PlainSealer implements Sealer {
  readonly replaceable = false;
  readonly #version: number;
  #records = 0;

  /** @param version legacy_record_version: 0x0301 for a first ClientHello, 0x0303 for all else */
  constructor(version: number) {
    this.#version = version;
  }

  get records(): number {
    return this.#records;
  }

  recordBytes(fragmentBytes: number): number {
    return HEADER_BYTES + fragmentBytes;
  }

  seal(type: ContentType, fragment: Bytes, output: Bytes, offset: number): number {
    writeHeader(output, offset, type, this.#version, fragment.length);
    output.set(fragment, offset + HEADER_BYTES);
    this.#records += 1;
    return HEADER_BYTES + fragment.length;
  }
}

/** One direction's initialization vector and sequence number. The nonce is a buffer used again for each record. */
export class Sequence {
  readonly nonce: Bytes = new Uint8Array(12);
  readonly #iv: Bytes;
  #next: number;

  constructor(iv: Bytes, first: number) {
    if (iv.length !== 12) throw new RangeError(`initialization vector of ${iv.length} bytes`);
    this.#iv = iv;
    this.#next = first;
  }

  /** Sequence numbers used so far. */
  get used(): number {
    return this.#next;
  }

  /**
   * RFC 8446 section 5.3: the nonce is the sequence number in 64 bits, padded on the left and XORed with the vector. It counts
   * here to 2^53 - 1 and then refuses, far above the 2^24.5 records that one AES-GCM key is good for.
   */
  advance(): Bytes {
    const sequence = this.#next;
    if (sequence >= Number.MAX_SAFE_INTEGER) throw new TlsError('record-sequence-exhausted');
    this.#next = sequence + 1;
    const { nonce } = this;
    nonce.set(this.#iv);
    const high = Math.floor(sequence / 2 ** 32);
    for (let index = 0; index < 4; index++) {
      nonce[4 + index] = (nonce[4 + index] as number) ^ ((high >>> (24 - 8 * index)) & 0xff);
      nonce[8 + index] = (nonce[8 + index] as number) ^ ((sequence >>> (24 - 8 * index)) & 0xff);
    }
    return nonce;
  }

  /** The last number was not used after all. */
  retreat(): void {
    this.#next -= 1;
  }
}

/** RFC 8446 section 5.2, sending. */
export class Sealer13 implements Sealer {
  readonly replaceable = true;
  readonly #aead: Aead;
  readonly #sequence: Sequence;
  readonly #header = new Uint8Array(HEADER_BYTES);
  readonly #innerType = new Uint8Array(1);

  constructor(aead: Aead, iv: Bytes, firstSequenceNumber = 0) {
    this.#aead = aead;
    this.#sequence = new Sequence(iv, firstSequenceNumber);
  }

  get records(): number {
    return this.#sequence.used;
  }

  recordBytes(fragmentBytes: number, paddingBytes = 0): number {
    return HEADER_BYTES + fragmentBytes + 1 + paddingBytes + this.#aead.tagBytes;
  }

  seal(type: ContentType, fragment: Bytes, output: Bytes, offset: number, paddingBytes = 0): number {
    const header = this.#header;
    const bodyBytes = fragment.length + 1 + paddingBytes + this.#aead.tagBytes;
    writeHeader(header, 0, CONTENT_TYPE.application_data, VERSION.tls12, bodyBytes);
    output.set(header, offset);
    const trailer = paddingBytes === 0 ? this.#innerType : new Uint8Array(1 + paddingBytes);
    trailer[0] = type;
    const nonce = this.#sequence.advance();
    this.#aead.seal(nonce, header, fragment, trailer, output, offset + HEADER_BYTES);
    return HEADER_BYTES + bodyBytes;
  }
}

/** RFC 8446 section 5.2, receiving. */
export class Opener13 implements Opener {
  readonly hidesType = true;
  readonly #aead: Aead;
  readonly #sequence: Sequence;

  constructor(aead: Aead, iv: Bytes, firstSequenceNumber = 0) {
    this.#aead = aead;
    this.#sequence = new Sequence(iv, firstSequenceNumber);
  }

  open(header: Bytes, body: Bytes): OpenedRecord {
    const nonce = this.#sequence.advance();
    const inner = body.length < this.#aead.tagBytes ? null : this.#aead.open(nonce, header, body);
    if (inner === null) {
      // It may be early data, which is skipped and has its own numbers.
      this.#sequence.retreat();
      throw new TlsError('bad-record-mac');
    }
    // Section 5.4: the type is the last byte that is not zero.
    let typeAt = inner.length - 1;
    while (typeAt >= 0 && inner[typeAt] === 0) typeAt -= 1;
    if (typeAt < 0) throw new TlsError('record-without-type');
    return { type: inner[typeAt] as number, content: inner.subarray(0, typeAt), innerBytes: inner.length };
  }
}

/** The five bytes in front of a body of that length, RFC 8446 section 5.1. @param version as it stands in the record */
export function writeHeader(output: Bytes, offset: number, type: number, version: number, bodyBytes: number): void {
  output[offset] = type;
  output[offset + 1] = version >>> 8;
  output[offset + 2] = version;
  output[offset + 3] = bodyBytes >>> 8;
  output[offset + 4] = bodyBytes;
}
