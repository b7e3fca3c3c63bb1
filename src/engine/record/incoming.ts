import { ALERT_LEVEL } from '../../core/alerts.ts';
import { type Bytes, latin1 } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { LIMITS } from '../../core/limits.ts';
import { CONTENT_TYPE, VERSION } from '../codec/registry.ts';
import { type HandshakeAligned, HandshakeJoiner } from './joiner.ts';
import { HEADER_BYTES, type OpenedRecord, type Opener } from './protection.ts';

/** What may arrive beside handshake records, by how far the handshake is. */
export interface RecordRules {
  /**
   * RFC 8446 section 5: between the first ClientHello and the peer's Finished a change_cipher_spec of the one byte 1 is dropped,
   * so that connections look like TLS 1.2 to middleboxes. In TLS 1.2 it has one place, where it is taken for the change of keys
   * that it is; anywhere else (CVE-2014-0224), even before that version was agreed on, it is refused.
   */
  readonly changeCipherSpec: 'drop' | 'refuse' | 'refuse-earlier-too' | 'take';
  /** TLS 1.3 knows no warnings but close_notify and user_canceled; 1.2, and who has not agreed on a version yet, may send others. */
  readonly warnings: 'drop' | 'refuse';
  readonly applicationData: 'take' | 'refuse';
}

/**
 * Early data that a server does not take (RFC 8446 section 4.2.10): after a HelloRetryRequest all that is encrypted, else what
 * does not open with the handshake keys, until the client goes on with something else.
 */
export type EarlyDataSkip = 'none' | 'encrypted' | 'undecryptable';

/** The rules by how far the handshake is. */
export const RULES = {
  beforeClientHello: { changeCipherSpec: 'refuse', warnings: 'drop', applicationData: 'refuse' },
  versionUnknown: { changeCipherSpec: 'drop', warnings: 'drop', applicationData: 'refuse' },
  handshake13: { changeCipherSpec: 'drop', warnings: 'refuse', applicationData: 'refuse' },
  handshake12: { changeCipherSpec: 'refuse-earlier-too', warnings: 'drop', applicationData: 'refuse' },
  changeCipherSpec12: { changeCipherSpec: 'take', warnings: 'drop', applicationData: 'refuse' },
  finished12: { changeCipherSpec: 'refuse', warnings: 'drop', applicationData: 'refuse' },
  open12: { changeCipherSpec: 'refuse', warnings: 'drop', applicationData: 'take' },
  open13: { changeCipherSpec: 'refuse', warnings: 'refuse', applicationData: 'take' },
} as const satisfies Record<string, RecordRules>;

/** One record, dealt with as far as the record layer can. */
export type Received =
  | { readonly received: 'handshake' } // in the joiner now
  | { readonly received: 'application-data'; readonly content: Bytes }
  | { readonly received: 'change-cipher-spec' } // TLS 1.2's: the next record is under other keys
  | { readonly received: 'alert'; readonly level: number; readonly description: number }
  | { readonly received: 'nothing' };

/** The receiving half of the record layer (RFC 8446 section 5). Holds no record: incomplete ones stay with the caller. */
export class Incoming {
  readonly joiner = new HandshakeJoiner();
  /** The most that TLSInnerPlaintext may have: RFC 8446's limit, or what we asked for with record_size_limit. */
  innerBytesLimit: number = LIMITS.plaintextBytes + 1;
  /** Set by a server whose client has announced early data. */
  skipEarlyData: EarlyDataSkip = 'none';
  #earlyDataBytes = 0;
  #rules: RecordRules = RULES.versionUnknown;
  #opener: Opener | null = null;
  /** Whether a record has opened since the peer's types are hidden. */
  #hiddenTypeSeen = false;
  #anyRecord = false;
  #emptyRecords = 0;
  #changeCipherSpecs = 0;

  get rules(): RecordRules {
    return this.#rules;
  }

  set rules(rules: RecordRules) {
    if (rules.changeCipherSpec === 'refuse-earlier-too' && this.#changeCipherSpecs > 0)
      unexpected(CONTENT_TYPE.change_cipher_spec);
    this.#rules = rules;
  }

  useOpener(opener: Opener, aligned: HandshakeAligned): void {
    if (!aligned.stillHolds) throw new TlsError('internal-error', 'a key change after more was received');
    this.#opener = opener;
  }

  /**
   * The length of the record at `offset`, header included, once that is known; 0 before.
   * @throws TlsError for a header that cannot begin an acceptable record, without waiting for its body.
   */
  recordBytes(input: Bytes, offset: number): number {
    if (input.length - offset < HEADER_BYTES) return 0;
    const type = input[offset] as number;
    const version = ((input[offset + 1] as number) << 8) | (input[offset + 2] as number);
    const bodyBytes = ((input[offset + 3] as number) << 8) | (input[offset + 4] as number);
    if (!this.#anyRecord) requireTls(type, version, input, offset);
    this.#requireType(type);
    // legacy_record_version means nothing, but a peer that writes another major version is not talking TLS any more. Under
    // protection it is part of the authenticated header and has one value.
    if (this.#opener === null ? version >>> 8 !== 3 : version !== VERSION.tls12)
      throw new TlsError('bad-record-version', `0x${version.toString(16)}`);
    const plain = this.#opener === null && type !== CONTENT_TYPE.application_data;
    const maximum = plain ? LIMITS.plaintextBytes : LIMITS.ciphertextBytes;
    if (bodyBytes > maximum) throw new TlsError('record-overflow', `${bodyBytes} bytes, at most ${maximum}`);
    return HEADER_BYTES + bodyBytes;
  }

  /** Takes the complete record at `offset`, whose length {@link recordBytes} gave. */
  take(input: Bytes, offset: number, recordBytes: number): Received {
    const header = input.subarray(offset, offset + HEADER_BYTES);
    const body = input.subarray(offset + HEADER_BYTES, offset + recordBytes);
    this.#anyRecord = true;
    const outerType = header[0] as number;
    if (outerType === CONTENT_TYPE.change_cipher_spec) return this.#changeCipherSpec(body);
    if (this.#opener === null && outerType === CONTENT_TYPE.application_data) return this.#earlyData(body);
    if (this.#opener?.hidesType === true && outerType === CONTENT_TYPE.alert) return this.#lastWordInTheClear(body);
    const record = this.#opener === null ? plainRecord(outerType, body) : this.#open(this.#opener, header, body);
    if (record === null) return this.#earlyData(body);
    // A message in the clear where none may be did not open; this is one that did, in the wrong wrapping.
    if (this.#opener?.hidesType === true && outerType !== CONTENT_TYPE.application_data) unexpected(outerType);
    this.#hiddenTypeSeen = this.#opener?.hidesType === true;
    this.skipEarlyData = 'none';
    if (record.innerBytes > this.innerBytesLimit)
      throw new TlsError('record-overflow', `${record.innerBytes} bytes within, at most ${this.innerBytesLimit}`);
    return this.#content(record);
  }

  /**
   * OpenSSL's client refuses a certificate before it takes up its handshake keys, though RFC 8446 section 6 has alerts sealed
   * by then. Either way the connection is over: we say why the peer ended it, and believe nothing else in the clear.
   */
  #lastWordInTheClear(body: Bytes): Received {
    const alert = this.#content(plainRecord(CONTENT_TYPE.alert, body));
    if (alert.received !== 'alert' || alert.level !== ALERT_LEVEL.fatal) unexpected(CONTENT_TYPE.alert);
    return alert;
  }

  #open(opener: Opener, header: Bytes, body: Bytes): OpenedRecord | null {
    if (this.skipEarlyData !== 'undecryptable') return opener.open(header, body);
    try {
      return opener.open(header, body);
    } catch (error) {
      if (error instanceof TlsError && error.why === 'bad-record-mac') return null;
      throw error;
    }
  }

  #earlyData(body: Bytes): Received {
    this.#earlyDataBytes += body.length;
    if (this.#earlyDataBytes > LIMITS.earlyDataSkippedBytes) throw new TlsError('too-much-early-data');
    return NOTHING;
  }

  #content({ type, content }: OpenedRecord): Received {
    if (type === CONTENT_TYPE.alert) {
      // Section 5.1: alerts are not fragmented, and one record holds one.
      if (content.length !== 2) throw new TlsError('bad-alert', `${content.length} bytes`);
      return { received: 'alert', level: content[0] as number, description: content[1] as number };
    }
    if (type === CONTENT_TYPE.handshake) {
      // Section 5.1: handshake fragments are never empty.
      if (content.length === 0) throw new TlsError('empty-record', 'handshake');
      this.#emptyRecords = 0;
      this.joiner.add(this.#opener === null ? content.slice() : content);
      return { received: 'handshake' };
    }
    if (type !== CONTENT_TYPE.application_data || this.#rules.applicationData === 'refuse') unexpected(type);
    if (this.joiner.heldBytes !== 0) throw new TlsError('unexpected-record', 'within a handshake message');
    if (content.length === 0) {
      this.#emptyRecords += 1;
      if (this.#emptyRecords > LIMITS.emptyRecords) throw new TlsError('too-many-empty-records');
      return NOTHING;
    }
    this.#emptyRecords = 0;
    return { received: 'application-data', content };
  }

  #changeCipherSpec(body: Bytes): Received {
    if (body.length !== 1 || body[0] !== 1) throw new TlsError('bad-change-cipher-spec');
    if (this.#rules.changeCipherSpec === 'take') return { received: 'change-cipher-spec' };
    this.#changeCipherSpecs += 1;
    if (this.#changeCipherSpecs > LIMITS.changeCipherSpecs)
      throw new TlsError('too-many-empty-records', 'change_cipher_spec');
    return NOTHING;
  }

  /** The outer type, as far as it can be judged without the key. */
  #requireType(type: number): void {
    const allowed =
      type === CONTENT_TYPE.change_cipher_spec
        ? this.#rules.changeCipherSpec === 'drop' || this.#rules.changeCipherSpec === 'take'
        : this.#opener?.hidesType === true
          ? type === CONTENT_TYPE.application_data ||
            type === CONTENT_TYPE.handshake ||
            (type === CONTENT_TYPE.alert && !this.#hiddenTypeSeen)
          : type === CONTENT_TYPE.handshake ||
            type === CONTENT_TYPE.alert ||
            (type === CONTENT_TYPE.application_data && (this.#opener !== null || this.skipEarlyData === 'encrypted'));
    if (!allowed) unexpected(type);
  }
}

const NOTHING: Received = { received: 'nothing' };

function plainRecord(type: number, body: Bytes): OpenedRecord {
  return { type, content: body, innerBytes: body.length };
}

function unexpected(type: number): never {
  throw new TlsError('unexpected-record', `content type ${type}`);
}

/** The first bytes of a stream tell whether somebody else answers: a mail server, a web server without TLS. */
function requireTls(type: number, version: number, input: Bytes, offset: number): void {
  const known = type >= CONTENT_TYPE.change_cipher_spec && type <= CONTENT_TYPE.application_data;
  if (known && version >>> 8 === 3) return;
  const start = latin1(input.subarray(offset, offset + 32)).replace(/[^\x20-\x7e]+.*/s, '');
  throw new TlsError('not-tls', start === '' ? undefined : `the peer began with "${start}"`);
}
