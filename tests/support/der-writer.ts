import type { Bytes } from '../../src/core/bytes.ts';
import { ascii, concat } from '../../src/core/bytes.ts';

/**
 * Writes DER for tests. Nothing is checked, so that what no library would issue can be written as well: any tag may hold any
 * contents, and {@link tlvWithLength} writes the length field that it is given.
 */

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  universalString: 0x1c,
  bmpString: 0x1e,
} as const;

/** Tag, shortest definite length, contents. */
export function tlv(tag: number, ...contents: readonly Bytes[]): Bytes {
  const body = concat(...contents);
  return concat(Uint8Array.of(tag), lengthField(body.length), body);
}

/** Tag, the length field as given, contents: for lengths that lie, are longer than needed, or indefinite (0x80). */
export function tlvWithLength(tag: number, length: readonly number[], contents: Bytes): Bytes {
  return concat(Uint8Array.of(tag), Uint8Array.from(length), contents);
}

export function sequence(...members: readonly Bytes[]): Bytes {
  return tlv(TAG.sequence, ...members);
}

/** SET OF, sorted as DER wants it. */
export function setOf(...members: readonly Bytes[]): Bytes {
  return tlv(TAG.set, ...[...members].sort(compareBytes));
}

/** `[number]` around a complete value: EXPLICIT. */
export function explicit(number: number, ...contents: readonly Bytes[]): Bytes {
  return tlv(0xa0 | number, ...contents);
}

/** `[number]` in the place of the universal tag: IMPLICIT; `contents` come without their own tag and length. */
export function implicit(number: number, contents: Bytes, form: 'primitive' | 'constructed' = 'primitive'): Bytes {
  return tlv((form === 'constructed' ? 0xa0 : 0x80) | number, contents);
}

export function boolean(value: boolean): Bytes {
  return tlv(TAG.boolean, Uint8Array.of(value ? 0xff : 0));
}

/** Two's complement, shortest form; negative numbers too. */
export function integer(value: number | bigint): Bytes {
  let rest = BigInt(value);
  const octets: number[] = [];
  do {
    octets.unshift(Number(rest & 0xffn));
    rest >>= 8n;
  } while (!((rest === 0n && (octets[0] as number) < 0x80) || (rest === -1n && (octets[0] as number) >= 0x80)));
  return tlv(TAG.integer, Uint8Array.from(octets));
}

export function bitString(bytes: Bytes, unusedBits = 0): Bytes {
  return tlv(TAG.bitString, Uint8Array.of(unusedBits), bytes);
}

/** A named-bit list, as KeyUsage is: trailing zero bits removed, bit 0 first. */
export function namedBits(bits: readonly number[]): Bytes {
  if (bits.length === 0) return bitString(new Uint8Array(0));
  const highest = Math.max(...bits);
  const bytes = new Uint8Array((highest >> 3) + 1);
  for (const bit of bits) bytes[bit >> 3] = (bytes[bit >> 3] as number) | (0x80 >> (bit & 7));
  return bitString(bytes, 7 - (highest & 7));
}

export function octetString(...contents: readonly Bytes[]): Bytes {
  return tlv(TAG.octetString, ...contents);
}

export function nullValue(): Bytes {
  return tlv(TAG.null);
}

/** From dotted decimals: `2.5.29.17`. */
export function oid(dotted: string): Bytes {
  const arcs = dotted.split('.').map(Number);
  const [first = 0, second = 0, ...rest] = arcs;
  return tlv(TAG.objectIdentifier, Uint8Array.from([40 * first + second, ...rest].flatMap(base128)));
}

export function utf8String(text: string): Bytes {
  return tlv(TAG.utf8String, new TextEncoder().encode(text));
}

export function printableString(text: string): Bytes {
  return tlv(TAG.printableString, ascii(text));
}

export function ia5String(text: string): Bytes {
  return tlv(TAG.ia5String, ascii(text));
}

/** RFC 5280 section 4.1.2.5: UTCTime through 2049, GeneralizedTime after. */
export function time(date: Date): Bytes {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, '');
  return date.getUTCFullYear() < 2050 && date.getUTCFullYear() >= 1950
    ? tlv(TAG.utcTime, ascii(digits.slice(2)))
    : tlv(TAG.generalizedTime, ascii(digits));
}

export function generalizedTime(date: Date): Bytes {
  return tlv(TAG.generalizedTime, ascii(date.toISOString().replace(/[-:T]|\.\d+/g, '')));
}

export function enumerated(value: number): Bytes {
  return tlv(TAG.enumerated, Uint8Array.of(value));
}

function lengthField(length: number): Bytes {
  if (length < 0x80) return Uint8Array.of(length);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.of(0x80 | octets.length, ...octets);
}

function base128(arc: number): number[] {
  const octets = [arc % 128];
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) octets.unshift((rest % 128) | 0x80);
  return octets;
}

function compareBytes(a: Bytes, b: Bytes): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const difference = (a[index] as number) - (b[index] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
