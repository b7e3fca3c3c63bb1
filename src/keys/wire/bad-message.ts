import type { Bytes } from '../../core/bytes.ts';
import { ByteReader } from '../../core/reader.ts';

/** The other side of the channel says what it never should: the channel ends. The message names the field, and none of its bytes. */
export class BadMessage extends Error {
  override readonly name = 'BadMessage';
}

/** A reader that fails with {@link BadMessage}. */
export function messageReader(message: Bytes): ByteReader {
  return new ByteReader(message, () => bad('its length'));
}

/** @throws BadMessage */
export function bad(what: string): never {
  throw new BadMessage(what);
}

/** The key whose value is `code`. @throws BadMessage if there is none */
export function named<Name extends string>(codes: Readonly<Record<Name, number>>, code: number, what: string): Name {
  for (const name in codes) if (codes[name] === code) return name;
  return bad(what);
}
