import type { Bytes } from '../core/bytes.ts';

/** The string types of ASN.1 to text. Undefined for an encoding that Unicode does not allow: nothing is replaced or skipped. */

/** Of every byte; in a loop over an index, which the interpreter takes in a third of the time of an iterator. */
export function isAscii(bytes: Bytes): boolean {
  for (let index = 0; index < bytes.length; index++) if ((bytes[index] as number) >= 0x80) return false;
  return true;
}

/** RFC 3629: shortest forms only, no surrogates, nothing above U+10FFFF. */
export function decodeUtf8(bytes: Bytes): string | undefined {
  let text = '';
  for (let index = 0; index < bytes.length; ) {
    const lead = bytes[index++] as number;
    if (lead < 0x80) {
      text += String.fromCharCode(lead);
      continue;
    }
    const following = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || following > bytes.length - index) return undefined;
    let point = lead & (0x3f >> following);
    for (let count = 0; count < following; count++) {
      const byte = bytes[index++] as number;
      if ((byte & 0xc0) !== 0x80) return undefined;
      point = (point << 6) | (byte & 0x3f);
    }
    if (point < (SMALLEST[following] as number) || !isScalar(point)) return undefined;
    text += String.fromCodePoint(point);
  }
  return text;
}

/** BMPString: two bytes a character, big-endian. Surrogates are not characters of the basic multilingual plane. */
export function decodeBmp(bytes: Bytes): string | undefined {
  return decodeWide(bytes, 2);
}

/** UniversalString: four bytes a character, big-endian. */
export function decodeUniversal(bytes: Bytes): string | undefined {
  return decodeWide(bytes, 4);
}

/** One code point; a lone surrogate is encoded like any other number, so that it can be shown. */
export function encodeUtf8(point: number): number[] {
  if (point < 0x80) return [point];
  if (point < 0x800) return [0xc0 | (point >> 6), 0x80 | (point & 0x3f)];
  const last = [0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f)];
  return point < 0x10000
    ? [0xe0 | (point >> 12), ...last]
    : [0xf0 | (point >> 18), 0x80 | ((point >> 12) & 0x3f), ...last];
}

const SMALLEST = [0, 0x80, 0x800, 0x10000];

function isScalar(point: number): boolean {
  return point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
}

function decodeWide(bytes: Bytes, width: 2 | 4): string | undefined {
  if (bytes.length % width !== 0) return undefined;
  let text = '';
  for (let index = 0; index < bytes.length; index += width) {
    let point = 0;
    for (let offset = 0; offset < width; offset++) point = point * 256 + (bytes[index + offset] as number);
    if (!isScalar(point)) return undefined;
    text += String.fromCodePoint(point);
  }
  return text;
}
