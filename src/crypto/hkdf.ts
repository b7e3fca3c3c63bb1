import { ascii, type Bytes, concat } from '../core/bytes.ts';
import { ByteWriter } from '../core/writer.ts';
import type { CryptoProvider, HashAlgorithm } from './provider.ts';

/** Output length of each hash, in bytes. */
export const HASH_BYTES = { sha256: 32, sha384: 48, sha512: 64 } as const satisfies Record<HashAlgorithm, number>;

type Hmac = Pick<CryptoProvider, 'hmac'>;

/**
 * RFC 5869 section 2.2: a pseudorandom key of the hash's length from `inputKeyingMaterial`.
 * An absent salt is `HASH_BYTES[hash]` zeros, which the empty string equals as an HMAC key.
 */
export function hkdfExtract(crypto: Hmac, hash: HashAlgorithm, salt: Bytes, inputKeyingMaterial: Bytes): Bytes {
  return crypto.hmac(hash, salt, inputKeyingMaterial);
}

/** RFC 5869 section 2.3. @throws RangeError when `length` exceeds 255 hash lengths. */
export function hkdfExpand(crypto: Hmac, hash: HashAlgorithm, key: Bytes, info: Bytes, length: number): Bytes {
  if (length > 255 * HASH_BYTES[hash]) throw new RangeError(`HKDF-Expand of ${length} bytes`);
  const output = new Uint8Array(length);
  let block: Bytes = new Uint8Array(0);
  for (let offset = 0, counter = 1; offset < length; counter++) {
    const message = concat(block, info, Uint8Array.of(counter));
    block.fill(0);
    block = crypto.hmac(hash, key, message);
    message.fill(0);
    output.set(block.subarray(0, length - offset), offset);
    offset += block.length;
  }
  block.fill(0);
  return output;
}

/** What HkdfLabel says of a label: `opaque label<7..255>`, with TLS 1.3's prefix. */
export type HkdfLabel = Bytes;

/** `"tls13 " + label` behind its length. @throws RangeError for a label that is not ASCII or too long */
export function hkdfLabel(label: string): HkdfLabel {
  return new ByteWriter(64).vector8(ascii(`tls13 ${label}`)).finish();
}

/**
 * RFC 8446 section 7.1:
 *
 *     HKDF-Expand-Label(Secret, Label, Context, Length) = HKDF-Expand(Secret, HkdfLabel, Length)
 *
 *     struct { uint16 length; opaque label<7..255>; opaque context<0..255>; } HkdfLabel;
 *
 * @throws RangeError for a context above 255 bytes, or a length above 255 hashes
 */
export function hkdfExpandLabel(
  crypto: Hmac,
  hash: HashAlgorithm,
  secret: Bytes,
  label: HkdfLabel,
  context: Bytes,
  length: number,
): Bytes {
  if (context.length > 255) throw new RangeError(`a context of ${context.length} bytes`);
  // With HKDF-Expand's counter behind it: nearly everything that TLS derives is one block, which is one HMAC.
  const info = new Uint8Array(2 + label.length + 1 + context.length + 1);
  info[0] = length >>> 8;
  info[1] = length;
  info.set(label, 2);
  info[2 + label.length] = context.length;
  info.set(context, 3 + label.length);
  if (length > HASH_BYTES[hash]) return hkdfExpand(crypto, hash, secret, info.subarray(0, -1), length);
  info[info.length - 1] = 1;
  const block = crypto.hmac(hash, secret, info);
  if (length === block.length) return block;
  const output = block.slice(0, length);
  block.fill(0);
  return output;
}

/** RFC 8446 section 7.1: `Derive-Secret(Secret, Label, Messages)`, with the hash of the messages already taken. */
export function deriveSecret(
  crypto: Hmac,
  hash: HashAlgorithm,
  secret: Bytes,
  label: HkdfLabel,
  transcriptHash: Bytes,
): Bytes {
  return hkdfExpandLabel(crypto, hash, secret, label, transcriptHash, HASH_BYTES[hash]);
}
