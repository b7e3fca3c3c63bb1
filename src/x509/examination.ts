import type { Bytes } from '../core/bytes.ts';
import { equal } from '../core/bytes.ts';
import { TlsError, type Why } from '../core/failures.ts';
import { LIMITS } from '../core/limits.ts';
import { Budget } from './budget.ts';
import { Certificate } from './certificate.ts';
import { DerError } from './der.ts';
import { formatName } from './distinguished-name.ts';
import { checkNameConstraints } from './name-constraints.ts';
import { readPublicKey } from './public-key.ts';
import { checkPublicProfile } from './public-profile.ts';
import { checkOcspResponse } from './revocation/ocsp.ts';
import { checkEach, checkEndEntity, checkIssuer } from './rules.ts';
import { readSignatureAlgorithm, type SignatureAlgorithm } from './signature-algorithm.ts';
import { verifySignature } from './signed.ts';
import { formatTime } from './time.ts';
import { checkReferences, type Verification, type VerificationRequest, verifyCertificate } from './verify.ts';

/** What a chain is examined for: what a verification depends on, and what is worth a word besides. */
export interface ExaminationRequest extends VerificationRequest {
  /** Certificates that expire within so many seconds are warned of. */
  readonly warnSeconds: number;
  /** SubjectPublicKeyInfo of the key that the first certificate should be for. */
  readonly ownKey?: Bytes | undefined;
}

/** A chain, all that is wrong with it, and what comes of that. */
export interface Examination {
  /** `warnings`: clients accept it now, and something should be done. */
  readonly verdict: 'accepted' | 'warnings' | 'rejected';
  /** What {@link verifyCertificate} says of it: the same that a connection would meet with. */
  readonly verification: Verification;
  /** Those that were sent, in their order, then the trusted ones that may have issued them. */
  readonly certificates: readonly ExaminedCertificate[];
  /** Of the chain as a whole. */
  readonly remarks: readonly Remark[];
}

/** One certificate, and who has issued it. */
export interface ExaminedCertificate {
  /** From 1, in the order of {@link Examination.certificates}. */
  readonly number: number;
  readonly sent: boolean;
  /** By what kind of store; null for one that only was sent. */
  readonly trusted: 'public' | 'private' | null;
  /** On the path that was accepted. */
  readonly onPath: boolean;
  readonly der: Bytes;
  /** Undefined if it cannot be read. */
  readonly certificate: Certificate | undefined;
  /** Numbers of those whose key has signed it. */
  readonly issuers: readonly number[];
  readonly remarks: readonly Remark[];
}

/** One thing that was found; `detail` goes on from the name of the certificate, or is a sentence about the chain. */
export interface Remark {
  /** `error`: a reason to refuse the chain; `warning`: something to be done; `note`: good to know. */
  readonly severity: 'error' | 'warning' | 'note';
  readonly why: RemarkWhy;
  readonly detail: string;
}

/** Stable codes: those of failures, and of what is none. */
export type RemarkWhy = Why | keyof typeof REMARKS;

/** What is found besides failures, for documentation. */
export const REMARKS = {
  'expires-soon': 'it expires within the days of --warn-days',
  'wrong-order':
    'the certificates are not sent in their order: each is to certify the one before it (RFC 8446 section 4.4.2)',
  'superfluous': 'a certificate that was sent leads nowhere, or is there twice',
  'trusted-sent': 'the trusted certificate was sent, which nobody needs',
  'key-mismatch': 'the key of --key is not that of the certificate',
  'staple-good': 'the stapled OCSP response says that the certificate is good',
  'staple-useless': 'the stapled OCSP response says nothing that counts now',
} as const;

/**
 * Verifies a chain, and says of each certificate all that is wrong with it and not only the first. What it finds wrong never makes the
 * verdict better: `rejected` whenever {@link verifyCertificate} refuses. The work is bounded as that of a verification is, once more.
 * @throws RangeError as {@link verifyCertificate} does
 */
export function examineChain(request: ExaminationRequest): Examination {
  const verification = verifyCertificate(request);
  const examiner = new Examiner(request, verification);
  examiner.run();
  const certificates = examiner.entries.map((entry) => ({ ...entry, remarks: judged(entry) }));
  const severities = [...examiner.remarks, ...certificates.flatMap(({ remarks }) => remarks)].map(
    ({ severity }) => severity,
  );
  const rejected = !verification.ok || severities.includes('error');
  const verdict = rejected ? 'rejected' : severities.includes('warning') ? 'warnings' : 'accepted';
  return { verdict, verification, certificates, remarks: examiner.remarks };
}

/** What is wrong with a certificate beside the path that was accepted hurts nobody. */
function judged({ remarks, matters }: Entry): readonly Remark[] {
  return matters ? remarks : remarks.map((remark) => ({ ...remark, severity: 'note' }));
}

interface Entry {
  readonly number: number;
  readonly sent: boolean;
  trusted: 'public' | 'private' | null;
  readonly onPath: boolean;
  /** On the accepted path or, where there is none, anywhere. */
  readonly matters: boolean;
  readonly der: Bytes;
  readonly certificate: Certificate | undefined;
  readonly issuers: number[];
  readonly remarks: Remark[];
}

type Readable = Entry & { readonly certificate: Certificate };

class Examiner {
  readonly entries: Entry[] = [];
  readonly remarks: Remark[] = [];
  readonly #request: ExaminationRequest;
  readonly #verification: Verification;
  readonly #budget = new Budget();
  readonly #walked = new Set<Entry>();

  constructor(request: ExaminationRequest, verification: Verification) {
    this.#request = request;
    this.#verification = verification;
  }

  run(): void {
    for (const der of this.#request.chain.slice(0, LIMITS.chainCertificates)) this.#enter(der, true, null);
    const [leaf] = this.entries;
    if (leaf === undefined) return;
    try {
      this.#checkLeaf(leaf);
      if (isReadable(leaf)) this.#walk(leaf, []);
    } catch (error) {
      if (!(error instanceof TlsError)) throw error;
      this.remarks.push({ severity: 'error', why: error.why, detail: error.detail ?? '' });
    }
    this.#checkOrder();
    this.#addFailure();
  }

  #enter(der: Bytes, sent: boolean, trusted: Entry['trusted']): Entry {
    const path = this.#verification.ok ? this.#verification.path.certificates : [];
    const isAgain = this.entries.some((entry) => equal(entry.der, der));
    const onPath = !isAgain && path.some((certificate) => equal(certificate.der, der));
    const remarks: Remark[] = [];
    const certificate = attempt(remarks, () => new Certificate(der));
    const matters = onPath || !this.#verification.ok;
    const number = this.entries.length + 1;
    const entry: Entry = { number, sent, trusted, onPath, matters, der, certificate, issuers: [], remarks };
    this.entries.push(entry);
    return entry;
  }

  #checkLeaf(leaf: Entry): void {
    const { references, purpose, crypto, ownKey, ocspResponse } = this.#request;
    const { certificate, remarks } = leaf;
    if (certificate === undefined) return;
    if ('identifiers' in references) attempt(remarks, () => checkReferences(certificate, references, crypto));
    attempt(remarks, () => checkEndEntity(certificate, purpose));
    if (ownKey !== undefined && !equal(ownKey, certificate.spki))
      remarks.push({ severity: 'error', why: 'key-mismatch', detail: 'is not for the key of --key' });
    const verified = this.#verification.ok ? this.#verification.path.certificates : [];
    if (ocspResponse !== undefined && verified[1] !== undefined)
      this.#checkStaple(leaf, ocspResponse, { certificate, issuer: verified[1] });
  }

  /** Of a response that is not acceptable, the verification has said so. */
  #checkStaple(
    { remarks }: Entry,
    response: Bytes,
    link: { readonly certificate: Certificate; readonly issuer: Certificate },
  ): void {
    const finding = attempt(remarks, () =>
      checkOcspResponse(response, { ...this.#request, ...link, spend: () => this.#budget.checkSignature() }),
    );
    if (finding?.found === 'good')
      remarks.push({ severity: 'note', why: 'staple-good', detail: 'is good, says the stapled OCSP response' });
    if (finding?.found === 'nothing')
      remarks.push({ severity: 'warning', why: 'staple-useless', detail: finding.detail });
  }

  /** Upwards from a certificate, each once: `below` are those between it and the leaf, leaf first. */
  #walk(entry: Readable, below: readonly Readable[]): void {
    if (this.#walked.has(entry)) return;
    this.#walked.add(entry);
    const { certificate, remarks } = entry;
    const { now, warnSeconds } = this.#request;
    if (attempt(remarks, () => checkEach(certificate, now)) && certificate.notAfter - now < warnSeconds)
      remarks.push({
        severity: 'warning',
        why: 'expires-soon',
        detail: `expires on ${formatTime(certificate.notAfter)}`,
      });
    attempt(remarks, () => readPublicKey(certificate.spki, certificate.der));
    if (below.length > 0) this.#checkAuthority(entry, below);
    const trusted = this.#trusted(certificate.subject);
    entry.trusted = trusted.find(({ der }) => equal(der, certificate.der))?.profile ?? null;
    if (entry.trusted === null) this.#climb(entry, below);
    else if (entry.trusted === 'public') this.#checkProfile([...below, entry]);
  }

  #climb(entry: Readable, below: readonly Readable[]): void {
    const { certificate, remarks } = entry;
    const algorithm = attempt(remarks, () => readSignatureAlgorithm(certificate.signatureAlgorithm));
    const issuers = this.#named(certificate.issuer).filter((other) => other !== entry && !below.includes(other));
    const signers = issuers.filter((issuer) => this.#mayHaveSigned(entry, algorithm, issuer));
    entry.issuers.push(...signers.map(({ number }) => number));
    if (issuers.length === 0) remarks.push(deadEnd(certificate));
    else if (signers.length === 0)
      remarks.push({
        severity: 'error',
        why: 'certificate-bad-signature',
        detail: `is not signed with the key of ${formatName(certificate.issuer)}`,
      });
    for (const issuer of signers) this.#walk(issuer, [...below, entry]);
  }

  /** Where the algorithm or the key is none that is accepted, which is an error already, the name alone says so. */
  #mayHaveSigned(entry: Readable, algorithm: SignatureAlgorithm | undefined, issuer: Readable): boolean {
    const { certificate, remarks } = entry;
    const { spki, der } = issuer.certificate;
    const key = attempt(issuer.remarks, () => readPublicKey(spki, der));
    if (algorithm === undefined || key === undefined) return true;
    const check = { crypto: this.#request.crypto, spend: () => this.#budget.checkSignature() };
    return attempt(remarks, () => verifySignature(certificate, algorithm, spki, key, check)) ?? true;
  }

  #checkAuthority({ certificate, remarks }: Readable, below: readonly Readable[]): void {
    const intermediates = below.slice(1).filter((other) => !other.certificate.selfIssued).length;
    attempt(remarks, () => checkIssuer(certificate, this.#request.purpose, intermediates));
    const constraints = certificate.extensions.nameConstraints;
    if (constraints === undefined) return;
    for (const [index, other] of below.entries())
      if (index === 0 || !other.certificate.selfIssued)
        attempt(other.remarks, () => checkNameConstraints(constraints, other.certificate, this.#budget));
  }

  #checkProfile(path: readonly Readable[]): void {
    for (const [index, { certificate, remarks }] of path.entries()) {
      const place = index === 0 ? 'end-entity' : index === path.length - 1 ? 'anchor' : 'intermediate';
      attempt(remarks, () => checkPublicProfile(certificate, place));
    }
  }

  /** All in sight with that subject, trusted ones first. */
  #named(subject: Bytes): Readable[] {
    for (const { der, profile } of this.#trusted(subject))
      if (!this.entries.some((entry) => equal(entry.der, der))) this.#enter(der, false, profile);
    return this.entries
      .filter(isReadable)
      .filter(({ certificate }) => equal(certificate.subject, subject))
      .sort((a, b) => Number(a.sent) - Number(b.sent));
  }

  /** As many as a search would ever try. */
  #trusted(subject: Bytes): ReturnType<ExaminationRequest['anchors']['bySubject']> {
    return this.#request.anchors.bySubject(subject).slice(0, LIMITS.pathSignatures);
  }

  #checkOrder(): void {
    const sent = this.entries.filter((entry) => entry.sent);
    const [leaf] = sent;
    const child = sent.find(({ certificate }) => certificate !== undefined && isAbove(leaf, certificate));
    if (child !== undefined)
      this.remarks.push({
        severity: this.#verification.ok ? 'warning' : 'error',
        why: 'wrong-order',
        detail: `certificate 1 is that of a CA, which has issued certificate ${child.number}: the server's own must be the first`,
      });
    for (const [index, entry] of sent.entries()) this.#checkPlace(entry, sent.slice(0, index));
  }

  #checkPlace(entry: Entry, before: readonly Entry[]): void {
    const { number, remarks, trusted } = entry;
    const note = (why: RemarkWhy, detail: string) => remarks.push({ severity: 'note', why, detail });
    if (before.some(({ der }) => equal(der, entry.der))) note('superfluous', 'is there twice');
    else if (isReadable(entry) && !this.#walked.has(entry))
      note('superfluous', 'has issued none of the others: it need not be sent');
    else if (trusted !== null && number > 1) note('trusted-sent', 'is trusted: it need not be sent');
    else if (number > 1 && !before.some(({ issuers }) => issuers.includes(number)))
      remarks.push({
        severity: 'warning',
        why: 'wrong-order',
        detail: 'is sent before the certificate that it has issued',
      });
  }

  /** What the verification says and no certificate shows: policies, revocation, the budget. */
  #addFailure(): void {
    if (this.#verification.ok) return;
    const { why, detail } = this.#verification.failure;
    const known = [...this.remarks, ...this.entries.flatMap(({ remarks }) => remarks)];
    if (!known.some((remark) => remark.why === why))
      this.remarks.push({ severity: 'error', why, detail: detail ?? '' });
  }
}

function isReadable(entry: Entry): entry is Readable {
  return entry.certificate !== undefined;
}

/** Whether it is a CA that says to have issued the other one. */
function isAbove(entry: Entry | undefined, { issuer, subject }: Certificate): boolean {
  const authority = entry?.certificate;
  return (
    authority?.extensions.basicConstraints?.ca === true && equal(authority.subject, issuer) && !equal(issuer, subject)
  );
}

function deadEnd({ selfIssued, issuer }: Certificate): Remark {
  return selfIssued
    ? { severity: 'error', why: 'certificate-self-signed', detail: 'is signed by itself, and is not trusted' }
    : {
        severity: 'error',
        why: 'certificate-unknown-issuer',
        detail: `was issued by ${formatName(issuer)}, whose certificate is neither sent nor trusted`,
      };
}

/** Runs a rule about a certificate; what it throws is an error of that certificate. @returns undefined then, or what the rule does, or true */
function attempt<Result>(remarks: Remark[], rule: () => Result): (Result extends void ? true : Result) | undefined {
  try {
    return (rule() ?? true) as Result extends void ? true : Result;
  } catch (error) {
    const why = error instanceof DerError ? 'certificate-malformed' : error instanceof TlsError ? error.why : undefined;
    if (why === undefined || why === 'certificate-budget-exhausted') throw error;
    const detail = error instanceof TlsError ? (error.detail ?? '') : `is malformed: ${(error as DerError).message}`;
    if (!remarks.some((other) => other.why === why && other.detail === detail))
      remarks.push({ severity: 'error', why, detail });
    return undefined;
  }
}
