import assert from 'node:assert/strict';
import { equal } from '../../src/core/bytes.ts';
import type { Failure, Why } from '../../src/core/failures.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import { subjectOf } from '../../src/x509/certificate.ts';
import type { ReferenceIdentifier } from '../../src/x509/names.ts';
import type { TrustAnchor, TrustAnchors } from '../../src/x509/path.ts';
import type { Revocation } from '../../src/x509/revocation/revocation.ts';
import {
  type Verification,
  type VerificationRequest,
  type VerifiedPath,
  verifyCertificate,
} from '../../src/x509/verify.ts';
import { rootOf, type TestCertificate } from './certificates.ts';

/** The names of a leaf, and the reference that it is verified by if a test says nothing else. */
export const NAMES = { dns: ['a.test'] };
export const REFERENCE: ReferenceIdentifier = { type: 'dns', name: 'a.test' };

/** Nothing is known of any certificate, and that is no reason to refuse it. */
export const NO_LISTS: Revocation = { policy: 'soft', lists: [] };

/** A store of private CAs. */
export function anchors(...certificates: readonly TestCertificate[]): TrustAnchors {
  return anchorsWith('private', certificates);
}

export function anchorsWith(profile: TrustAnchor['profile'], certificates: readonly TestCertificate[]): TrustAnchors {
  const all = certificates.map(({ der }) => ({ der, profile }));
  return { bySubject: (subject) => all.filter(({ der }) => equal(subjectOf(der), subject)) };
}

/** The certificates as they are sent, leaf first; by default the store has the root of the leaf. */
export function verify(chain: readonly TestCertificate[], request: Partial<VerificationRequest> = {}): Verification {
  return verifyCertificate({
    chain: chain.map(({ der }) => der),
    anchors: anchors(rootOf(chain[0] as TestCertificate)),
    now: Date.now() / 1000,
    purpose: 'server',
    references: { identifiers: [REFERENCE] },
    revocation: NO_LISTS,
    crypto: nodeCrypto,
    ...request,
  });
}

export function accepted(verification: Verification): VerifiedPath {
  assert.ok(
    verification.ok,
    verification.ok ? '' : `${verification.failure.why}: ${verification.failure.detail ?? ''}`,
  );
  return verification.path;
}

export function rejected(verification: Verification, why: Why, detail: RegExp): Failure {
  assert.ok(!verification.ok, 'accepted');
  const { failure } = verification;
  assert.equal(failure.why, why, failure.detail ?? '');
  assert.equal(failure.kind, 'certificate-rejected');
  assert.match(failure.detail ?? '', detail);
  return failure;
}

/** The provider, with a call for each signature that it checks. */
export function counting(count: () => void): VerificationRequest['crypto'] {
  return {
    signatureSchemes: nodeCrypto.signatureSchemes,
    hash: (algorithm, message) => nodeCrypto.hash(algorithm, message),
    sha1: (message) => nodeCrypto.sha1(message),
    verify: (scheme, spki, message, signature) => {
      count();
      return nodeCrypto.verify(scheme, spki, message, signature);
    },
  };
}
