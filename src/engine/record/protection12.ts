import { type Bytes, concat, EMPTY } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import type { Aead } from '../../crypto/provider.ts';
import { VERSION } from '../codec/registry.ts';
import {
  type ContentType,
  HEADER_BYTES,
  type OpenedRecord,
  type Opener,
  type Sealer,
  Sequence,
  writeHeader,
} from './protection.ts';

/**
 * One direction's nonces in TLS 1.2. The implicit part of the key block tells which kind: of 4 bytes, the rest of the nonce is
 * sent with each record (RFC 5288 section 3, RFC 6655 section 3); of 12, it is XORed with the sequence number (RFC 7905 section 2).
 */
class Nonces {
  /** Bytes of nonce before the ciphertext of each record. */
  readonly explicitBytes: 0 | 8;
  readonly #implicit: Bytes;
  readonly #sequence: Sequence;

  constructor(implicit: Bytes, first: number) {
    this.explicitBytes = implicit.length === 4 ? 8 : 0;
    this.#implicit = implicit;
    // RFC 5288 lets the sender choose; the sequence number repeats in no two records.
    this.#sequence = new Sequence(concat(implicit, new Uint8Array(this.explicitBytes)), first);
  }

  /** The next nonce of our own. */
  advance(): Bytes {
    return this.#sequence.advance();
  }

  /** The next nonce of the peer's, which chooses the explicit part as it likes. */
  advanceTo(explicit: Bytes): Bytes {
    const nonce = this.#sequence.advance();
    if (this.explicitBytes > 0) {
      nonce.set(this.#implicit);
      nonce.set(explicit, this.#implicit.length);
    }
    return nonce;
  }
}

/** RFC 5246 section 6.2.3.3: `seq_num + type + version + length`, the length being the plaintext's. */
class AssociatedData {
  readonly #bytes = new Uint8Array(8 + HEADER_BYTES);
  readonly #sequence: Sequence;

  constructor(first: number) {
    this.#sequence = new Sequence(new Uint8Array(12), first);
  }

  /** Sequence numbers used so far. */
  get used(): number {
    return this.#sequence.used;
  }

  advance(type: number, plaintextBytes: number): Bytes {
    this.#bytes.set(this.#sequence.advance().subarray(4));
    writeHeader(this.#bytes, 8, type, VERSION.tls12, plaintextBytes);
    return this.#bytes;
  }
}

/** RFC 5246 section 6.2.3.3, sending. */
export class Sealer12 implements Sealer {
  readonly replaceable = false;
  readonly #aead: Aead;
  readonly #nonces: Nonces;
  readonly #associatedData: AssociatedData;

  /** @param implicit client_write_IV or server_write_IV */
  constructor(aead: Aead, implicit: Bytes, firstSequenceNumber = 0) {
    this.#aead = aead;
    this.#nonces = new Nonces(implicit, firstSequenceNumber);
    this.#associatedData = new AssociatedData(firstSequenceNumber);
  }

  get records(): number {
    return this.#associatedData.used;
  }

  recordBytes(fragmentBytes: number): number {
    return HEADER_BYTES + this.#nonces.explicitBytes + fragmentBytes + this.#aead.tagBytes;
  }

  seal(type: ContentType, fragment: Bytes, output: Bytes, offset: number): number {
    const { explicitBytes } = this.#nonces;
    const recordBytes = this.recordBytes(fragment.length);
    const associatedData = this.#associatedData.advance(type, fragment.length);
    const nonce = this.#nonces.advance();
    writeHeader(output, offset, type, VERSION.tls12, recordBytes - HEADER_BYTES);
    output.set(nonce.subarray(12 - explicitBytes), offset + HEADER_BYTES);
    this.#aead.seal(nonce, associatedData, fragment, EMPTY, output, offset + HEADER_BYTES + explicitBytes);
    return recordBytes;
  }
}

/** RFC 5246 section 6.2.3.3, receiving. */
export class Opener12 implements Opener {
  readonly hidesType = false;
  readonly #aead: Aead;
  readonly #nonces: Nonces;
  readonly #associatedData: AssociatedData;

  /** @param implicit client_write_IV or server_write_IV */
  constructor(aead: Aead, implicit: Bytes, firstSequenceNumber = 0) {
    this.#aead = aead;
    this.#nonces = new Nonces(implicit, firstSequenceNumber);
    this.#associatedData = new AssociatedData(firstSequenceNumber);
  }

  open(header: Bytes, body: Bytes): OpenedRecord {
    const { explicitBytes } = this.#nonces;
    const type = header[0] as number;
    const plaintextBytes = body.length - explicitBytes - this.#aead.tagBytes;
    if (plaintextBytes < 0) throw new TlsError('bad-record-mac');
    const associatedData = this.#associatedData.advance(type, plaintextBytes);
    const nonce = this.#nonces.advanceTo(body.subarray(0, explicitBytes));
    const content = this.#aead.open(nonce, associatedData, body.subarray(explicitBytes));
    if (content === null) throw new TlsError('bad-record-mac');
    return { type, content, innerBytes: content.length };
  }
}
