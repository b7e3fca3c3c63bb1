import type { Bytes } from '../../core/bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import { contextConstructed, contextPrimitive, DerError, DerReader, TAG } from '../der.ts';
import { readName } from '../distinguished-name.ts';
import { readExtensionList } from '../extensions.ts';
import type { Signed } from '../signed.ts';
import { readTime, type UnixSeconds } from '../time.ts';
import { type RevocationReason, readReason } from './reasons.ts';

/** RFC 6960 section 4.2.1: an answer that is signed, or one of the errors, which are not. */
export type OcspResponse =
  | { readonly error: OcspError }
  | { readonly error: undefined; readonly basic: BasicOcspResponse };

/** OCSPResponseStatus but for `successful`. */
export type OcspError = 'malformedRequest' | 'internalError' | 'tryLater' | 'sigRequired' | 'unauthorized';

/** BasicOCSPResponse: read completely, nothing of it verified. Byte fields are views into the response. */
export interface BasicOcspResponse extends Signed {
  /** DER, for whoever signed it in the issuer's name. */
  readonly certificates: readonly Bytes[];
  /** A Name with tag and length, or the SHA-1 hash of a key. */
  readonly responder: { readonly by: 'name' | 'key'; readonly value: Bytes };
  readonly producedAt: UnixSeconds;
  readonly responses: readonly SingleResponse[];
  readonly hasNonce: boolean;
}

/** The answer for one certificate, RFC 6960 section 4.2.1. */
export interface SingleResponse {
  /** Undefined for a hash that we do not know: it is not recognisable as that of any certificate. */
  readonly hash: 'sha1' | 'sha256' | undefined;
  readonly issuerNameHash: Bytes;
  readonly issuerKeyHash: Bytes;
  /** Contents of the INTEGER. */
  readonly serialNumber: Bytes;
  readonly status: CertificateStatus;
  readonly thisUpdate: UnixSeconds;
  readonly nextUpdate: UnixSeconds | undefined;
}

/** `unknown`: the responder does not know of such a certificate. */
export type CertificateStatus =
  | { readonly is: 'good' | 'unknown' }
  | { readonly is: 'revoked'; readonly at: UnixSeconds; readonly reason: RevocationReason | undefined };

/** @throws DerError */
export function readOcspResponse(der: Bytes): OcspResponse {
  if (der.length > LIMITS.ocspResponseBytes)
    throw new DerError(`longer than ${LIMITS.ocspResponseBytes} bytes`, 'OCSPResponse', 0);
  const outer = DerReader.whole(der, TAG.sequence, 'OCSPResponse');
  const status = outer.smallInteger('responseStatus', 6, TAG.enumerated);
  if (status === 0) {
    const explicit = outer.enter(contextConstructed(0), 'responseBytes');
    const basic = readResponseBytes(explicit.enter(TAG.sequence, ''));
    explicit.finish();
    outer.finish();
    return { error: undefined, basic };
  }
  outer.finish();
  const error = ERRORS[status];
  return error === undefined ? outer.fail('no such status', 0, 'responseStatus') : { error };
}

const ERRORS: Readonly<Record<number, OcspError>> = {
  1: 'malformedRequest',
  2: 'internalError',
  3: 'tryLater',
  5: 'sigRequired',
  6: 'unauthorized',
};

const BASIC_RESPONSE = '2b0601050507300101';
const NONCE = '2b0601050507300102';

function readResponseBytes(fields: DerReader): BasicOcspResponse {
  const at = fields.offset;
  if (fields.oid('responseType') !== BASIC_RESPONSE) fields.fail('not id-pkix-ocsp-basic', at, 'responseType');
  const octets = fields.enter(TAG.octetString, 'response');
  fields.finish();
  const basic = octets.enter(TAG.sequence, '');
  octets.finish();

  const data = basic.enter(TAG.sequence, 'tbsResponseData');
  const signatureAlgorithm = basic.element(TAG.sequence, 'signatureAlgorithm');
  const signature = basic.octetAlignedBits('signature');
  const certificates = readCertificates(basic);
  basic.finish();
  return { signed: data.encoding, signatureAlgorithm, signature, certificates, ...readResponseData(data) };
}

function readCertificates(basic: DerReader): Bytes[] {
  const certificates: Bytes[] = [];
  if (basic.empty) return certificates;
  const explicit = basic.enter(contextConstructed(0), 'certs');
  const list = explicit.enter(TAG.sequence, '');
  explicit.finish();
  while (!list.empty) certificates.push(list.element(TAG.sequence));
  if (certificates.length > LIMITS.ocspCertificates) list.fail(`more than ${LIMITS.ocspCertificates} certificates`);
  return certificates;
}

/** The version is 1, which is the default, and so not written. */
function readResponseData(data: DerReader): Omit<BasicOcspResponse, keyof Signed | 'certificates'> {
  const responder = readResponder(data);
  const producedAt = readGeneralizedTime(data, 'producedAt');
  const list = data.enter(TAG.sequence, 'responses');
  const responses: SingleResponse[] = [];
  while (!list.empty) responses.push(readSingleResponse(list.enter(TAG.sequence)));
  const extensions = data.empty ? undefined : readOcspExtensions(data, 1, 'responseExtensions');
  data.finish();
  return { responder, producedAt, responses, hasNonce: extensions?.has(NONCE) === true };
}

function readResponder(data: DerReader): BasicOcspResponse['responder'] {
  const isName = data.peekTag() === contextConstructed(1);
  const choice = data.enter(contextConstructed(isName ? 1 : 2), 'responderID');
  const value = isName ? readName(choice, 'byName') : choice.contents(TAG.octetString, 'byKey');
  choice.finish();
  return { by: isName ? 'name' : 'key', value };
}

function readSingleResponse(single: DerReader): SingleResponse {
  const id = single.enter(TAG.sequence, 'certID');
  const hash = readHash(id.enter(TAG.sequence, 'hashAlgorithm'));
  const issuerNameHash = id.contents(TAG.octetString, 'issuerNameHash');
  const issuerKeyHash = id.contents(TAG.octetString, 'issuerKeyHash');
  const serialNumber = id.integer('serialNumber');
  id.finish();
  const status = readStatus(single);
  const thisUpdate = readGeneralizedTime(single, 'thisUpdate');
  const nextUpdate = readNextUpdate(single);
  if (nextUpdate !== undefined && nextUpdate < thisUpdate) single.fail('nextUpdate before thisUpdate');
  if (!single.empty) readOcspExtensions(single, 1, 'singleExtensions');
  single.finish();
  return { hash, issuerNameHash, issuerKeyHash, serialNumber, status, thisUpdate, nextUpdate };
}

/** RFC 6960 section 4.1.1; RFC 5754 section 2: parameters are absent, and NULL is to be accepted. */
function readHash(algorithm: DerReader): 'sha1' | 'sha256' | undefined {
  const id = algorithm.oid('algorithm');
  if (!algorithm.empty) algorithm.any('parameters');
  algorithm.finish();
  return HASHES[id];
}

const HASHES: Readonly<Record<string, 'sha1' | 'sha256'>> = { '2b0e03021a': 'sha1', '608648016503040201': 'sha256' };

function readStatus(single: DerReader): CertificateStatus {
  switch (single.peekTag()) {
    case contextPrimitive(0):
      single.null('good', contextPrimitive(0));
      return { is: 'good' };
    case contextPrimitive(2):
      single.null('unknown', contextPrimitive(2));
      return { is: 'unknown' };
    default: {
      const revoked = single.enter(contextConstructed(1), 'revoked');
      const at = readGeneralizedTime(revoked, 'revocationTime');
      const reason = revoked.empty ? undefined : readExplicitReason(revoked);
      revoked.finish();
      return { is: 'revoked', at, reason };
    }
  }
}

function readExplicitReason(revoked: DerReader): RevocationReason {
  const explicit = revoked.enter(contextConstructed(0), 'revocationReason');
  const reason = readReason(explicit);
  explicit.finish();
  return reason;
}

function readNextUpdate(single: DerReader): UnixSeconds | undefined {
  if (single.peekTag() !== contextConstructed(0)) return undefined;
  const explicit = single.enter(contextConstructed(0), 'nextUpdate');
  const time = readGeneralizedTime(explicit, '');
  explicit.finish();
  return time;
}

/** Unlike certificates, responses have only this form for times. */
function readGeneralizedTime(reader: DerReader, name: string): UnixSeconds {
  if (reader.peekTag() === TAG.utcTime) reader.fail('not a GeneralizedTime', reader.offset, name);
  return readTime(reader, name);
}

/** None but the nonce matters here, and none may be critical: section 4.4 knows none that is. */
function readOcspExtensions(parent: DerReader, number: number, name: string): ReadonlyMap<string, boolean> {
  const explicit = parent.enter(contextConstructed(number), name);
  const list = explicit.enter(TAG.sequence, '');
  const extensions = readExtensionList(list, (id, isCritical) => {
    if (isCritical && id !== NONCE) list.fail('a critical extension');
    return undefined;
  });
  explicit.finish();
  return extensions;
}
