import { constants, type KeyObject, type VerifyKeyObjectInput, verify as verifyNatively } from 'node:crypto';
import type { Bytes } from '../core/bytes.ts';
import { HASH_BYTES } from '../crypto/hkdf.ts';
import type { CertificateOnlyScheme, SignatureScheme } from '../crypto/provider.ts';
import { CERTIFICATE_ONLY_SCHEMES, SIGNATURE_SCHEMES } from '../crypto/signature-schemes.ts';
import { hasKeyType } from './runtime.ts';
import { ed448 } from './software.ts';
import { importPublicKey, rawPublicKey } from './spki.ts';

/** The contract of CryptoProvider.verify. */
export function verify(
  scheme: SignatureScheme | CertificateOnlyScheme,
  spki: Bytes,
  message: Bytes,
  signature: Bytes,
): boolean {
  const { key: type, hash } = SCHEMES[scheme];
  if (type === 'ed448' && !hasNativeEd448) return verifyEd448(spki, message, signature);
  const key = importPublicKey(type, hash, spki);
  if (key === null || !hasRsaLength(key, signature)) return false;
  try {
    return verifyNatively(hash, message, { key, ...padding(scheme) }, signature);
  } catch {
    return false;
  }
}

const SCHEMES = { ...SIGNATURE_SCHEMES, ...CERTIFICATE_ONLY_SCHEMES };

/** RFC 8017 sections 8.1.2 and 8.2.2, step 1: as long as the modulus. OpenSSL lets pass a shorter one for PSS. */
function hasRsaLength(key: KeyObject, signature: Bytes): boolean {
  const modulusBits = key.asymmetricKeyDetails?.modulusLength;
  return modulusBits === undefined || signature.length === Math.ceil(modulusBits / 8);
}

/** RFC 8446 section 4.2.3: the salt of RSASSA-PSS is as long as the hash. Verification here demands that exact length. */
function padding(scheme: keyof typeof SCHEMES): Omit<VerifyKeyObjectInput, 'key'> {
  const { key: type, hash } = SCHEMES[scheme];
  if (type !== 'rsa' && type !== 'rsa-pss') return {};
  if (scheme.startsWith('rsa_pkcs1_')) return { padding: constants.RSA_PKCS1_PADDING };
  return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: HASH_BYTES[hash] };
}

function verifyEd448(spki: Bytes, message: Bytes, signature: Bytes): boolean {
  const key = rawPublicKey('ed448', spki);
  if (key === null || signature.length !== ED448_SIGNATURE_BYTES) return false;
  return ed448().ed448.verify(signature, message, key);
}

const ED448_SIGNATURE_BYTES = 114;

const hasNativeEd448 = hasKeyType('ed448', 57);

/** Those which this process can verify, best first: what is sent in signature_algorithms. */
export const VERIFIABLE: readonly SignatureScheme[] = [
  ...(hasKeyType('ml-dsa-65', 1952) ? (['mldsa65', 'mldsa87', 'mldsa44'] as const) : []),
  'ecdsa_secp256r1_sha256',
  'ed25519',
  'ecdsa_secp384r1_sha384',
  'ecdsa_secp521r1_sha512',
  'ed448',
  'rsa_pss_rsae_sha256',
  'rsa_pss_rsae_sha384',
  'rsa_pss_rsae_sha512',
  'rsa_pss_pss_sha256',
  'rsa_pss_pss_sha384',
  'rsa_pss_pss_sha512',
  'rsa_pkcs1_sha256',
  'rsa_pkcs1_sha384',
  'rsa_pkcs1_sha512',
];
