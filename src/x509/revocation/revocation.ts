import type { Bytes } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import type { Certificate } from '../certificate.ts';
import { formatName } from '../distinguished-name.ts';
import { STATUS_REQUEST } from '../extensions.ts';
import type { UnixSeconds } from '../time.ts';
import type { RevocationList } from './crl.ts';
import { checkRevocationLists } from './crl-status.ts';
import type { Finding, StatusCrypto, StatusQuestion } from './finding.ts';
import { checkOcspResponse } from './ocsp.ts';

/** What to make of it that a certificate may have been revoked. docs/verification.md has the table of cases. */
export interface Revocation {
  /**
   * `soft`: what is known to be revoked is refused. `hard`: so is what is not shown to be good, by a stapled OCSP response (the leaf)
   * or a CRL (each certificate below the trusted one).
   */
  readonly policy: 'soft' | 'hard';
  readonly lists: readonly RevocationList[];
}

/** What the check depends on. */
export interface RevocationRequest {
  readonly revocation: Revocation;
  /** As stapled to the leaf. */
  readonly ocspResponse: Bytes | undefined;
  /** A certificate may demand a staple (RFC 7633): only a server's, as no client is asked for one. */
  readonly isServer: boolean;
  readonly now: UnixSeconds;
  readonly crypto: StatusCrypto;
  readonly spend: () => void;
}

/** One certificate of a verified path, and its issuer. */
export interface Link {
  readonly certificate: Certificate;
  readonly issuer: Certificate;
}

/**
 * The status of the leaf, with its staple.
 * @throws TlsError `certificate-revoked`, `certificate-status-rejected`, `certificate-status-missing`; the detail goes on from the name of
 * the certificate
 */
export function checkLeafStatus(link: Link, request: RevocationRequest): void {
  const { ocspResponse, isServer, revocation } = request;
  const demandsStaple = isServer && link.certificate.extensions.tlsFeatures?.includes(STATUS_REQUEST) === true;
  if (ocspResponse === undefined && !demandsStaple && isContentWithNothing(revocation)) return;
  const question = { ...request, ...link };
  const stapled =
    ocspResponse === undefined
      ? nothing('no OCSP response was stapled')
      : checkStaple(ocspResponse, question, revocation);
  if (stapled.found === 'revoked') throw new TlsError('certificate-revoked', stapled.detail);
  const listed = checkRevocationLists(revocation.lists, question);
  if (demandsStaple && stapled.found === 'nothing')
    throw new TlsError('certificate-status-missing', `demands an OCSP response (must-staple), and ${stapled.detail}`);
  judge([stapled, listed], revocation.policy);
}

/** The status of a CA certificate. @throws as above */
export function checkCaStatus(link: Link, request: RevocationRequest): void {
  const { revocation } = request;
  if (!isContentWithNothing(revocation))
    judge([checkRevocationLists(revocation.lists, { ...request, ...link })], revocation.policy);
}

function isContentWithNothing({ policy, lists }: Revocation): boolean {
  return policy === 'soft' && lists.length === 0;
}

/** A responder that may be revoked itself is as good as its own status. */
function checkStaple(response: Bytes, question: StatusQuestion, { lists, policy }: Revocation): Finding {
  const finding = checkOcspResponse(response, question);
  if (finding.found !== 'good' || finding.responder === undefined) return finding;
  const { responder } = finding;
  const own = checkRevocationLists(lists, { ...question, certificate: responder });
  const label = `the responder's certificate (${formatName(responder.subject)})`;
  if (own.found === 'revoked')
    throw new TlsError(
      'certificate-status-rejected',
      `came with an OCSP response that is void: ${label} ${own.detail}`,
    );
  if (own.found === 'good' || policy === 'soft') return finding;
  return nothing(`${label} may be revoked: it has no id-pkix-ocsp-nocheck, and ${own.detail}`);
}

function judge(findings: readonly Finding[], policy: Revocation['policy']): void {
  const details: string[] = [];
  for (const finding of findings) {
    if (finding.found === 'revoked') throw new TlsError('certificate-revoked', finding.detail);
    if (finding.found === 'nothing') details.push(finding.detail);
  }
  if (policy === 'hard' && details.length === findings.length)
    throw new TlsError('certificate-status-missing', `is not shown to be good: ${details.join(', and ')}`);
}

function nothing(detail: string): Finding {
  return { found: 'nothing', detail };
}
