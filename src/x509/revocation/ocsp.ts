import { type Bytes, equal } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { LIMITS } from '../../core/limits.ts';
import { Certificate } from '../certificate.ts';
import { DerError } from '../der.ts';
import { formatName } from '../distinguished-name.ts';
import { EXTENSION, KEY_USAGE, PURPOSE } from '../extensions.ts';
import { keyBits } from '../public-key.ts';
import { checkEach } from '../rules.ts';
import { isSignedBy, type Signed } from '../signed.ts';
import { formatTime } from '../time.ts';
import { describeRevocation, type Finding, type StatusQuestion } from './finding.ts';
import { type BasicOcspResponse, readOcspResponse, type SingleResponse } from './ocsp-response.ts';

/**
 * What a stapled OCSP response says, RFC 6960 section 3.2. `nothing`: it is no answer (an error of the responder), or not one for
 * this time. A `good` with a `responder` holds only if the certificate of that responder is itself not revoked (section 4.2.2.2.1).
 * @throws TlsError `certificate-status-rejected` where it must not be believed, or says that there is no such certificate; the detail
 * goes on from the name of the certificate
 */
export function checkOcspResponse(der: Bytes, question: StatusQuestion): Finding {
  const response = reading('', () => readOcspResponse(der));
  if (response.error !== undefined) return nothing(`the stapled OCSP response is an error (${response.error})`);
  const { basic } = response;
  const single = singleResponse(basic.responses, question);
  // We sent no nonce, so that such an answer was somebody else's.
  if (basic.hasNonce) reject('has a nonce, though none was asked for (RFC 6960 section 4.4.1)');
  const responder = signerOf(basic, question);
  const { status } = single;
  if (status.is === 'revoked') return { found: 'revoked', detail: describeRevocation(status.at, status.reason) };
  if (status.is === 'unknown') reject('says that its CA knows of no such certificate');
  const untimely = whyUntimely(basic, single, Math.floor(question.now));
  if (untimely !== undefined) return nothing(untimely);
  return { found: 'good', ...(needsStatus(responder, question.issuer) ? { responder } : {}) };
}

/** Section 4.1.1: name and key of the issuer, hashed, and the serial number. What says that it is revoked goes before what does not. */
function singleResponse(responses: readonly SingleResponse[], question: StatusQuestion): SingleResponse {
  const { certificate } = question;
  const issuers = new Map<string, readonly [Bytes, Bytes]>();
  const matching = responses.filter(({ hash, serialNumber, issuerNameHash, issuerKeyHash }) => {
    if (hash === undefined || !equal(serialNumber, certificate.serialNumber)) return false;
    const [name, key] = issuers.get(hash) ?? hashIssuer(hash, question);
    issuers.set(hash, [name, key]);
    return equal(issuerNameHash, name) && equal(issuerKeyHash, key);
  });
  const single = matching.find(({ status }) => status.is === 'revoked') ?? matching[0];
  return single ?? reject('is for another certificate');
}

/** Once for each hash, however many responses there are: names can be long. */
function hashIssuer(hash: 'sha1' | 'sha256', { certificate, issuer, crypto }: StatusQuestion): readonly [Bytes, Bytes] {
  const digest = (bytes: Bytes) => (hash === 'sha1' ? crypto.sha1(bytes) : crypto.hash(hash, bytes));
  return [digest(certificate.issuer), digest(keyBits(issuer.spki))];
}

/** Section 4.2.2.2: the issuer itself, or who has a certificate from that very key for this very purpose. */
function signerOf(basic: BasicOcspResponse, question: StatusQuestion): Certificate {
  const { issuer } = question;
  const delegates = basic.certificates
    .map((der, index) => reading(` (its certificate ${index + 1})`, () => new Certificate(der)))
    .filter(({ spki }) => !equal(spki, issuer.spki));
  const signer = [issuer, ...delegates].find(
    (candidate) => isNamed(basic, candidate, question) && verifies(basic, candidate, question),
  );
  if (signer === undefined) return reject(`is not signed by its issuer (${formatName(issuer.subject)}) or in its name`);
  if (signer === issuer) {
    if (!mayOnly(issuer, KEY_USAGE.digitalSignature))
      reject('is signed by an issuer whose key is not for that (keyUsage without digitalSignature)');
  } else checkDelegate(signer, question);
  return signer;
}

function isNamed(
  { responder }: BasicOcspResponse,
  { subject, spki }: Certificate,
  { crypto }: StatusQuestion,
): boolean {
  return equal(responder.value, responder.by === 'name' ? subject : crypto.sha1(keyBits(spki)));
}

function checkDelegate(delegate: Certificate, question: StatusQuestion): void {
  const { issuer, now } = question;
  const label = `the responder's certificate (${formatName(delegate.subject)})`;
  if (delegate.extensions.extKeyUsage?.includes(PURPOSE.ocspSigning) !== true)
    reject(`is signed with a certificate that is not for signing OCSP responses (${formatName(delegate.subject)})`);
  if (!mayOnly(delegate, KEY_USAGE.digitalSignature | KEY_USAGE.contentCommitment))
    reject(`cannot be relied on: ${label} is not for digital signatures (keyUsage)`);
  if (!equal(delegate.issuer, issuer.subject) || !verifies(delegate, issuer, question))
    reject(`cannot be relied on: ${label} was not issued by ${formatName(issuer.subject)}`);
  reading(`: ${label}`, () => checkEach(delegate, now));
}

/** Section 4.2.2.2.1: unless its CA says that it is short-lived enough, or may be relied on without. */
function needsStatus(responder: Certificate, issuer: Certificate): boolean {
  return responder !== issuer && !responder.extensions.critical.has(EXTENSION.ocspNoCheck);
}

function mayOnly({ extensions }: Certificate, usages: number): boolean {
  return extensions.keyUsage === undefined || (extensions.keyUsage & usages) !== 0;
}

/** Section 3.2, 5 and 6; producedAt is the time of the signature. */
function whyUntimely({ producedAt }: BasicOcspResponse, single: SingleResponse, second: number): string | undefined {
  const { thisUpdate, nextUpdate = thisUpdate + LIMITS.statusLifetimeSeconds } = single;
  const skew = LIMITS.statusClockSkewSeconds;
  if (Math.max(thisUpdate, producedAt) > second + skew)
    return `the stapled OCSP response is from ${formatTime(Math.max(thisUpdate, producedAt))}, and it is ${formatTime(second)}`;
  if (nextUpdate < second - skew)
    return `the stapled OCSP response was good until ${formatTime(nextUpdate)}, and it is ${formatTime(second)}`;
  return undefined;
}

function verifies(signed: Signed, { spki }: Certificate, question: StatusQuestion): boolean {
  return reading('', () => isSignedBy(signed, spki, question));
}

/** Runs a rule about the response, or about a certificate in it: whatever it throws means that the response is rejected. */
function reading<Result>(what: string, rule: () => Result): Result {
  try {
    return rule();
  } catch (error) {
    if (error instanceof DerError) return reject(`is malformed${what}: ${error.message}`);
    if (!(error instanceof TlsError) || error.why === 'certificate-budget-exhausted') throw error;
    return reject(what === '' ? `${error.detail}` : `cannot be relied on${what} ${error.detail}`);
  }
}

function nothing(detail: string): Finding {
  return { found: 'nothing', detail };
}

function reject(what: string): never {
  throw new TlsError('certificate-status-rejected', `came with an OCSP response that ${what}`);
}
