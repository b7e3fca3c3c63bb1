import { constants, createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { Bytes } from '../core/bytes.ts';
import { HASH_BYTES } from '../crypto/hkdf.ts';
import type { HpkeGroup } from '../crypto/hpke.ts';
import type { SignatureScheme } from '../crypto/provider.ts';
import { SIGNATURE_SCHEMES, type SignatureKey } from '../crypto/signature-schemes.ts';
import { agreeEcdh } from './ecdh.ts';
import { readPrivateKey } from './key-files.ts';
import { own } from './runtime.ts';

/** Why there is no key in a file that can be used: no file of a key at all, a passphrase is needed, damaged, not of our kinds, below 2048 bits of RSA. */
export type KeyProblem = 'no-key' | 'encrypted' | 'unreadable' | 'unsupported' | 'weak';

/** A key that signs, as it lies in the runtime's own memory. */
export class SigningKey {
  readonly type: SignatureKey;
  /** DER SubjectPublicKeyInfo of its public half. */
  readonly spki: Bytes;
  readonly #key: KeyObject;

  constructor(type: SignatureKey, key: KeyObject) {
    this.type = type;
    this.#key = key;
    this.spki = own(createPublicKey(key).export({ format: 'der', type: 'spki' }));
  }

  /** The hash and the padding are the scheme's, the curve is the key's: whether the two go together the caller has seen to. */
  sign(scheme: SignatureScheme, message: Bytes): Bytes {
    const { hash, key } = SIGNATURE_SCHEMES[scheme];
    if (key !== 'rsa' && key !== 'rsa-pss') return own(sign(hash, message, this.#key));
    const padding = scheme.startsWith('rsa_pkcs1_')
      ? { padding: constants.RSA_PKCS1_PADDING }
      : { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: HASH_BYTES[hash] };
    return own(sign(hash, message, { key: this.#key, ...padding }));
  }
}

/** The recipient's key of an ECHConfig (RFC 9849). */
export class EchPrivateKey {
  readonly group: HpkeGroup;
  readonly publicKey: Bytes;
  readonly #key: KeyObject;

  constructor(group: HpkeGroup, key: KeyObject) {
    this.group = group;
    this.#key = key;
    this.publicKey = own(createPublicKey(key).export({ format: 'raw-public' }));
  }

  /** @throws InvalidKeyShare */
  agree(encapsulated: Bytes): Bytes {
    return agreeEcdh(this.group, this.#key, encapsulated);
  }
}

/** The first key in PEM (PKCS#8, SEC 1 or PKCS#1), or the same in DER. The file is overwritten. */
export function loadSigningKey(file: Uint8Array): SigningKey | KeyProblem {
  const key = readPrivateKey(file);
  file.fill(0);
  if (typeof key === 'string') return key;
  const type = signatureKeyOf(key);
  return type === 'unsupported' || type === 'weak' ? type : new SigningKey(type, key);
}

/** As {@link loadSigningKey}, for a key of X25519 or P-256 that agrees. */
export function loadEchKey(file: Uint8Array): EchPrivateKey | KeyProblem {
  const key = readPrivateKey(file);
  file.fill(0);
  if (typeof key === 'string') return key;
  if (key.asymmetricKeyType === 'x25519') return new EchPrivateKey('x25519', key);
  return signatureKeyOf(key) === 'p256' ? new EchPrivateKey('secp256r1', key) : 'unsupported';
}

function signatureKeyOf(key: KeyObject): SignatureKey | 'unsupported' | 'weak' {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  switch (type) {
    case 'rsa':
    case 'rsa-pss':
      return (details?.modulusLength ?? 0) < RSA_BITS_MINIMUM ? 'weak' : type;
    case 'ec':
      return CURVES[details?.namedCurve ?? ''] ?? 'unsupported';
    case 'ed25519':
    case 'ed448':
    case 'ml-dsa-44':
    case 'ml-dsa-65':
    case 'ml-dsa-87':
      return type;
    default:
      return 'unsupported';
  }
}

/** CA/Browser Forum Baseline Requirements, section 6.1.5; NIST SP 800-131A. */
const RSA_BITS_MINIMUM = 2048;
const CURVES: Readonly<Record<string, SignatureKey>> = { prime256v1: 'p256', secp384r1: 'p384', secp521r1: 'p521' };
