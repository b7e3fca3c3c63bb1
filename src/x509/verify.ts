import type { Bytes } from '../core/bytes.ts';
import { equal } from '../core/bytes.ts';
import { type Failure, TlsError } from '../core/failures.ts';
import { LIMITS } from '../core/limits.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { about, Candidate } from './candidate.ts';
import { Certificate } from './certificate.ts';
import { type ClientRule, checkWelcome, type Welcome } from './clients.ts';
import { formatGeneralName, formatReference, matches, type ReferenceIdentifier } from './names.ts';
import { findPath, type Path, type TrustAnchors } from './path.ts';
import type { StatusCrypto } from './revocation/finding.ts';
import { checkCaStatus, checkLeafStatus, type Revocation, type RevocationRequest } from './revocation/revocation.ts';
import { checkEach, checkEndEntity, type Purpose } from './rules.ts';
import type { UnixSeconds } from './time.ts';

/** All that the decision depends on. */
export interface VerificationRequest {
  /** DER, leaf first, as received; the rest in any order. */
  readonly chain: readonly Bytes[];
  readonly anchors: TrustAnchors;
  readonly now: UnixSeconds;
  readonly purpose: Purpose;
  /** A server must prove who it is; a client that, or that it is welcome. */
  readonly references: References | Welcome;
  /** CA certificates between the leaf and the anchor, self-issued ones not counted. Default: as many as a chain may have. */
  readonly maximumIntermediates?: number;
  readonly revocation: Revocation;
  /** The OCSP response that was stapled to the leaf. */
  readonly ocspResponse?: Bytes | undefined;
  readonly crypto: StatusCrypto;
}

/** Who the peer must be, fixed before the handshake. The chain is verified in any case. */
export interface References {
  /**
   * At least one; the leaf must have one of them. They are names (`dns`, `ip`, `email`, `srv`, `uri`), or they are keys (`spki-sha256`) where
   * the key alone says who the peer is; not both, as that could mean either one of the two or both of them.
   */
  readonly identifiers: readonly ReferenceIdentifier[];
  /** In addition, whatever the identifiers are: SHA-256 hashes of SubjectPublicKeyInfo. If there are any, the leaf's key must be one of them. */
  readonly pins?: readonly Bytes[];
}

/** The answer: the proof, or why not. */
export type Verification =
  | { readonly ok: true; readonly path: VerifiedPath }
  | { readonly ok: false; readonly failure: Failure };

/** The one way to the constructor of {@link VerifiedPath}; nothing outside of this file can reach it. */
let prove: (certificates: VerifiedPath['certificates'], proven: Proven) => VerifiedPath;

/** Why the leaf is the right one. */
interface Proven {
  readonly matched: readonly ReferenceIdentifier[];
  readonly welcome: readonly ClientRule[];
}

/** Proof of a verification: only {@link verifyCertificate} can construct one. */
export class VerifiedPath {
  readonly #brand = 'verified';
  /** Leaf first, trust anchor last; one only if the leaf itself is in the store. */
  readonly certificates: readonly [Certificate, ...Certificate[]];
  /** Those of the references that the leaf has; empty for a client that is only welcome. */
  readonly matched: readonly ReferenceIdentifier[];
  /** Those of the rules for clients that hold. */
  readonly welcome: readonly ClientRule[];

  private constructor(certificates: readonly [Certificate, ...Certificate[]], { matched, welcome }: Proven) {
    this.certificates = certificates;
    this.matched = matched;
    this.welcome = welcome;
  }

  get leaf(): Certificate {
    return this.certificates[0];
  }

  /** For values that come through an `any`. */
  static isGenuine(value: unknown): value is VerifiedPath {
    return typeof value === 'object' && value !== null && #brand in value;
  }

  static {
    prove = (certificates, proven) => new VerifiedPath(certificates, proven);
  }
}

/**
 * Decides whether `chain` leads from an acceptable leaf to a trust anchor. All that the decision depends on is an argument:
 * there is no default time, no default store, and no way to leave the name out.
 *
 * What the leaf itself shows comes first, cheapest and most telling first: its form, its names, its validity, its purpose, its
 * key. Then the path ({@link findPath}). The first failure, and of the path's failures the most specific, is the answer.
 * @throws RangeError without a reference identifier, for names mixed with keys, for a server that is only to be welcome, or for a time
 * that is no number: the caller's mistakes, never the peer's
 */
export function verifyCertificate(request: VerificationRequest): Verification {
  const { references, purpose, now } = request;
  if ('identifiers' in references) checkIdentifiers(references.identifiers);
  else if (purpose === 'server') throw new RangeError('rules for clients do not say who a server is');
  if (!Number.isFinite(now)) throw new RangeError('no time');
  try {
    return { ok: true, path: verify(request) };
  } catch (error) {
    if (error instanceof TlsError) return { ok: false, failure: error.failure };
    throw error;
  }
}

function verify({ chain, references, revocation, ocspResponse, ...request }: VerificationRequest): VerifiedPath {
  const { crypto, now, purpose, maximumIntermediates = LIMITS.chainCertificates } = request;
  const [der, ...intermediates] = chain;
  if (der === undefined) throw new TlsError('no-certificate');
  checkSize(chain);

  const kind = `the ${purpose}'s certificate`;
  const leaf = about(
    () => kind,
    () => new Candidate(new Certificate(der), kind),
  );
  const named = 'identifiers' in references ? references : undefined;
  const matched = named === undefined ? [] : leaf.check(() => checkReferences(leaf.certificate, named, crypto));
  leaf.check(() => checkEach(leaf.certificate, now));
  leaf.check(() => checkEndEntity(leaf.certificate, purpose));
  void leaf.publicKey;

  let welcome: readonly ClientRule[] = [];
  const status = { revocation, ocspResponse, isServer: purpose === 'server', now, crypto };
  const path = findPath(leaf, {
    ...request,
    intermediates,
    maximumIntermediates,
    judge: (found, spend) => {
      checkStatus(found, { ...status, spend });
      if (!('identifiers' in references))
        welcome = leaf.check(() => checkWelcome(certificatesOf(found), references, crypto));
    },
  });
  return prove(certificatesOf(path), { matched, welcome });
}

function checkIdentifiers(identifiers: readonly ReferenceIdentifier[]): void {
  if (identifiers.length === 0) throw new RangeError('no reference identifier');
  const keys = identifiers.filter(({ type }) => type === 'spki-sha256');
  if (keys.length > 0 && keys.length < identifiers.length)
    throw new RangeError('names and keys as reference identifiers: a key in addition to a name is a pin');
}

function checkSize(chain: readonly Bytes[]): void {
  const tooLong = (found: string): TlsError =>
    new TlsError('certificate-chain-too-long', `the chain has ${found} are the most`);
  if (chain.length > LIMITS.chainCertificates)
    throw tooLong(`${chain.length} certificates, where ${LIMITS.chainCertificates}`);
  const bytes = chain.reduce((total, { length }) => total + length, 0);
  if (bytes > LIMITS.certificateMessageBytes) throw tooLong(`${bytes} bytes, where ${LIMITS.certificateMessageBytes}`);
}

/** Whether the issuers still stand by what they signed, from the trusted one downwards. */
function checkStatus(path: Path, request: RevocationRequest): void {
  for (let index = path.length - 2; index >= 0; index--) {
    const [candidate, issuer] = [path[index] as Candidate, path[index + 1] as Candidate];
    const link = { certificate: candidate.certificate, issuer: issuer.certificate };
    candidate.check(() => (index === 0 ? checkLeafStatus(link, request) : checkCaStatus(link, request)));
  }
}

function certificatesOf([leaf, ...above]: Path): readonly [Certificate, ...Certificate[]] {
  return [leaf.certificate, ...above.map(({ certificate }) => certificate)];
}

/**
 * Which of the identifiers the leaf has.
 * @throws TlsError `certificate-name-mismatch`, `certificate-pin-mismatch`; the detail goes on from the name of the certificate
 */
export function checkReferences(
  leaf: Certificate,
  { identifiers, pins = [] }: References,
  crypto: Pick<CryptoProvider, 'hash'>,
): ReferenceIdentifier[] {
  const pinned = pins.map((digest): KeyReference => ({ type: 'spki-sha256', digest }));
  const byKey = identifiers.filter((reference) => reference.type === 'spki-sha256');
  const matched = byKey.length > 0 ? matchKey(leaf, byKey, crypto) : matchNames(leaf, identifiers);
  return pinned.length === 0 ? matched : [...matched, ...matchKey(leaf, pinned, crypto)];
}

type KeyReference = Extract<ReferenceIdentifier, { type: 'spki-sha256' }>;

function matchNames(leaf: Certificate, names: readonly ReferenceIdentifier[]): ReferenceIdentifier[] {
  const presented = leaf.extensions.subjectAltName ?? [];
  const matched = names.filter((reference) => presented.some((name) => matches(name, reference)));
  if (matched.length === 0)
    throw new TlsError('certificate-name-mismatch', `is for ${describePresented(leaf)}, and not for ${list(names)}`);
  return matched;
}

function matchKey(
  { spki }: Certificate,
  keys: readonly KeyReference[],
  crypto: Pick<CryptoProvider, 'hash'>,
): ReferenceIdentifier[] {
  const digest = crypto.hash('sha256', spki);
  const matched = keys.filter((key) => equal(key.digest, digest));
  if (matched.length > 0) return matched;
  const found = formatReference({ type: 'spki-sha256', digest });
  throw new TlsError('certificate-pin-mismatch', `has the key ${found}, and not ${list(keys)}`);
}

function describePresented({ extensions }: Certificate): string {
  const names = extensions.subjectAltName;
  if (names === undefined) return 'no name (it has no subjectAltName, and a common name does not count)';
  const shown = names.slice(0, 5).map(formatGeneralName).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

function list(references: readonly ReferenceIdentifier[]): string {
  return references.map(formatReference).join(' or ');
}
