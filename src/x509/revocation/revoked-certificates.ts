import type { Bytes } from '../../core/bytes.ts';
import { DerError, DerReader, dottedOid, TAG } from '../der.ts';
import { readExtensionList } from '../extensions.ts';
import { timeAt, type UnixSeconds } from '../time.ts';
import { REASONS, type RevocationReason, readReason } from './reasons.ts';

/** One entry of a CRL, RFC 5280 section 5.3. */
export interface RevokedEntry {
  readonly at: UnixSeconds;
  readonly reason: RevocationReason | undefined;
}

/**
 * The entries of a CRL, each checked as strictly as everything else, none of them an object: a list can have hundreds of thousands.
 * What is kept is where each begins, in a hash table over the serial numbers.
 */
export class RevokedCertificates {
  readonly #source: Bytes;
  /** Open addressing: position of an entry, or 0. */
  readonly #table: Uint32Array;
  /** How many there are. */
  readonly size: number;
  /** The entry that was read last. */
  #serialFrom = 0;
  #serialTo = 0;
  #at: UnixSeconds = 0;
  #extensionsFrom = 0;
  #end = 0;
  /** Where the contents of the value read last begin and end. */
  #from = 0;
  #to = 0;

  /** @throws DerError for the first entry that is malformed, twice there, or has a critical extension: section 5.3 knows one, for indirect CRLs */
  constructor(source: Bytes, from: number, to: number) {
    let size = 0;
    this.#source = source;
    this.#table = new Uint32Array(2 ** Math.ceil(Math.log2(2 * Math.ceil((to - from) / SHORTEST_ENTRY_BYTES) + 1)));
    for (let at = from; at < to; at = this.#end) {
      this.#read(at, to);
      this.#readReason();
      const slot = this.#slotOf(source, this.#serialFrom, this.#serialTo);
      if (this.#table[slot] !== 0) this.#fail('the same serial number twice', at);
      this.#table[slot] = at;
      size++;
    }
    this.size = size;
  }

  /** `serialNumber`: contents of the INTEGER. */
  find(serialNumber: Bytes): RevokedEntry | undefined {
    const position = this.#table[this.#slotOf(serialNumber, 0, serialNumber.length)] as number;
    if (position === 0) return undefined;
    this.#read(position, this.#source.length);
    return { at: this.#at, reason: this.#readReason() };
  }

  /** Where the entry with that serial number is, or would be. */
  #slotOf(bytes: Bytes, from: number, to: number): number {
    const mask = this.#table.length - 1;
    const first = hashOf(bytes, from, to);
    for (let probe = 0; probe < PROBES; probe++) {
      const slot = (first + probe) & mask;
      const position = this.#table[slot] as number;
      if (position === 0 || this.#hasSerial(position, bytes, from, to)) return slot;
    }
    return this.#fail('serial numbers that were made to collide', from);
  }

  #hasSerial(position: number, bytes: Bytes, from: number, to: number): boolean {
    const source = this.#source;
    this.#header(TAG.sequence, position, source.length);
    const at = this.#from;
    if (source[at + 1] !== to - from) return false;
    for (let index = 0; index < to - from; index++) if (source[at + 2 + index] !== bytes[from + index]) return false;
    return true;
  }

  /** SEQUENCE { userCertificate INTEGER, revocationDate Time, crlEntryExtensions OPTIONAL }, without an object for any of them. */
  #read(at: number, to: number): void {
    this.#header(TAG.sequence, at, to);
    this.#end = this.#to;
    this.#header(TAG.integer, this.#from, this.#end);
    this.#serialFrom = this.#from;
    this.#serialTo = this.#to;
    this.#checkSerial();

    const isGeneralized = this.#source[this.#to] === TAG.generalizedTime;
    this.#header(isGeneralized ? TAG.generalizedTime : TAG.utcTime, this.#to, this.#end);
    const time = timeAt(this.#source, this.#from, this.#to, isGeneralized);
    if (typeof time === 'string') this.#fail(time, this.#from);
    this.#at = time;
    this.#extensionsFrom = this.#to;
    if (this.#to === this.#end) return;
    this.#header(TAG.sequence, this.#to, this.#end);
    if (this.#to !== this.#end) this.#fail('trailing bytes', this.#to);
  }

  #checkSerial(): void {
    const first = this.#source[this.#serialFrom] as number;
    const second = this.#source[this.#serialFrom + 1] as number;
    const length = this.#serialTo - this.#serialFrom;
    if (length === 0 || length > SERIAL_BYTES) this.#fail(`not of 1 to ${SERIAL_BYTES} bytes`, this.#serialFrom);
    if (length > 1 && (first === 0 || first === 0xff) && (first ^ second) < 0x80)
      this.#fail('integer longer than needed', this.#serialFrom);
  }

  #readReason(): RevocationReason | undefined {
    const from = this.#extensionsFrom;
    if (from === this.#end) return undefined;
    const known = this.#usualReason(from);
    if (known !== undefined) return known;
    let reason: RevocationReason | undefined;
    const outer = DerReader.over(this.#source.subarray(from, this.#end), `revokedCertificates at byte ${from}`);
    const list = outer.enter(TAG.sequence, 'crlEntryExtensions');
    readExtensionList(list, (id, isCritical) => {
      if (isCritical) list.fail(`the extension ${dottedOid(id)} is critical`);
      if (id !== REASON_CODE) return undefined;
      return (value) => {
        reason = readReason(value);
      };
    });
    return reason;
  }

  /** Most lists have just this one extension. */
  #usualReason(from: number): RevocationReason | undefined {
    if (this.#end - from !== USUAL_REASON.length + 1) return undefined;
    for (let index = 0; index < USUAL_REASON.length; index++)
      if (this.#source[from + index] !== USUAL_REASON[index]) return undefined;
    return REASONS[this.#source[this.#end - 1] as keyof typeof REASONS];
  }

  /** As {@link DerReader} reads it; sets #from and #to. Lengths of three octets would be entries longer than any certificate. */
  #header(tag: number, at: number, to: number): void {
    const source = this.#source;
    if (to - at < 2) this.#fail('cut off', at);
    if (source[at] !== tag) this.#fail('an entry of another form', at);
    const first = source[at + 1] as number;
    const octets = first < 0x80 ? 0 : first - 0x80;
    let length = first;
    if (octets > 0)
      length =
        octets === 1 ? (source[at + 2] as number) : ((source[at + 2] as number) << 8) | (source[at + 3] as number);
    if (first === 0x80 || octets > 2) this.#fail('indefinite or too long', at);
    if (octets > 0 && length < (octets === 1 ? 0x80 : 0x100)) this.#fail('length longer than needed', at);
    this.#from = at + 2 + octets;
    this.#to = this.#from + length;
    if (this.#to > to) this.#fail('cut off', at);
  }

  #fail(problem: string, at: number): never {
    throw new DerError(problem, 'tbsCertList.revokedCertificates', at);
  }
}

/** An entry with a serial number of one byte and a UTCTime. */
const SHORTEST_ENTRY_BYTES = 20;
/** As in certificates (RFC 5280 section 4.1.2.2: 20), with room for those who count the sign apart. */
const SERIAL_BYTES = 32;
const REASON_CODE = '551d15';
/** SEQUENCE { SEQUENCE { reasonCode, OCTET STRING { ENUMERATED of one byte } } }, without that byte. */
const USUAL_REASON: readonly number[] = [0x30, 12, 0x30, 10, 0x06, 3, 0x55, 0x1d, 0x15, 0x04, 3, 0x0a, 1];

/** In a table that is at most half full, random serial numbers need some dozens; only a CA itself can choose others. */
const PROBES = 1024;

/** FNV-1a. */
function hashOf(bytes: Bytes, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let index = from; index < to; index++) hash = Math.imul(hash ^ (bytes[index] as number), 0x01000193);
  return hash ^ (hash >>> 15);
}
