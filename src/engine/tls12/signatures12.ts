import type { CertificateOnlyScheme, NamedGroup, SignatureScheme } from '../../crypto/provider.ts';
import {
  CERTIFICATE_ONLY_SCHEMES,
  knownSignatureSchemes,
  SIGNATURE_SCHEMES,
  type SignatureKey,
} from '../../crypto/signature-schemes.ts';
import { type CertificateRequest12, CLIENT_CERTIFICATE_TYPE } from '../codec/messages12.ts';

/** Which suites a key is for: RFC 8422 section 2, where EdDSA is of the `ECDSA` ones. Null for what TLS 1.2 does not know. */
export function authenticatesWith(key: SignatureKey): 'ecdsa' | 'rsa' | null {
  switch (key) {
    case 'rsa':
    case 'rsa-pss':
      return 'rsa';
    case 'p256':
    case 'p384':
    case 'p521':
    case 'ed25519':
    case 'ed448':
      return 'ecdsa';
    case 'ml-dsa-44':
    case 'ml-dsa-65':
    case 'ml-dsa-87':
      return null;
  }
}

/**
 * Whether a signature by `key` may be called `scheme`. In TLS 1.2 an ECDSA scheme names only its hash, and the certificate the
 * curve (RFC 8422 section 5.1.1): OpenSSL signs with P-384 and SHA-256 if that is what its client likes best.
 */
export function signsAs(key: SignatureKey, scheme: SignatureScheme): boolean {
  const named = SIGNATURE_SCHEMES[scheme].key;
  return named === key || (curveOf(named) !== null && curveOf(key) !== null);
}

/** What that signature is, the curve being the key's. */
export function verifiedAs(scheme: SignatureScheme, key: SignatureKey): SignatureScheme | CertificateOnlyScheme {
  const named = SIGNATURE_SCHEMES[scheme];
  if (named.key === key || curveOf(key) === null) return scheme;
  for (const table of [SIGNATURE_SCHEMES, CERTIFICATE_ONLY_SCHEMES])
    for (const [name, parameters] of Object.entries(table))
      if (parameters.key === key && parameters.hash === named.hash)
        return name as SignatureScheme | CertificateOnlyScheme;
  return scheme;
}

/** The group that a key for ECDSA is of. */
export function curveOf(key: SignatureKey): NamedGroup | null {
  switch (key) {
    case 'p256':
      return 'secp256r1';
    case 'p384':
      return 'secp384r1';
    case 'p521':
      return 'secp521r1';
    default:
      return null;
  }
}

/** The hybrids are TLS 1.3's (draft-ietf-tls-ecdhe-mlkem section 1). */
export function isTls12Group(group: NamedGroup): boolean {
  return group !== 'X25519MLKEM768' && group !== 'SecP256r1MLKEM768';
}

/** What a client may sign with: asked for, known and of a certificate type that was asked for; the server's preference first. */
export function requestedSchemes({ certificateTypes, signatureSchemes }: CertificateRequest12): SignatureScheme[] {
  return knownSignatureSchemes(signatureSchemes).filter((scheme) => {
    const { key, inTls12Handshake } = SIGNATURE_SCHEMES[scheme];
    const type = authenticatesWith(key) === 'rsa' ? 'rsa_sign' : 'ecdsa_sign';
    return inTls12Handshake && certificateTypes.includes(CLIENT_CERTIFICATE_TYPE[type]);
  });
}
