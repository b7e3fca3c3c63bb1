import { type AsymmetricKeyType, createPublicKey } from 'node:crypto';
import type { Bytes } from '../core/bytes.ts';

/**
 * What the runtime returned, as a plain `Uint8Array` in memory of its own. A `Buffer` would not do: its `slice` does not copy,
 * and a small one may be part of a pool that other connections share. A short result, which may be a secret, is copied and
 * overwritten: that takes less time than to ask for its `buffer`. (Ciphers round up their output by less than a block: such
 * slack is no pool, and not worth a copy.)
 */
export function own(result: Uint8Array): Bytes {
  if (result.length <= COPIED_BYTES) {
    const copy = new Uint8Array(result);
    result.fill(0);
    return copy;
  }
  const { buffer, byteOffset, length } = result;
  return buffer.byteLength - length < CIPHER_BLOCK_BYTES
    ? new Uint8Array(buffer, byteOffset, length)
    : new Uint8Array(result);
}

const COPIED_BYTES = 256;
const CIPHER_BLOCK_BYTES = 16;

/**
 * Whether the runtime has keys of this type. To be used with types of which any string of the right length, zeros too, is a public
 * key until it is used.
 */
export function hasKeyType(asymmetricKeyType: AsymmetricKeyType, publicKeyBytes: number): boolean {
  try {
    createPublicKey({ key: new Uint8Array(publicKeyBytes), format: 'raw-public', asymmetricKeyType });
    return true;
  } catch {
    return false;
  }
}
