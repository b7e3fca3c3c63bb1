import type { CryptoProvider } from '../../crypto/provider.ts';
import type { Certificate } from '../certificate.ts';
import { formatTime, type UnixSeconds } from '../time.ts';
import type { RevocationReason } from './reasons.ts';

/** Whether this certificate, which that issuer has signed, is still good. */
export interface StatusQuestion {
  readonly certificate: Certificate;
  readonly issuer: Certificate;
  readonly now: UnixSeconds;
  readonly crypto: StatusCrypto;
  /** Called before each check of a signature. @throws TlsError `certificate-budget-exhausted` */
  readonly spend: () => void;
}

/** What the check of a status needs of cryptography. */
export type StatusCrypto = Pick<CryptoProvider, 'verify' | 'hash' | 'sha1' | 'signatureSchemes'>;

/**
 * What a source says of a certificate. Details of `revoked` go on from the certificate's name, those of `nothing` are sentences
 * about the source without their final stop.
 */
export type Finding =
  | { readonly found: 'good'; readonly responder?: Certificate }
  | { readonly found: 'revoked'; readonly detail: string }
  | { readonly found: 'nothing'; readonly detail: string };

/** `was revoked on … (keyCompromise)`. */
export function describeRevocation(at: UnixSeconds, reason: RevocationReason | undefined): string {
  return `was revoked on ${formatTime(at)}${reason === undefined ? '' : ` (${reason})`}`;
}
