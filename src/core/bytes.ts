/** Byte strings are plain `Uint8Array`s throughout: each in memory of its own, never a slice of a pool that another connection shares. */
export type Bytes = Uint8Array;

/** No bytes at all. Shared, as nothing can be written to it. */
export const EMPTY: Bytes = new Uint8Array(0);

/** All parts in their order, in new memory. */
export function concat(...parts: readonly Bytes[]): Bytes {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Compares public values, stopping at the first difference. For secrets use {@link equalSecret}. */
export function equal(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/** Compares two values of equal, public length in a time that does not depend on their contents. */
export function equalSecret(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index++) difference |= (a[index] as number) ^ (b[index] as number);
  return difference === 0;
}

/** Lower-case hexadecimal, two digits a byte. */
export function hex(bytes: Bytes): string {
  return bytes.toHex();
}

/** The inverse of {@link hex}; white space is skipped. @throws RangeError on anything else that is not a pair of digits. */
export function unhex(text: string): Bytes {
  const digits = text.replace(/\s+/g, '');
  if (digits.length % 2 !== 0 || /[^0-9a-fA-F]/.test(digits)) throw new RangeError('not hexadecimal');
  const bytes = new Uint8Array(digits.length / 2);
  for (let index = 0; index < bytes.length; index++)
    bytes[index] = Number.parseInt(digits.slice(2 * index, 2 * index + 2), 16);
  return bytes;
}

/** @throws RangeError if `text` has a character outside US-ASCII. */
export function ascii(text: string): Bytes {
  return bytesUpTo(0x7f, text);
}

/** One character a byte; bytes above 0x7f become the Latin-1 characters of that number, so that hostile input never throws here. */
export function latin1(bytes: Bytes): string {
  let text = '';
  for (let index = 0; index < bytes.length; index++) text += String.fromCharCode(bytes[index] as number);
  return text;
}

/** The inverse of {@link latin1}. @throws RangeError if `text` has a character above U+00FF. */
export function latin1Bytes(text: string): Bytes {
  return bytesUpTo(0xff, text);
}

function bytesUpTo(most: number, text: string): Bytes {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > most) throw new RangeError(`a character above 0x${most.toString(16)}`);
    bytes[index] = code;
  }
  return bytes;
}
