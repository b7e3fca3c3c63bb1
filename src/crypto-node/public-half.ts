import { createPublicKey } from 'node:crypto';
import type { Bytes } from '../core/bytes.ts';
import { readPrivateKey } from './key-files.ts';
import { own } from './runtime.ts';

/** Why a file has no key whose public half could be had. */
export type NoPublicHalf = 'no-key' | 'encrypted' | 'unreadable';

/**
 * The SubjectPublicKeyInfo of the private key in a file: the first one in PEM (PKCS#8, SEC 1 or PKCS#1), or one of these in DER. The file is
 * overwritten; only the public half leaves.
 */
export function publicHalf(file: Uint8Array): Bytes | NoPublicHalf {
  const key = readPrivateKey(file);
  file.fill(0);
  if (typeof key === 'string') return key;
  return own(createPublicKey(key).export({ format: 'der', type: 'spki' }));
}
