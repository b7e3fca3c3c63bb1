import type { Bytes } from '../core/bytes.ts';
import type { Failure } from '../core/failures.ts';
import type { CryptoProvider } from '../crypto/provider.ts';

/**
 * Decides whether `chain` leads from an acceptable leaf to a trust anchor. All that the decision depends on is an argument:
 * there is no default time, no default store, and no way to leave the name out.
 */
export declare function verifyCertificate(request: VerificationRequest): Verification;

export interface VerificationRequest {
  /** DER, leaf first, as received; the rest in any order. */
  readonly chain: readonly Bytes[];
  readonly anchors: TrustAnchors;
  readonly now: UnixSeconds;
  readonly purpose: 'server' | 'client';
  /** At least one; the leaf must match at least one of the names, and every pin. */
  readonly references: References;
  readonly crypto: Pick<CryptoProvider, 'verify' | 'hash' | 'signatureSchemes'>;
}

export type UnixSeconds = number;

export type Verification =
  | { readonly ok: true; readonly path: VerifiedPath }
  | { readonly ok: false; readonly failure: Failure };

/** Proof of a verification: only {@link verifyCertificate} can construct one. */
export declare class VerifiedPath {
  #brand: unknown;
  /** Leaf first, trust anchor last. */
  readonly certificates: readonly unknown[];
}

/** Where to look for an issuer. Nothing is decoded before it is asked for. */
export interface TrustAnchors {
  /** DER certificates whose subject is exactly `subject` (the DER of the Name, tag and length included). */
  bySubject(subject: Bytes): readonly Bytes[];
}

/** RFC 9525 reference identifiers, fixed before the handshake. */
export interface References {
  readonly identifiers: readonly ReferenceIdentifier[];
}

export type ReferenceIdentifier =
  | { readonly type: 'dns'; readonly name: string } // lower-case A-labels, no final dot
  | { readonly type: 'ip'; readonly address: Bytes } // 4 or 16 bytes
  | { readonly type: 'spki-sha256'; readonly digest: Bytes };
