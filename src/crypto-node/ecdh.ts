import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Bytes } from '../core/bytes.ts';
import { InvalidKeyShare } from '../crypto/provider.ts';
import { own } from './runtime.ts';

/** The groups without ML-KEM, which are also the other halves of the hybrids. */
export type EcdhGroup = 'x25519' | 'secp256r1' | 'secp384r1' | 'secp521r1';

/** An ephemeral key; the private half never leaves the runtime's key object. */
export interface EcdhKeyPair {
  readonly publicShare: Bytes;
  readonly privateKey: KeyObject;
}

/** Each group's names in node:crypto. `secretBytes` is the length of a coordinate: leading zeros are kept (RFC 8446 section 7.4.2). */
const GROUPS = {
  x25519: { asymmetricKeyType: 'x25519', shareBytes: 32, secretBytes: 32 },
  secp256r1: { asymmetricKeyType: 'ec', namedCurve: 'prime256v1', shareBytes: 65, secretBytes: 32 },
  secp384r1: { asymmetricKeyType: 'ec', namedCurve: 'secp384r1', shareBytes: 97, secretBytes: 48 },
  secp521r1: { asymmetricKeyType: 'ec', namedCurve: 'secp521r1', shareBytes: 133, secretBytes: 66 },
} as const;

/** X9.62 section 4.3.6: the only form of a point that TLS 1.3 has (RFC 8446 section 4.2.8.2). */
const UNCOMPRESSED = 4;

/** A fresh key pair; the share is as it stands in a key_share entry. */
export function generateEcdh(group: EcdhGroup): EcdhKeyPair {
  const parameters = GROUPS[group];
  const { publicKey, privateKey } =
    parameters.asymmetricKeyType === 'x25519'
      ? generateKeyPairSync('x25519')
      : generateKeyPairSync('ec', { namedCurve: parameters.namedCurve });
  return { publicShare: own(publicKey.export({ format: 'raw-public' })), privateKey };
}

/**
 * @throws InvalidKeyShare when `peerShare` has the wrong length or form, is not on the curve, or (x25519) gives the all-zero
 * secret that RFC 8446 section 7.4.2 forbids.
 */
export function agreeEcdh(group: EcdhGroup, privateKey: KeyObject, peerShare: Bytes): Bytes {
  const parameters = GROUPS[group];
  const isPoint = parameters.asymmetricKeyType === 'ec';
  if (peerShare.length !== parameters.shareBytes || (isPoint && peerShare[0] !== UNCOMPRESSED))
    throw new InvalidKeyShare(`${group} share`);
  let secret: Bytes;
  try {
    const publicKey = createPublicKey({ key: peerShare, format: 'raw-public', ...parameters });
    secret = own(diffieHellman({ privateKey, publicKey }));
  } catch {
    throw new InvalidKeyShare(`${group} share`);
  }
  if (secret.length !== parameters.secretBytes || (group === 'x25519' && isAllZero(secret)))
    throw new InvalidKeyShare(`${group} share`);
  return secret;
}

/** In a time that does not depend on the contents. */
function isAllZero(secret: Bytes): boolean {
  let union = 0;
  for (let index = 0; index < secret.length; index++) union |= secret[index] as number;
  return union === 0;
}
