import { type Bytes, concat, EMPTY } from '../../core/bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import { CONTENT_TYPE, VERSION } from '../codec/registry.ts';
import { type ContentType, PlainSealer, type Sealer } from './protection.ts';

/**
 * How many zeros hide the length of a fragment (RFC 8446 section 5.4). More than there is room for is cut down to that.
 */
export type RecordPadding = (type: ContentType, fragmentBytes: number, mostBytes: number) => number;

/** Every TLSInnerPlaintext is as long as the next multiple of `bytes`, or as it may be. */
export function padToMultipleOf(bytes: number): RecordPadding {
  return (_type, fragmentBytes) => (bytes - ((fragmentBytes + 1) % bytes)) % bytes;
}

/**
 * The sending half of the record layer. It gathers records until {@link flush}, so that a flight, or a large write, is one
 * piece for the network; handshake messages in succession share records.
 */
export class Outgoing {
  #sealer: Sealer;
  readonly #padding: RecordPadding | null;
  #fragmentBytes: number;
  /** The most that a fragment and its padding may have. */
  #paddedBytes: number = LIMITS.plaintextBytes;
  #changeCipherSpecOwed = false;
  #handshake: Bytes[] = [];
  #records: Bytes[] = [];

  /** @param maxFragment the most plaintext bytes of one record */
  constructor(maxFragment: number, padding: RecordPadding | null = null) {
    this.#padding = padding;
    this.#fragmentBytes = Math.min(maxFragment, LIMITS.plaintextBytes);
    this.#sealer = new PlainSealer(VERSION.tls10);
  }

  /** How many more records the present key may seal if `recordsPerKey` are the most; TLS 1.2's key lasts as long as its sequence numbers. */
  recordsLeft(recordsPerKey: number): number {
    return this.#sealer.replaceable ? recordsPerKey - this.#sealer.records : Number.POSITIVE_INFINITY;
  }

  /** The most plaintext bytes of one record. */
  get fragmentBytes(): number {
    return this.#fragmentBytes;
  }

  limitFragment(bytes: number): void {
    this.#paddedBytes = Math.min(this.#paddedBytes, bytes);
    this.#fragmentBytes = Math.min(this.#fragmentBytes, bytes);
  }

  useSealer(sealer: Sealer): void {
    this.#sealHandshake();
    this.#sealer = sealer;
  }

  handshake(message: Bytes): void {
    this.#handshake.push(message);
  }

  /** RFC 8446 appendix D.4: one before whatever is sent next, if anything is. */
  oweChangeCipherSpec(): void {
    this.#sealHandshake();
    this.#changeCipherSpecOwed = true;
  }

  changeCipherSpec(): void {
    this.#sealHandshake();
    this.#records.push(CHANGE_CIPHER_SPEC_RECORD);
  }

  alert(level: number, description: number): void {
    this.#sealHandshake();
    this.#seal(CONTENT_TYPE.alert, Uint8Array.of(level, description));
  }

  applicationData(content: Bytes): void {
    this.#sealHandshake();
    this.#seal(CONTENT_TYPE.application_data, content);
  }

  /** All records since the last time, in memory of their own; empty if there are none. */
  flush(): Bytes {
    this.#sealHandshake();
    const records = this.#records;
    if (records.length === 0) return EMPTY;
    this.#records = [];
    return records.length === 1 ? (records[0] as Bytes) : concat(...records);
  }

  #sealHandshake(): void {
    const messages = this.#handshake;
    if (messages.length === 0) return;
    this.#handshake = [];
    this.#seal(CONTENT_TYPE.handshake, messages.length === 1 ? (messages[0] as Bytes) : concat(...messages));
  }

  /** As few records as possible, in one allocation. Nothing for empty content. */
  #seal(type: ContentType, content: Bytes): void {
    if (content.length === 0) return;
    if (this.#changeCipherSpecOwed) {
      this.#changeCipherSpecOwed = false;
      this.#records.push(CHANGE_CIPHER_SPEC_RECORD);
    }
    const sealer = this.#sealer;
    // RFC 8446 section 5.1: an alert is never cut in two.
    const fragmentBytes = type === CONTENT_TYPE.alert ? content.length : this.#fragmentBytes;
    // Only TLS 1.3 pads.
    if (this.#padding !== null && sealer.replaceable) {
      this.#sealPadded(type, content, fragmentBytes, this.#padding);
      return;
    }
    const whole = Math.floor(content.length / fragmentBytes);
    const rest = content.length - whole * fragmentBytes;
    const total = whole * sealer.recordBytes(fragmentBytes) + (rest === 0 ? 0 : sealer.recordBytes(rest));
    const output = new Uint8Array(total);
    let written = 0;
    for (let offset = 0; offset < content.length; offset += fragmentBytes)
      written += sealer.seal(type, content.subarray(offset, offset + fragmentBytes), output, written);
    this.#records.push(output);
  }

  #sealPadded(type: ContentType, content: Bytes, fragmentBytes: number, padding: RecordPadding): void {
    const sealer = this.#sealer;
    for (let offset = 0; offset < content.length; offset += fragmentBytes) {
      const fragment = content.subarray(offset, offset + fragmentBytes);
      const mostBytes = this.#paddedBytes - fragment.length;
      const paddingBytes = Math.max(0, Math.min(mostBytes, Math.floor(padding(type, fragment.length, mostBytes))));
      const output = new Uint8Array(sealer.recordBytes(fragment.length, paddingBytes));
      sealer.seal(type, fragment, output, 0, paddingBytes);
      this.#records.push(output);
    }
  }
}

/** Never encrypted, in any version; the same bytes always. Copied by `flush` unless it is alone, and it never is. */
const CHANGE_CIPHER_SPEC_RECORD: Bytes = Uint8Array.of(CONTENT_TYPE.change_cipher_spec, 3, 3, 0, 1, 1);
