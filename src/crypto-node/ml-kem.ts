import crypto, { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Bytes } from '../core/bytes.ts';
import { InvalidKeyShare, type Later } from '../crypto/provider.ts';
import { hasKeyType, own } from './runtime.ts';

/** ML-KEM-768, FIPS 203 section 8. Lengths in bytes. */
export const ML_KEM_768 = { encapsulationKeyBytes: 1184, ciphertextBytes: 1088, secretBytes: 32 } as const;

/** Ephemeral; the encapsulation key is the public half. */
export interface MlKemKeyPair {
  readonly encapsulationKey: Bytes;
  readonly decapsulationKey: KeyObject;
}

/** A fresh key pair, FIPS 203 section 7.1. */
export function generateMlKem(): MlKemKeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('ml-kem-768');
  return { encapsulationKey: own(publicKey.export({ format: 'raw-public' })), decapsulationKey: privateKey };
}

/** @throws InvalidKeyShare when the key is not of the right length or not reduced (FIPS 203 section 7.2, "modulus check"). */
export function encapsulate(encapsulationKey: Bytes): Later<{ readonly ciphertext: Bytes; readonly secret: Bytes }> {
  const key = importEncapsulationKey(encapsulationKey);
  if (isNative) {
    const { ciphertext, sharedKey } = crypto.encapsulate(key);
    return { ciphertext: own(ciphertext), secret: own(sharedKey) };
  }
  const webKey = key.toCryptoKey(WEB_ALGORITHM, false, ['encapsulateBits']);
  return crypto.webcrypto.subtle.encapsulateBits(WEB_ALGORITHM, webKey).then(({ ciphertext, sharedKey }) => ({
    ciphertext: new Uint8Array(ciphertext),
    secret: new Uint8Array(sharedKey),
  }));
}

/**
 * A ciphertext of the right length always decapsulates; if it was tampered with, to a secret that the peer does not know
 * (FIPS 203 section 6.3, implicit rejection).
 * @throws InvalidKeyShare for a ciphertext of the wrong length.
 */
export function decapsulate(decapsulationKey: KeyObject, ciphertext: Bytes): Later<Bytes> {
  if (ciphertext.length !== ML_KEM_768.ciphertextBytes) throw new InvalidKeyShare('ML-KEM ciphertext');
  if (isNative) return own(crypto.decapsulate(decapsulationKey, ciphertext));
  const webKey = decapsulationKey.toCryptoKey(WEB_ALGORITHM, false, ['decapsulateBits']);
  return crypto.webcrypto.subtle
    .decapsulateBits(WEB_ALGORITHM, webKey, new Uint8Array(ciphertext))
    .then((secret) => new Uint8Array(secret));
}

/** Node computes at once. Bun has the operations only in WebCrypto, which does them on the calling thread: the promise is settled. */
const isNative = typeof crypto.encapsulate === 'function';

const WEB_ALGORITHM = { name: 'ML-KEM-768' };

/** Whether this runtime has ML-KEM-768 and both of its operations. */
export const hasMlKem =
  hasKeyType('ml-kem-768', ML_KEM_768.encapsulationKeyBytes) &&
  (isNative || typeof crypto.webcrypto.subtle.encapsulateBits === 'function');

function importEncapsulationKey(encapsulationKey: Bytes): KeyObject {
  if (encapsulationKey.length !== ML_KEM_768.encapsulationKeyBytes) throw new InvalidKeyShare('ML-KEM key');
  try {
    return createPublicKey({ key: encapsulationKey, format: 'raw-public', asymmetricKeyType: 'ml-kem-768' });
  } catch {
    throw new InvalidKeyShare('ML-KEM key');
  }
}
