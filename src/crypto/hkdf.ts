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

/**
 * RFC 8446 section 7.1:
 *
 *     HKDF-Expand-Label(Secret, Label, Context, Length) = HKDF-Expand(Secret, HkdfLabel, Length)
 *
 *     struct { uint16 length; opaque label<7..255> = "tls13 " + Label; opaque context<0..255>; } HkdfLabel;
 */
export function hkdfExpandLabel(
  crypto: Hmac,
  hash: HashAlgorithm,
  secret: Bytes,
  label: string,
  context: Bytes,
  length: number,
): Bytes {
  const hkdfLabel = new ByteWriter(64)
    .u16(length)
    .vector8(ascii(`tls13 ${label}`))
    .vector8(context)
    .finish();
  return hkdfExpand(crypto, hash, secret, hkdfLabel, length);
}

/** RFC 8446 section 7.1: `Derive-Secret(Secret, Label, Messages)`, with the hash of the messages already taken. */
export function deriveSecret(
  crypto: Hmac,
  hash: HashAlgorithm,
  secret: Bytes,
  label: string,
  transcriptHash: Bytes,
): Bytes {
  return hkdfExpandLabel(crypto, hash, secret, label, transcriptHash, HASH_BYTES[hash]);
}
