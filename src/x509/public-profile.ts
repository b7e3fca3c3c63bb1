import type { Bytes } from '../core/bytes.ts';
import { equal, latin1 } from '../core/bytes.ts';
import { TlsError } from '../core/failures.ts';
import { formatIpAddress } from '../core/ip-address.ts';
import type { Certificate } from './certificate.ts';
import { DerReader, TAG } from './der.ts';
import { attributes, COMMON_NAME, isEmptyName, visible } from './distinguished-name.ts';
import { EXTENSION, KEY_USAGE, PURPOSE } from './extensions.ts';
import type { GeneralName } from './general-names.ts';
import { formatGeneralName, isDnsName } from './names.ts';

/**
 * What RFC 5280 and the CA/Browser Forum's Baseline Requirements (BR, version 2.2) forbid CAs to issue, though path validation by
 * itself (RFC 5280 section 6.1) would let it pass. Held against all that leads to an anchor with the public profile: whoever breaks
 * these rules issues by other means than an audited CA has.
 * @throws TlsError `certificate-not-conforming`; the detail goes on from the name of the certificate
 */
export function checkPublicProfile(certificate: Certificate, place: 'end-entity' | 'intermediate' | 'anchor'): void {
  checkKeyIdentifiers(certificate, place);
  // Roots were chosen as they are, and some in use are older than the rules (RFC 5280 section 6.1.1 (d): a name and a key).
  if (place === 'anchor') {
    if (certificate.extensions.extKeyUsage !== undefined) refuse('is a root with an extKeyUsage', 'BR 7.1.2.1.2');
    return;
  }
  checkSerialNumber(certificate);
  checkTimes(certificate);
  if (place === 'end-entity') checkEndEntity(certificate);
  else if (!isCritical(certificate, EXTENSION.basicConstraints))
    refuse('has basicConstraints that are not critical', 'BR 7.1.2.6.1');
  if (certificate.extensions.critical.get(EXTENSION.policyConstraints) === false)
    refuse('has policyConstraints that are not critical', 'RFC 5280 section 4.2.1.11');
}

function checkEndEntity(certificate: Certificate): void {
  const { extensions, subject, version } = certificate;
  const { basicConstraints, keyUsage, extKeyUsage, subjectAltName } = extensions;
  if (version !== 3) refuse(`is of X.509 version ${version}`, 'BR 7.1.1');
  if (basicConstraints?.ca === true) refuse('is that of a CA and not of a server or client', 'BR 7.1.2.7.8');
  if (keyUsage !== undefined && (keyUsage & KEY_USAGE.keyCertSign) !== 0)
    refuse('is for signing certificates', 'BR 7.1.2.7.11');
  if (extensions.nameConstraints !== undefined) refuse('has name constraints', 'RFC 5280 section 4.2.1.10');
  if (extKeyUsage === undefined || extKeyUsage.includes(PURPOSE.any))
    refuse('does not say which purpose it is for (extKeyUsage)', 'BR 7.1.2.7.10');
  if (isCritical(certificate, EXTENSION.extKeyUsage)) refuse('has a critical extKeyUsage', 'BR 7.1.2.7.6');
  if (subjectAltName === undefined) refuse('has no subjectAltName', 'BR 7.1.2.7.12');
  if (isCritical(certificate, EXTENSION.subjectAltName) !== isEmptyName(subject))
    refuse('has a subjectAltName that is critical beside a subject, or is not without one', 'BR 7.1.2.7.12');
  for (const name of subjectAltName) checkPresentedName(name);
  if (extKeyUsage.includes(PURPOSE.serverAuth)) checkCommonNames(subject, subjectAltName);
}

function checkPresentedName(name: GeneralName): void {
  const text = name.kind === 'dns' ? latin1(name.bytes) : undefined;
  if (text !== undefined && (!isDnsName(text, 'wildcard-allowed') || text.includes('_')))
    refuse(`has ${formatGeneralName(name)}, which is not a host name`, 'BR 7.1.2.7.12');
  if (name.kind === 'ip' && name.bytes.length !== 4 && name.bytes.length !== 16)
    refuse('has an IP address of an unknown kind', 'RFC 5280 section 4.2.1.6');
}

/** A common name that is not the same, character for character, as one of the names would mislead whoever looks at it. */
function checkCommonNames(subject: Bytes, names: readonly GeneralName[]): void {
  for (const { type, value } of attributes(subject)) {
    if (type !== COMMON_NAME) continue;
    const name = latin1(value);
    if (
      !names.some(
        ({ kind, bytes }) =>
          (kind === 'dns' && latin1(bytes) === name) || (kind === 'ip' && formatIpAddress(bytes) === name),
      )
    )
      refuse(`has the common name "${visible(name)}", which is not in its subjectAltName`, 'BR 7.1.4.3');
  }
}

function checkSerialNumber({ serialNumber }: Certificate): void {
  const first = serialNumber[0] as number;
  if (first >= 0x80 || (first === 0 && serialNumber.length === 1))
    refuse('has a serial number that is not positive', 'RFC 5280 section 4.1.2.2');
  if (serialNumber.length > 20) refuse('has a serial number of more than 20 bytes', 'RFC 5280 section 4.1.2.2');
}

function checkTimes({ validity, notBefore, notAfter }: Certificate): void {
  const times = DerReader.whole(validity, TAG.sequence, 'validity');
  for (const seconds of [notBefore, notAfter]) {
    const isGeneralized = times.peekTag() === TAG.generalizedTime;
    if (isGeneralized && seconds < YEAR_2050)
      refuse('has a GeneralizedTime for a year of UTCTime', 'RFC 5280 section 4.1.2.5');
    times.element(-1);
  }
}

/** 2050-01-01, from when on UTCTime has no years left. */
const YEAR_2050 = 2_524_608_000;

function checkKeyIdentifiers(certificate: Certificate, place: 'end-entity' | 'intermediate' | 'anchor'): void {
  const { authorityKeyIdentifier: authority, subjectKeyIdentifier: own } = certificate.extensions;
  if (
    isCritical(certificate, EXTENSION.authorityKeyIdentifier) ||
    isCritical(certificate, EXTENSION.subjectKeyIdentifier)
  )
    refuse('has a critical key identifier', 'RFC 5280 section 4.2.1.1');
  const required = place !== 'anchor' && !certificate.selfIssued;
  if (authority?.keyIdentifier === undefined && (required || authority !== undefined))
    refuse('has no authorityKeyIdentifier with a keyIdentifier', 'RFC 5280 section 4.2.1.1');
  if (place === 'intermediate' && own === undefined) refuse('has no subjectKeyIdentifier', 'RFC 5280 section 4.2.1.2');
  if (place !== 'anchor' || !certificate.selfIssued || authority?.keyIdentifier === undefined || own === undefined)
    return;
  if (!equal(authority.keyIdentifier, own))
    refuse('has a key identifier for its issuer that is not its own', 'BR 7.1.2.1.3');
}

function isCritical({ extensions }: Certificate, id: string): boolean {
  return extensions.critical.get(id) === true;
}

function refuse(what: string, rule: string): never {
  throw new TlsError('certificate-not-conforming', `${what} (${rule})`);
}
