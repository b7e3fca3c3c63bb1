import { type Bytes, latin1 } from '../../../core/bytes.ts';
import { TlsError } from '../../../core/failures.ts';
import { LIMITS } from '../../../core/limits.ts';
import { type Tls12SuiteName, tls12SuiteByCodePoint } from '../../../crypto/cipher-suites.ts';
import { known } from '../../../crypto/code-points.ts';
import { groupByCodePoint } from '../../../crypto/named-groups.ts';
import type { NamedGroup, SignatureScheme } from '../../../crypto/provider.ts';
import { knownSignatureSchemes } from '../../../crypto/signature-schemes.ts';
import {
  decodeAuthorities,
  decodeCodePoints,
  decodeEmpty,
  decodeOcspRequest,
  decodeProtocolNames,
  decodeU16,
  type Extensions,
} from '../../codec/extensions.ts';
import { decodePointFormats, decodeRenegotiationInfo } from '../../codec/extensions12.ts';
import type { ClientHello } from '../../codec/messages.ts';
import { EXTENSION, SIGNALING_SUITE, VERSION } from '../../codec/registry.ts';
import type { EchStatus } from '../../connection.ts';
import { readCompressions } from '../../own-certificate.ts';
import { chooseProtocol, readHostName } from '../../server/client-offer.ts';
import type { ServerConfig } from '../../server-config.ts';
import { isTls12Group } from '../signatures12.ts';

/** A ClientHello, as far as TLS 1.2 uses it: validated, and reduced to what we know. Lists are in the client's order. */
export interface ClientOffer {
  readonly random: Bytes;
  readonly sessionId: Bytes;
  readonly suites: readonly Tls12SuiteName[];
  readonly groups: readonly NamedGroup[];
  readonly schemes: readonly SignatureScheme[];
  /** Lower-case ASCII, without a final dot. */
  readonly serverName: string | null;
  readonly alpnOffered: readonly string[];
  /** What we chose of these. */
  readonly alpn: string | null;
  /** DER distinguished names, by the extension of RFC 8446 section 4.2.4; empty means any. */
  readonly authorities: readonly Bytes[];
  readonly ocspRequested: boolean;
  /** RFC 8449: the most plaintext bytes that the client takes in a record; null if it did not say. */
  readonly recordSizeLimit: number | null;
  /** Empty asks for one, null knows nothing of them. */
  readonly ticket: Bytes | null;
  /** By extension or SCSV (RFC 5746 section 3.6). */
  readonly secureRenegotiation: boolean;
  readonly pointFormats: boolean;
  readonly ech: EchStatus;
}

/** What TLS 1.2 wants of a ClientHello. */
export function readClientOffer(config: ServerConfig, hello: ClientHello): ClientOffer {
  const { extensions, cipherSuites } = hello;
  if (!hello.compressionMethods.includes(0)) throw new TlsError('illegal-parameter', 'no null compression');
  const secureRenegotiation =
    readRenegotiation(extensions) || cipherSuites.includes(SIGNALING_SUITE.renegotiation_info);
  const pointFormats = extensions.get(EXTENSION.ec_point_formats);
  if (pointFormats !== undefined && !decodePointFormats(pointFormats))
    throw new TlsError('illegal-parameter', 'ec_point_formats without uncompressed points');
  const serverName = extensions.get(EXTENSION.server_name);
  const status = extensions.get(EXTENSION.status_request);
  const authorities = extensions.get(EXTENSION.certificate_authorities);
  // Of no use in TLS 1.2, but what a client of both versions says must make sense.
  const compressions = extensions.get(EXTENSION.compress_certificate);
  if (compressions !== undefined) readCompressions(compressions);
  const alpnOffered = offeredProtocols(extensions);
  const offer = {
    random: hello.random.slice(),
    sessionId: hello.sessionId.slice(),
    suites: known(cipherSuites, tls12SuiteByCodePoint),
    groups: known(codePoints('supported_groups', extensions), groupByCodePoint).filter(isTls12Group),
    schemes: knownSignatureSchemes(codePoints('signature_algorithms', extensions)),
    serverName: serverName === undefined ? null : readHostName(serverName),
    alpnOffered,
    alpn: chooseProtocol(config.alpn, alpnOffered),
    authorities: authorities === undefined ? [] : decodeAuthorities(authorities),
    ocspRequested: status !== undefined && decodeOcspRequest(status),
    recordSizeLimit: recordSizeLimit(extensions),
    ticket: extensions.get(EXTENSION.session_ticket)?.slice() ?? null,
    secureRenegotiation,
    pointFormats: pointFormats !== undefined,
    ech: extensions.has(EXTENSION.encrypted_client_hello) && config.ech.length > 0 ? 'rejected' : 'not-offered',
  } as const;
  // RFC 7627 sections 5.3 and 5.4: we have none without.
  const extendedMasterSecret = extensions.get(EXTENSION.extended_master_secret);
  if (extendedMasterSecret === undefined) throw new TlsError('extended-master-secret-missing');
  decodeEmpty('extended_master_secret', extendedMasterSecret);
  return offer;
}

/**
 * RFC 7507 section 3: a client that could have had more, and was made to ask for less.
 * @param offered versions, code points
 */
export function refuseFallback(config: ServerConfig, hello: ClientHello, offered: readonly number[]): void {
  const ours = config.maxVersion === 'TLSv1.3' ? VERSION.tls13 : VERSION.tls12;
  if (hello.cipherSuites.includes(SIGNALING_SUITE.fallback) && !offered.some((version) => version >= ours))
    throw new TlsError('inappropriate-fallback');
}

/** RFC 5746 section 3.6. */
function readRenegotiation(extensions: Extensions): boolean {
  const body = extensions.get(EXTENSION.renegotiation_info);
  if (body === undefined) return false;
  if (decodeRenegotiationInfo(body).length > 0) throw new TlsError('renegotiation-mismatch');
  return true;
}

function codePoints(name: 'supported_groups' | 'signature_algorithms', extensions: Extensions): readonly number[] {
  const body = extensions.get(EXTENSION[name]);
  return body === undefined ? [] : decodeCodePoints(name, body);
}

function offeredProtocols(extensions: Extensions): readonly string[] {
  const body = extensions.get(EXTENSION.application_layer_protocol_negotiation);
  return body === undefined ? [] : decodeProtocolNames(body).map(latin1);
}

/** RFC 8449 section 4: what is above the version's own limit is as good as that. */
function recordSizeLimit(extensions: Extensions): number | null {
  const body = extensions.get(EXTENSION.record_size_limit);
  if (body === undefined) return null;
  const limit = decodeU16('record_size_limit', body);
  if (limit < 64) throw new TlsError('illegal-parameter', `record_size_limit ${limit}`);
  return Math.min(limit, LIMITS.plaintextBytes);
}
