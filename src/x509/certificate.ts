import type { Bytes } from '../core/bytes.ts';
import { equal } from '../core/bytes.ts';
import { LIMITS } from '../core/limits.ts';
import { contextConstructed, contextPrimitive, DerError, DerReader, TAG } from './der.ts';
import { readName } from './distinguished-name.ts';
import { type Extensions, NO_EXTENSIONS, readExtensions } from './extensions.ts';
import { readTime, type UnixSeconds } from './time.ts';

/** An X.509 certificate, RFC 5280 section 4.1: read completely, nothing of it verified. Byte fields are views into `der`. */
export class Certificate {
  readonly der: Bytes;
  /** TBSCertificate: what the signature is over. */
  readonly signed: Bytes;
  /** AlgorithmIdentifier; the same inside and outside. */
  readonly signatureAlgorithm: Bytes;
  readonly signature: Bytes;
  readonly version: 1 | 2 | 3;
  /** Contents of the INTEGER. */
  readonly serialNumber: Bytes;
  /** Names with tag and length. */
  readonly issuer: Bytes;
  readonly subject: Bytes;
  /** Both ends are within the validity. */
  readonly notBefore: UnixSeconds;
  readonly notAfter: UnixSeconds;
  /** Both times as they are encoded. */
  readonly validity: Bytes;
  /** SubjectPublicKeyInfo. */
  readonly spki: Bytes;
  readonly extensions: Extensions;

  /** @throws DerError */
  constructor(der: Bytes) {
    if (der.length > LIMITS.certificateBytes)
      throw new DerError(`longer than ${LIMITS.certificateBytes} bytes`, 'certificate', 0);
    const certificate = DerReader.whole(der, TAG.sequence, '');
    const tbs = certificate.enter(TAG.sequence, 'tbsCertificate');
    this.der = der;
    this.signed = tbs.encoding;
    this.signatureAlgorithm = certificate.element(TAG.sequence, 'signatureAlgorithm');
    this.signature = certificate.octetAlignedBits('signature');
    certificate.finish();

    this.version = readVersion(tbs);
    this.serialNumber = tbs.integer('serialNumber');
    const at = tbs.offset;
    if (!equal(tbs.element(TAG.sequence, 'signature'), this.signatureAlgorithm))
      tbs.fail('not the algorithm that stands outside of what is signed', at, 'signature');
    this.issuer = readName(tbs, 'issuer');
    const validity = tbs.enter(TAG.sequence, 'validity');
    this.notBefore = readTime(validity, 'notBefore');
    this.notAfter = readTime(validity, 'notAfter');
    validity.finish();
    this.validity = validity.encoding;
    this.subject = readName(tbs, 'subject');
    this.spki = tbs.element(TAG.sequence, 'subjectPublicKeyInfo');
    this.extensions = readOptionalFields(tbs, this.version);
    tbs.finish();
  }

  get selfIssued(): boolean {
    return equal(this.subject, this.issuer);
  }
}

/** The subject of a certificate without reading the rest: for an index. @throws DerError */
export function subjectOf(der: Bytes): Bytes {
  const tbs = DerReader.whole(der, TAG.sequence, '').enter(TAG.sequence, 'tbsCertificate');
  if (tbs.peekTag() === contextConstructed(0)) tbs.element(contextConstructed(0), 'version');
  tbs.element(TAG.integer, 'serialNumber');
  tbs.element(TAG.sequence, 'signature');
  tbs.element(TAG.sequence, 'issuer');
  tbs.element(TAG.sequence, 'validity');
  return tbs.element(TAG.sequence, 'subject');
}

function readVersion(tbs: DerReader): 1 | 2 | 3 {
  if (tbs.peekTag() !== contextConstructed(0)) return 1;
  const explicit = tbs.enter(contextConstructed(0), 'version');
  const version = explicit.smallInteger('', 2);
  if (version === 0) explicit.fail('version 1 is the default and is left out');
  explicit.finish();
  return version === 1 ? 2 : 3;
}

/** Unique identifiers came with version 2 and extensions with version 3. */
function readOptionalFields(tbs: DerReader, version: 1 | 2 | 3): Extensions {
  for (const number of [1, 2]) {
    if (tbs.peekTag() !== contextPrimitive(number)) continue;
    if (version === 1) tbs.fail('a unique identifier in version 1');
    tbs.contents(contextPrimitive(number), number === 1 ? 'issuerUniqueID' : 'subjectUniqueID');
  }
  if (tbs.empty) return NO_EXTENSIONS;
  if (version !== 3) tbs.fail(`extensions in version ${version}`);
  const explicit = tbs.enter(contextConstructed(3), 'extensions');
  const extensions = readExtensions(explicit.enter(TAG.sequence, ''));
  explicit.finish();
  return extensions;
}
