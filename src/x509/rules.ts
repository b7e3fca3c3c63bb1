import { TlsError } from '../core/failures.ts';
import type { Certificate } from './certificate.ts';
import { dottedOid } from './der.ts';
import { isEmptyName } from './distinguished-name.ts';
import { KEY_USAGE, PURPOSE } from './extensions.ts';
import { formatTime, type UnixSeconds } from './time.ts';

/**
 * What RFC 5280 demands of one certificate for its place in a path. Each rule throws a TlsError whose detail goes on from the
 * name of the certificate: `expired on …`.
 */

/** The role of the peer whose certificate it is. */
export type Purpose = 'server' | 'client';

/** Section 4.1.2.5 and 4.2, for every certificate of a path, the trust anchor included. */
export function checkEach(certificate: Certificate, now: UnixSeconds): void {
  const { extensions, notBefore, notAfter, issuer } = certificate;
  // The validity counts whole seconds, and so does the clock it is compared with: notAfter is good until its second is over.
  const second = Math.floor(now);
  if (!(second <= notAfter))
    throw new TlsError('certificate-expired', `expired on ${formatTime(notAfter)}, and it is ${formatTime(second)}`);
  if (!(second >= notBefore))
    throw new TlsError(
      'certificate-not-yet-valid',
      `is valid from ${formatTime(notBefore)}, and it is ${formatTime(second)}`,
    );
  if (extensions.unknownCritical !== undefined) {
    const id = dottedOid(extensions.unknownCritical);
    throw new TlsError(
      'certificate-unknown-critical-extension',
      `has the critical extension ${id}, which tlsify does not know`,
    );
  }
  if (isEmptyName(issuer)) throw new TlsError('certificate-malformed', 'has an empty issuer');
}

/** Section 4.2.1.3 and 4.2.1.12; RFC 8446 section 4.4.2.2. */
export function checkEndEntity({ extensions }: Certificate, purpose: Purpose): void {
  const { extKeyUsage, keyUsage } = extensions;
  if (extKeyUsage !== undefined && !extKeyUsage.includes(purposeOid(purpose)))
    throw new TlsError(
      'certificate-wrong-purpose',
      `is not for TLS ${purpose}s: it is for ${formatPurposes(extKeyUsage)}`,
    );
  if (keyUsage !== undefined && (keyUsage & KEY_USAGE.digitalSignature) === 0)
    throw new TlsError('certificate-wrong-purpose', 'is not for digital signatures (keyUsage)');
}

/** Section 4.2.1.3, 4.2.1.9 and, down the chain as the CA/Browser Forum (7.1.2.10.6) has it, 4.2.1.12. */
export function checkIssuer({ extensions, subject }: Certificate, purpose: Purpose, intermediatesBelow: number): void {
  const { basicConstraints, keyUsage, extKeyUsage } = extensions;
  if (basicConstraints?.ca !== true)
    throw new TlsError('certificate-issuer-not-a-ca', 'issued a certificate, and is not a CA (basicConstraints)');
  if (keyUsage !== undefined && (keyUsage & KEY_USAGE.keyCertSign) === 0)
    throw new TlsError(
      'certificate-issuer-not-a-ca',
      'issued a certificate, and is not for signing certificates (keyUsage)',
    );
  if (isEmptyName(subject)) throw new TlsError('certificate-malformed', 'is a CA with an empty subject');
  const { pathLength } = basicConstraints;
  if (pathLength !== undefined && intermediatesBelow > pathLength)
    throw new TlsError(
      'certificate-path-too-long',
      `allows ${pathLength} CA certificates below it, and there are ${intermediatesBelow}`,
    );
  if (extKeyUsage !== undefined && !extKeyUsage.includes(purposeOid(purpose)) && !extKeyUsage.includes(PURPOSE.any))
    throw new TlsError(
      'certificate-wrong-purpose',
      `may not issue for TLS ${purpose}s: it is for ${formatPurposes(extKeyUsage)}`,
    );
}

/** RFC 7633: what a CA certificate demands of servers, everything below it must demand as well. */
export function checkFeatures(certificate: Certificate, issuer: Certificate): void {
  const own = certificate.extensions.tlsFeatures ?? [];
  const lacking = issuer.extensions.tlsFeatures?.find((feature) => !own.includes(feature));
  if (lacking !== undefined)
    throw new TlsError(
      'certificate-not-conforming',
      `lacks the TLS feature ${lacking}, which its issuer demands (RFC 7633)`,
    );
}

function purposeOid(purpose: Purpose): string {
  return purpose === 'server' ? PURPOSE.serverAuth : PURPOSE.clientAuth;
}

function formatPurposes(purposes: readonly string[]): string {
  const names = purposes.slice(0, 5).map((id) => PURPOSE_NAMES[id] ?? dottedOid(id));
  return purposes.length > 5 ? `${names.join(', ')} and more` : names.join(', ');
}

const PURPOSE_NAMES: Readonly<Record<string, string>> = {
  [PURPOSE.serverAuth]: 'TLS servers',
  [PURPOSE.clientAuth]: 'TLS clients',
  [PURPOSE.any]: 'any purpose',
  '2b06010505070303': 'signing code',
  '2b06010505070304': 'e-mail',
  '2b06010505070308': 'time stamps',
  '2b06010505070309': 'OCSP',
};
