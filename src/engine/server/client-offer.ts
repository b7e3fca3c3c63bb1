import { type Bytes, latin1 } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { LIMITS } from '../../core/limits.ts';
import { tls13SuiteByCodePoint } from '../../crypto/cipher-suites.ts';
import { known } from '../../crypto/code-points.ts';
import { groupByCodePoint } from '../../crypto/named-groups.ts';
import type { CertificateCompression, NamedGroup, SignatureScheme } from '../../crypto/provider.ts';
import { knownSignatureSchemes, SIGNATURE_SCHEMES } from '../../crypto/signature-schemes.ts';
import {
  decodeAuthorities,
  decodeCodePoints,
  decodeCookie,
  decodeEmpty,
  decodeKeyShares,
  decodeOcspRequest,
  decodeProtocolNames,
  decodePskModes,
  decodeServerName,
  decodeU16,
  type Extensions,
} from '../codec/extensions.ts';
import type { ClientHello } from '../codec/messages.ts';
import { decodeOfferedPsks, type OfferedPsks } from '../codec/pre-shared-key.ts';
import { EXTENSION, PSK_MODE } from '../codec/registry.ts';
import type { SuiteName } from '../config.ts';
import type { EchStatus } from '../connection.ts';
import { readCompressions } from '../own-certificate.ts';

/** A ClientHello, as far as TLS 1.3 uses it: validated, and reduced to what we know. Lists are in the client's order. */
export interface ClientOffer {
  readonly random: Bytes;
  readonly sessionId: Bytes;
  readonly suites: readonly SuiteName[];
  readonly groups: readonly NamedGroup[];
  readonly keyShares: ReadonlyMap<NamedGroup, Bytes>;
  /** How many shares there are, of groups that we know or not. */
  readonly keyShareCount: number;
  /** Null without signature_algorithms. */
  readonly schemes: readonly SignatureScheme[] | null;
  readonly certificateSchemes: readonly SignatureScheme[];
  /** Lower-case ASCII, without a final dot. */
  readonly serverName: string | null;
  readonly alpn: readonly string[];
  readonly compressions: readonly CertificateCompression[];
  /** DER distinguished names; empty means any. */
  readonly authorities: readonly Bytes[];
  readonly ocspRequested: boolean;
  /** RFC 8449, TLSInnerPlaintext bytes that the client takes; null if it did not say. */
  readonly recordSizeLimit: number | null;
  readonly cookie: Bytes | null;
  readonly earlyData: boolean;
  readonly psks: OfferedPsks | null;
  /** Whether it takes PSKs together with (EC)DHE, the only way that we have. */
  readonly pskWithDhe: boolean;
  readonly ech: EchStatus;
}

/** RFC 8446 sections 4.1.2, 4.2 and 9.2: what may stand in a ClientHello for which TLS 1.3 was chosen. @param ech how it came */
export function readClientOffer(hello: ClientHello, ech: EchStatus): ClientOffer {
  const { extensions } = hello;
  if (hello.compressionMethods.length !== 1 || hello.compressionMethods[0] !== 0)
    throw new TlsError('illegal-parameter', 'legacy_compression_methods');
  const groups = read(extensions, 'supported_groups', (body) => decodeCodePoints('supported_groups', body));
  const keyShares = read(extensions, 'key_share', decodeKeyShares);
  if (groups === null) throw new TlsError('missing-extension', 'supported_groups in ClientHello');
  if (keyShares === null) throw new TlsError('missing-extension', 'key_share in ClientHello');
  const schemes = read(extensions, 'signature_algorithms', (body) => knownSchemes('signature_algorithms', body));
  return {
    random: hello.random,
    sessionId: hello.sessionId,
    suites: known(hello.cipherSuites, tls13SuiteByCodePoint),
    groups: known(groups, groupByCodePoint),
    keyShares: sharesByGroup(keyShares),
    keyShareCount: keyShares.length,
    schemes: schemes?.filter((scheme) => SIGNATURE_SCHEMES[scheme].inTls13Handshake) ?? null,
    certificateSchemes:
      read(extensions, 'signature_algorithms_cert', (body) => knownSchemes('signature_algorithms_cert', body)) ??
      schemes ??
      [],
    serverName: read(extensions, 'server_name', readHostName),
    alpn: read(extensions, 'application_layer_protocol_negotiation', decodeProtocolNames)?.map(latin1) ?? [],
    compressions: read(extensions, 'compress_certificate', readCompressions) ?? [],
    authorities: read(extensions, 'certificate_authorities', decodeAuthorities) ?? [],
    ocspRequested: read(extensions, 'status_request', decodeOcspRequest) ?? false,
    recordSizeLimit: read(extensions, 'record_size_limit', readRecordSizeLimit),
    cookie: read(extensions, 'cookie', decodeCookie),
    earlyData: read(extensions, 'early_data', (body) => decodeEmpty('early_data', body)) !== null,
    ...readPsks(extensions),
    ech,
  };
}

/** RFC 7301 section 3.2: by our preference; null if either side names none. @throws TlsError no-common-alpn */
export function chooseProtocol(ours: readonly string[], offered: readonly string[]): string | null {
  if (ours.length === 0 || offered.length === 0) return null;
  const chosen = ours.find((name) => offered.includes(name));
  if (chosen === undefined) throw new TlsError('no-common-alpn');
  return chosen;
}

function read<T>(extensions: Extensions, name: keyof typeof EXTENSION, decode: (body: Bytes) => T): T | null {
  const body = extensions.get(EXTENSION[name]);
  return body === undefined ? null : decode(body);
}

function knownSchemes(name: string, body: Bytes): SignatureScheme[] {
  return knownSignatureSchemes(decodeCodePoints(name, body));
}

/** Section 4.2.8: at most one of a group. */
function sharesByGroup(entries: ReturnType<typeof decodeKeyShares>): ReadonlyMap<NamedGroup, Bytes> {
  if (new Set(entries.map(({ group }) => group)).size !== entries.length) throw new TlsError('duplicate-key-share');
  const shares = new Map<NamedGroup, Bytes>();
  for (const { group: codePoint, share } of entries) {
    const group = groupByCodePoint(codePoint);
    if (group !== undefined) shares.set(group, share);
  }
  return shares;
}

/** RFC 6066 section 3: ASCII whose case does not matter. A final dot says nothing that SNI could mean. */
export function readHostName(body: Bytes): string {
  const name = latin1(decodeServerName(body)).toLowerCase();
  if (name.length > 255 || /[^\x21-\x7e]/.test(name)) throw new TlsError('decode-error', 'server_name');
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

/** RFC 8449 section 4: what is above the version's own limit is as good as that. */
function readRecordSizeLimit(body: Bytes): number {
  const limit = decodeU16('record_size_limit', body);
  if (limit < 64) throw new TlsError('illegal-parameter', `record_size_limit ${limit}`);
  return Math.min(limit, LIMITS.plaintextBytes + 1);
}

/** Sections 4.2.9 and 4.2.11. */
function readPsks(extensions: Extensions): Pick<ClientOffer, 'psks' | 'pskWithDhe'> {
  const modes = read(extensions, 'psk_key_exchange_modes', decodePskModes);
  const pskWithDhe = modes?.includes(PSK_MODE.psk_dhe_ke) ?? false;
  const psks = read(extensions, 'pre_shared_key', decodeOfferedPsks);
  if (psks === null) return { psks, pskWithDhe };
  if ([...extensions.keys()].at(-1) !== EXTENSION.pre_shared_key) throw new TlsError('pre-shared-key-not-last');
  if (modes === null) throw new TlsError('missing-extension', 'psk_key_exchange_modes beside pre_shared_key');
  if (psks.identities.length !== psks.binders.length)
    throw new TlsError('illegal-parameter', `${psks.identities.length} PSKs with ${psks.binders.length} binders`);
  return { psks, pskWithDhe };
}
