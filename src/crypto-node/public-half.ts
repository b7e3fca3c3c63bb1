import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type { Bytes } from '../core/bytes.ts';
import { own } from './runtime.ts';

/** Why a file has no key whose public half could be had. */
export type NoPublicHalf = 'no-key' | 'encrypted' | 'unreadable';

/**
 * The SubjectPublicKeyInfo of the private key in a file: the first one in PEM (PKCS#8, SEC 1 or PKCS#1), or PKCS#8 in DER. The file is
 * overwritten; only the public half leaves.
 */
export function publicHalf(file: Uint8Array): Bytes | NoPublicHalf {
  const key = readPrivateKey(file);
  file.fill(0);
  if (typeof key === 'string') return key;
  return own(createPublicKey(key).export({ format: 'der', type: 'spki' }));
}

function readPrivateKey(file: Uint8Array): KeyObject | NoPublicHalf {
  const text = Buffer.from(file.buffer, file.byteOffset, file.byteLength).toString('latin1');
  const pem = /-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----[^-]+(?:-[^-]+)*-----END \1-----/.exec(text)?.[0];
  if (pem === undefined && file[0] !== DER_SEQUENCE) return 'no-key';
  if (pem !== undefined && /ENCRYPTED/.test(pem)) return 'encrypted';
  try {
    return pem === undefined
      ? createPrivateKey({ key: Buffer.from(file), format: 'der', type: 'pkcs8' })
      : createPrivateKey(pem);
  } catch {
    return 'unreadable';
  }
}

const DER_SEQUENCE = 0x30;
