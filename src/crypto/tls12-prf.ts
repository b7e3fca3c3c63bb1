import { ascii, type Bytes, concat } from '../core/bytes.ts';
import type { SuiteHash } from './cipher-suites.ts';
import type { CryptoProvider } from './provider.ts';

/**
 * RFC 5246 section 5: `PRF(secret, label, seed) = P_hash(secret, label + seed)`, with the cipher suite's hash:
 *
 *     P_hash(secret, seed) = HMAC_hash(secret, A(1) + seed) + HMAC_hash(secret, A(2) + seed) + ...
 *     A(0) = seed;  A(i) = HMAC_hash(secret, A(i-1))
 */
export function tls12Prf(
  crypto: Pick<CryptoProvider, 'hmac'>,
  hash: SuiteHash,
  secret: Bytes,
  label: string,
  seed: Bytes,
  length: number,
): Bytes {
  const labelAndSeed = concat(ascii(label), seed);
  const output = new Uint8Array(length);
  let a: Bytes = labelAndSeed.slice();
  for (let offset = 0; offset < length; ) {
    const next = crypto.hmac(hash, secret, a);
    a.fill(0);
    a = next;
    const message = concat(a, labelAndSeed);
    const block = crypto.hmac(hash, secret, message);
    message.fill(0);
    output.set(block.subarray(0, length - offset), offset);
    offset += block.length;
    block.fill(0);
  }
  a.fill(0);
  return output;
}
