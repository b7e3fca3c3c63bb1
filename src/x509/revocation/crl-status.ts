import { equal } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Certificate } from '../certificate.ts';
import { DerError } from '../der.ts';
import { formatName } from '../distinguished-name.ts';
import { KEY_USAGE } from '../extensions.ts';
import { isSignedBy } from '../signed.ts';
import { formatTime } from '../time.ts';
import type { RevocationList } from './crl.ts';
import { describeRevocation, type Finding, type StatusQuestion } from './finding.ts';

/**
 * What the lists say of a certificate, RFC 5280 section 6.3.3, for complete lists that the certificate's own issuer has signed with
 * the key that signed the certificate. An entry counts however old its list is: what is revoked stays so.
 * @throws TlsError `certificate-budget-exhausted`
 */
export function checkRevocationLists(lists: readonly RevocationList[], question: StatusQuestion): Finding {
  const { certificate, issuer } = question;
  const issuerName = formatName(issuer.subject);
  let finding: Finding = { found: 'nothing', detail: `no CRL of ${issuerName} is there` };
  for (const list of lists) {
    if (!equal(list.issuer, certificate.issuer) || isOfAnotherKey(list, issuer)) continue;
    const unusable = whyUnusable(list, question);
    const entry =
      unusable === undefined && inScope(list, certificate) ? list.find(certificate.serialNumber) : undefined;
    if (entry !== undefined) return { found: 'revoked', detail: describeRevocation(entry.at, entry.reason) };
    const why = unusable ?? whyInconclusive(list, question);
    if (why === undefined) finding = { found: 'good' };
    else if (finding.found !== 'good') finding = { found: 'nothing', detail: `the CRL of ${issuerName} ${why}` };
  }
  return finding;
}

/** Two CAs of one name, or one with a new key. */
function isOfAnotherKey({ keyIdentifier }: RevocationList, { extensions }: Certificate): boolean {
  const own = extensions.subjectKeyIdentifier;
  return keyIdentifier !== undefined && own !== undefined && !equal(keyIdentifier, own);
}

/** Section 6.3.3 (f) and (g). */
function whyUnusable(list: RevocationList, question: StatusQuestion): string | undefined {
  const { issuer } = question;
  const { keyUsage } = issuer.extensions;
  if (keyUsage !== undefined && (keyUsage & KEY_USAGE.cRLSign) === 0)
    return 'is signed with a key that is not for signing CRLs (keyUsage)';
  try {
    const valid = list.signedBy(issuer.spki, () => isSignedBy(list, issuer.spki, question));
    return valid ? undefined : 'is not signed with its key';
  } catch (error) {
    if (error instanceof DerError) return `is signed by a malformed algorithm (${error.message})`;
    if (!(error instanceof TlsError) || error.why === 'certificate-budget-exhausted') throw error;
    return error.detail;
  }
}

/** Why the absence from this list says nothing. */
function whyInconclusive(list: RevocationList, { certificate, now }: StatusQuestion): string | undefined {
  const second = Math.floor(now);
  const skew = LIMITS.statusClockSkewSeconds;
  if (!inScope(list, certificate)) return 'is for other certificates than this one (issuingDistributionPoint)';
  if (list.scope.someReasons) return 'is for some reasons only';
  if (list.thisUpdate > second + skew) return `is from ${formatTime(list.thisUpdate)}, and it is ${formatTime(second)}`;
  if (list.nextUpdate < second - skew)
    return `was good until ${formatTime(list.nextUpdate)}, and it is ${formatTime(second)}`;
  return undefined;
}

/** Section 6.3.3 (b) (2). */
function inScope({ scope }: RevocationList, { extensions }: Certificate): boolean {
  const isCa = extensions.basicConstraints?.ca === true;
  if (scope.certificates !== 'all' && scope.certificates !== (isCa ? 'ca' : 'user')) return false;
  const { names } = scope;
  if (names === undefined) return true;
  return (extensions.cRLDistributionPoints ?? []).some(
    (point) =>
      !point.limited &&
      point.names.some((name) => names.some(({ kind, bytes }) => kind === name.kind && equal(bytes, name.bytes))),
  );
}
