import { known } from './code-points.ts';
import type { CertificateOnlyScheme, HashAlgorithm, SignatureScheme } from './provider.ts';

/** A TLS SignatureScheme fixes the key's type, its curve where there is one, and the hash. */
export interface SignatureParameters {
  readonly codePoint: number;
  readonly key: SignatureKey;
  /** Null where the message is signed whole: EdDSA and ML-DSA. */
  readonly hash: HashAlgorithm | null;
  /** May sign a TLS 1.3 CertificateVerify (RFC 8446 section 4.2.3: PKCS#1 v1.5 may not). */
  readonly inTls13Handshake: boolean;
  /**
   * May sign a TLS 1.2 ServerKeyExchange or CertificateVerify. There an ECDSA scheme names only its hash, not the curve
   * (RFC 8422 section 5.1.1); we pair them as 1.3 does wherever the peer lets us.
   */
  readonly inTls12Handshake: boolean;
}

/** The key by its SubjectPublicKeyInfo algorithm: `rsa` is rsaEncryption, `rsa-pss` is id-RSASSA-PSS, `p256` is id-ecPublicKey with that curve. */
export type SignatureKey =
  | 'rsa'
  | 'rsa-pss'
  | 'p256'
  | 'p384'
  | 'p521'
  | 'ed25519'
  | 'ed448'
  | 'ml-dsa-44'
  | 'ml-dsa-65'
  | 'ml-dsa-87';

const both = { inTls13Handshake: true, inTls12Handshake: true } as const;
const only13 = { inTls13Handshake: true, inTls12Handshake: false } as const;
const only12 = { inTls13Handshake: false, inTls12Handshake: true } as const;

/** IANA TLS SignatureScheme: RFC 8446 section 4.2.3, RFC 8422, draft-ietf-tls-mldsa for ML-DSA. */
export const SIGNATURE_SCHEMES = {
  ecdsa_secp256r1_sha256: { codePoint: 0x0403, key: 'p256', hash: 'sha256', ...both },
  ecdsa_secp384r1_sha384: { codePoint: 0x0503, key: 'p384', hash: 'sha384', ...both },
  ecdsa_secp521r1_sha512: { codePoint: 0x0603, key: 'p521', hash: 'sha512', ...both },
  ed25519: { codePoint: 0x0807, key: 'ed25519', hash: null, ...both },
  ed448: { codePoint: 0x0808, key: 'ed448', hash: null, ...both },
  rsa_pss_rsae_sha256: { codePoint: 0x0804, key: 'rsa', hash: 'sha256', ...both },
  rsa_pss_rsae_sha384: { codePoint: 0x0805, key: 'rsa', hash: 'sha384', ...both },
  rsa_pss_rsae_sha512: { codePoint: 0x0806, key: 'rsa', hash: 'sha512', ...both },
  rsa_pss_pss_sha256: { codePoint: 0x0809, key: 'rsa-pss', hash: 'sha256', ...both },
  rsa_pss_pss_sha384: { codePoint: 0x080a, key: 'rsa-pss', hash: 'sha384', ...both },
  rsa_pss_pss_sha512: { codePoint: 0x080b, key: 'rsa-pss', hash: 'sha512', ...both },
  rsa_pkcs1_sha256: { codePoint: 0x0401, key: 'rsa', hash: 'sha256', ...only12 },
  rsa_pkcs1_sha384: { codePoint: 0x0501, key: 'rsa', hash: 'sha384', ...only12 },
  rsa_pkcs1_sha512: { codePoint: 0x0601, key: 'rsa', hash: 'sha512', ...only12 },
  mldsa44: { codePoint: 0x0904, key: 'ml-dsa-44', hash: null, ...only13 },
  mldsa65: { codePoint: 0x0905, key: 'ml-dsa-65', hash: null, ...only13 },
  mldsa87: { codePoint: 0x0906, key: 'ml-dsa-87', hash: null, ...only13 },
} as const satisfies Record<SignatureScheme, SignatureParameters>;

/** The key and hash of each {@link CertificateOnlyScheme}. */
export const CERTIFICATE_ONLY_SCHEMES = {
  ecdsa_secp256r1_sha384: { key: 'p256', hash: 'sha384' },
  ecdsa_secp256r1_sha512: { key: 'p256', hash: 'sha512' },
  ecdsa_secp384r1_sha256: { key: 'p384', hash: 'sha256' },
  ecdsa_secp384r1_sha512: { key: 'p384', hash: 'sha512' },
  ecdsa_secp521r1_sha256: { key: 'p521', hash: 'sha256' },
  ecdsa_secp521r1_sha384: { key: 'p521', hash: 'sha384' },
} as const satisfies Record<CertificateOnlyScheme, Pick<SignatureParameters, 'key' | 'hash'>>;

/** Undefined for a code point that tlsify does not know. */
export function signatureSchemeByCodePoint(codePoint: number): SignatureScheme | undefined {
  return BY_CODE_POINT.get(codePoint);
}

/** Those that tlsify knows, in the same order and each once. */
export function knownSignatureSchemes(codePoints: readonly number[]): SignatureScheme[] {
  return known(codePoints, signatureSchemeByCodePoint);
}

/** As signature_algorithms has them. */
export function signatureCodePoints(schemes: readonly SignatureScheme[]): number[] {
  return schemes.map((scheme) => SIGNATURE_SCHEMES[scheme].codePoint);
}

const BY_CODE_POINT = new Map<number, SignatureScheme>(
  (Object.keys(SIGNATURE_SCHEMES) as SignatureScheme[]).map((scheme) => [SIGNATURE_SCHEMES[scheme].codePoint, scheme]),
);
