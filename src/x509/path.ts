import type { Bytes } from '../core/bytes.ts';
import { equal } from '../core/bytes.ts';
import { type FAILURES, TlsError, type Why } from '../core/failures.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { Budget } from './budget.ts';
import { about, Candidate } from './candidate.ts';
import { Certificate } from './certificate.ts';
import { formatName } from './distinguished-name.ts';
import { EXTENSION } from './extensions.ts';
import { checkNameConstraints } from './name-constraints.ts';
import { checkPolicies } from './policies.ts';
import { checkPublicProfile } from './public-profile.ts';
import { checkEach, checkFeatures, checkIssuer, type Purpose } from './rules.ts';
import { verifySignature } from './signed.ts';
import type { UnixSeconds } from './time.ts';

/** Where to look for an issuer. Nothing is decoded before it is asked for. */
export interface TrustAnchors {
  /** The anchors whose subject is exactly `subject` (the DER of the Name, tag and length included). */
  bySubject(subject: Bytes): readonly TrustAnchor[];
}

/** A CA (or a single peer's certificate) that is trusted because a store says so. Its own signature is not looked at. */
export interface TrustAnchor {
  readonly der: Bytes;
  /**
   * `public`: what it issued must also conform to the CA/Browser Forum's rules; for stores of public CAs.
   * `private`: somebody's own CA, named explicitly: RFC 5280 path validation and nothing more.
   */
  readonly profile: 'public' | 'private';
}

/** What the search for a path depends on. */
export interface PathRequest {
  /** What was sent with the leaf, any order. */
  readonly intermediates: readonly Bytes[];
  readonly anchors: TrustAnchors;
  readonly now: UnixSeconds;
  readonly purpose: Purpose;
  /** Self-issued ones are not counted. */
  readonly maximumIntermediates: number;
  readonly crypto: Pick<CryptoProvider, 'verify' | 'signatureSchemes'>;
  /** What else a path must be, once its signatures are right: the search goes on after a TlsError. `spend`: one signature of the budget. */
  judge(path: Path, spend: () => void): void;
}

/** Leaf first, trust anchor last. */
export type Path = readonly [Candidate, ...Candidate[]];

/**
 * RFC 5280 section 6 and RFC 4158: a depth-first search from the leaf upwards over names, key identifiers and all rules that cost
 * little. Signatures are checked only once a candidate path has reached an anchor, and from the anchor downwards: so a sender
 * who has no certificate from a trusted CA causes no more than one check for each certificate and anchor of the same name.
 * @throws TlsError: the most specific reason of all that were met
 */
export function findPath(leaf: Candidate, request: PathRequest): Path {
  const search = new PathSearch(request);
  const path = search.from(leaf);
  if (path === undefined) throw search.reason;
  return path;
}

type CertificateWhy = { [W in Why]: (typeof FAILURES)[W]['kind'] extends 'certificate-rejected' ? W : never }[Why];

/**
 * Which of several failures to report: the higher number. Low are those that a search meets in every certificate that has
 * nothing to do with the path; high those of a certificate that fits in all other respects.
 */
const SPECIFICITY = {
  'certificate-unknown-issuer': 0,
  'certificate-missing-intermediate': 0,
  'certificate-self-signed': 0,
  'certificate-bad-signature': 1,
  'certificate-malformed': 2,
  'certificate-issuer-not-a-ca': 3,
  'certificate-unsupported-key': 4,
  'certificate-unsupported-signature': 4,
  'certificate-weak-key': 5,
  'certificate-weak-signature': 5,
  'certificate-unknown-critical-extension': 6,
  'certificate-wrong-purpose': 7,
  'certificate-path-too-long': 8,
  'certificate-not-yet-valid': 9,
  'certificate-expired': 9,
  'certificate-name-constraint': 10,
  'certificate-not-conforming': 11,
  'certificate-name-mismatch': 12,
  'certificate-pin-mismatch': 12,
  'certificate-chain-too-long': 13,
  'certificate-budget-exhausted': 13,
  'certificate-not-welcome': 14,
  'certificate-status-missing': 14,
  'certificate-status-rejected': 15,
  'certificate-revoked': 16,
} as const satisfies Record<CertificateWhy, number>;

class PathSearch {
  readonly #request: PathRequest;
  readonly #budget = new Budget();
  readonly #anchors = new Map<Bytes, Candidate>();
  readonly #issuersOf = new Map<Candidate, readonly Candidate[]>();
  #intermediates: readonly Candidate[] | undefined;
  #reason: TlsError | undefined;

  constructor(request: PathRequest) {
    this.#request = request;
  }

  get reason(): TlsError {
    return this.#reason ?? new TlsError('certificate-unknown-issuer');
  }

  from(leaf: Candidate): Path | undefined {
    const { subject, issuer, der } = leaf.certificate;
    // The peer's own certificate is in the store, and no CA vouches for it. One that a CA has issued needs that CA also here: it may
    // have been revoked since.
    if (equal(subject, issuer) && this.#request.anchors.bySubject(subject).some((anchor) => equal(anchor.der, der))) {
      const path = this.#attempt(() => this.#judged([leaf]));
      if (path !== undefined) return path;
    }
    return this.#attempt(() => this.#extend([leaf]));
  }

  /** All ways up from the last of `path`, which so far fits. */
  #extend(path: Path): Path | undefined {
    const child = path.at(-1) as Candidate;
    // Read first, as no issuer makes a weak signature good.
    void child.algorithm;
    let issuers = 0;
    for (const anchor of this.#anchorsFor(child)) {
      issuers++;
      const found = this.#attempt(() => {
        const complete = this.#climb(path, anchor.candidate);
        if (anchor.profile === 'public') this.#checkProfile(complete);
        checkPolicies(complete.map(({ certificate }) => certificate));
        this.#checkSignatures(complete);
        return this.#judged(complete);
      });
      if (found !== undefined) return found;
    }
    for (const issuer of this.#intermediatesFor(child, path)) {
      issuers++;
      const found = this.#attempt(() => this.#extend(this.#climb(path, issuer)));
      if (found !== undefined) return found;
    }
    if (issuers === 0) throw deadEnd(path);
    return undefined;
  }

  #judged(path: Path): Path {
    this.#request.judge(path, this.#signatureCheck.spend);
    return path;
  }

  /** Adds `issuer` to the path if everything but the signature allows it. */
  #climb(path: Path, issuer: Candidate): Path {
    const { now, purpose, maximumIntermediates } = this.#request;
    this.#budget.step();
    const child = path.at(-1) as Candidate;
    if (child.signedBy.get(issuer) === false) throw badSignature(child, issuer);
    // Section 6.1.4 (l): self-issued certificates are not counted; the end-entity certificate is no CA certificate.
    const intermediates = path.slice(1).filter(({ certificate }) => !certificate.selfIssued).length;
    if (intermediates > maximumIntermediates)
      throw new TlsError(
        'certificate-path-too-long',
        `there are more than ${maximumIntermediates} certificates between ${path[0].label} and the trusted one`,
      );
    issuer.check(() => checkEach(issuer.certificate, now));
    issuer.check(() => checkIssuer(issuer.certificate, purpose, intermediates));
    void issuer.publicKey;
    child.check(() => checkFeatures(child.certificate, issuer.certificate));
    this.#checkConstraints(path, issuer);
    return [...path, issuer];
  }

  /** Section 6.1.3 (b) and (c): self-issued certificates are exempt, but not the leaf. */
  #checkConstraints(path: Path, issuer: Candidate): void {
    const constraints = issuer.certificate.extensions.nameConstraints;
    if (constraints === undefined) return;
    for (const [index, below] of path.entries()) {
      if (index > 0 && below.certificate.selfIssued) continue;
      below.check(() => checkNameConstraints(constraints, below.certificate, this.#budget));
    }
  }

  #checkProfile(path: Path): void {
    for (const [index, candidate] of path.entries()) {
      const place = index === 0 ? 'end-entity' : index === path.length - 1 ? 'anchor' : 'intermediate';
      candidate.check(() => checkPublicProfile(candidate.certificate, place));
    }
  }

  #checkSignatures(path: Path): void {
    for (let index = path.length - 1; index > 0; index--) {
      const [issuer, child] = [path[index] as Candidate, path[index - 1] as Candidate];
      const valid = child.signedBy.get(issuer) ?? this.#checkSignature(child, issuer);
      child.signedBy.set(issuer, valid);
      if (!valid) throw badSignature(child, issuer);
    }
  }

  #checkSignature(child: Candidate, issuer: Candidate): boolean {
    const { certificate, algorithm } = child;
    return child.check(() =>
      verifySignature(certificate, algorithm, issuer.certificate.spki, issuer.publicKey, this.#signatureCheck),
    );
  }

  get #signatureCheck(): { readonly crypto: PathRequest['crypto']; readonly spend: () => void } {
    return { crypto: this.#request.crypto, spend: () => this.#budget.checkSignature() };
  }

  #anchorsFor(child: Candidate): { readonly candidate: Candidate; readonly profile: TrustAnchor['profile'] }[] {
    const anchors: { readonly candidate: Candidate; readonly profile: TrustAnchor['profile'] }[] = [];
    for (const { der, profile } of this.#request.anchors.bySubject(child.certificate.issuer)) {
      const known = this.#anchors.get(der);
      const candidate = known ?? this.#decode(der, 'the trusted certificate');
      if (candidate === undefined) continue;
      this.#anchors.set(der, candidate);
      anchors.push({ candidate, profile });
    }
    return anchors.sort((a, b) => keyIdRank(child, a.candidate) - keyIdRank(child, b.candidate));
  }

  /** Not those which `path` has already: the same name with the same key leads nowhere new. */
  #intermediatesFor(child: Candidate, path: Path): Candidate[] {
    this.#intermediates ??= this.#readIntermediates(path[0]);
    const known = this.#issuersOf.get(child);
    const issuers =
      known ??
      this.#intermediates
        .filter(({ certificate }) => equal(certificate.subject, child.certificate.issuer))
        .sort((a, b) => keyIdRank(child, a) - keyIdRank(child, b));
    if (known === undefined) this.#issuersOf.set(child, issuers);
    return issuers.filter((issuer) => !path.some(({ authority }) => authority === issuer.authority));
  }

  #readIntermediates(leaf: Candidate): readonly Candidate[] {
    const authorities = [leaf];
    return this.#request.intermediates
      .map((der, index) => this.#decode(der, 'the intermediate certificate', `certificate ${index + 2} of the chain`))
      .filter((candidate) => candidate !== undefined)
      .map((candidate) => {
        candidate.authority = authorities.find((other) => isSameAuthority(other, candidate)) ?? candidate;
        authorities.push(candidate.authority);
        return candidate;
      });
  }

  /** What cannot be read cannot be used; that it was there is kept as a reason. */
  #decode(der: Bytes, kind: string, unreadable = kind): Candidate | undefined {
    return this.#attempt(() =>
      about(
        () => unreadable,
        () => new Candidate(new Certificate(der), kind),
      ),
    );
  }

  #attempt<Result>(way: () => Result): Result | undefined {
    try {
      return way();
    } catch (error) {
      if (!(error instanceof TlsError) || error.why === 'certificate-budget-exhausted') throw error;
      if (this.#reason === undefined || specificity(error) > specificity(this.#reason)) this.#reason = error;
      return undefined;
    }
  }
}

/** Nobody in sight has issued the last of `path`. */
function deadEnd(path: Path): TlsError {
  const last = path.at(-1) as Candidate;
  const issuer = formatName(last.certificate.issuer);
  if (last.certificate.selfIssued) {
    return path.length === 1
      ? new TlsError('certificate-self-signed', `${last.label} is signed by itself and is not in the trust store`)
      : new TlsError('certificate-unknown-issuer', `the chain ends at ${issuer}, which is not in the trust store`);
  }
  // A CA that tells where to fetch its certificate is an intermediate, more often than not: its server forgot to send it.
  const why = path.length === 1 && last.certificate.extensions.critical.has(EXTENSION.authorityInfoAccess);
  return new TlsError(
    why ? 'certificate-missing-intermediate' : 'certificate-unknown-issuer',
    `${last.label} was issued by ${issuer}, which is neither in the chain nor in the trust store`,
  );
}

function badSignature(child: Candidate, issuer: Candidate): TlsError {
  return new TlsError('certificate-bad-signature', `${child.label} is not signed with the key of ${issuer.label}`);
}

function isSameAuthority({ certificate: a }: Candidate, { certificate: b }: Candidate): boolean {
  return equal(a.subject, b.subject) && equal(a.spki, b.spki);
}

/** RFC 4158 section 3.5.12: the issuer's key identifier is the one that the child names, is unknown, is another. */
function keyIdRank(child: Candidate, issuer: Candidate): number {
  const wanted = child.certificate.extensions.authorityKeyIdentifier?.keyIdentifier;
  const has = issuer.certificate.extensions.subjectKeyIdentifier;
  if (wanted === undefined || has === undefined) return 1;
  return equal(wanted, has) ? 0 : 2;
}

function specificity({ why }: TlsError): number {
  return why in SPECIFICITY ? SPECIFICITY[why as CertificateWhy] : -1;
}
