import type { Bytes } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { ByteReader } from '../../core/reader.ts';

/**
 * Runs `read` over the whole of `bytes`: what is missing, and what is left over, is a `decode-error` that names the structure.
 */
export function decodeWhole<T>(name: string, bytes: Bytes, read: (reader: ByteReader) => T): T {
  const reader = new ByteReader(bytes, () => malformed(name));
  const value = read(reader);
  reader.end();
  return value;
}

/** The items of a vector whose bytes the caller has cut out, until they are used up. */
export function readItems<T>(reader: ByteReader, vector: Bytes, item: (reader: ByteReader) => T): T[] {
  const items: T[] = [];
  const nested = reader.nested(vector);
  while (nested.remaining > 0) items.push(item(nested));
  return items;
}

/** A syntax that the peer broke: TLS's decode_error. */
export function malformed(name: string): never {
  throw new TlsError('decode-error', name);
}
