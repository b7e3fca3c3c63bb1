import type { Bytes } from '../core/bytes.ts';
import { TlsError } from '../core/failures.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { type PublicKey, readPublicKey } from './public-key.ts';
import { readSignatureAlgorithm, type SignatureAlgorithm, schemeFor } from './signature-algorithm.ts';

/** What X.509 signs in this way: a certificate, a revocation list, an OCSP response. */
export interface Signed {
  /** The bytes that the signature is over. */
  readonly signed: Bytes;
  /** AlgorithmIdentifier. */
  readonly signatureAlgorithm: Bytes;
  readonly signature: Bytes;
}

/** With what to check, and from which budget: `spend` is called before each check, and throws when there is nothing left. */
export interface SignatureCheck {
  readonly crypto: Pick<CryptoProvider, 'verify' | 'signatureSchemes'>;
  readonly spend: () => void;
}

/**
 * Whether the key in `spki` made the signature; false also where such a key could not have.
 * @throws TlsError for algorithms and keys that are weak or unknown here; the detail goes on from a name
 * @throws DerError
 */
export function isSignedBy(signed: Signed, spki: Bytes, check: SignatureCheck): boolean {
  return verifySignature(signed, readSignatureAlgorithm(signed.signatureAlgorithm), spki, readPublicKey(spki), check);
}

/** The same where algorithm and key were read already. @throws TlsError `certificate-unsupported-signature` */
export function verifySignature(
  { signed, signature }: Signed,
  algorithm: SignatureAlgorithm,
  spki: Bytes,
  { type }: PublicKey,
  { crypto, spend }: SignatureCheck,
): boolean {
  const scheme = schemeFor(algorithm, type);
  if (scheme === undefined) return false;
  if (algorithm.family === 'pure' && !crypto.signatureSchemes.some((known) => known === scheme))
    throw new TlsError(
      'certificate-unsupported-signature',
      `is signed with ${algorithm.key}, which this runtime cannot check`,
    );
  spend();
  return crypto.verify(scheme, spki, signed, signature);
}
