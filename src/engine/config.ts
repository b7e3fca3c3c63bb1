import type { Bytes } from '../core/bytes.ts';
import { LIMITS } from '../core/limits.ts';
import { TLS12_SUITES, TLS13_SUITES, type Tls12SuiteName, type Tls13SuiteName } from '../crypto/cipher-suites.ts';
import type {
  AeadAlgorithm,
  CertificateCompression,
  CryptoProvider,
  NamedGroup,
  SignatureScheme,
} from '../crypto/provider.ts';
import { SIGNATURE_SCHEMES } from '../crypto/signature-schemes.ts';
import type { ProtocolVersion, Ticket } from './connection.ts';
import { chooseEchConfig, type EchConfig } from './ech/config.ts';
import type { RecordPadding } from './record/outgoing.ts';
import { isTls12Group } from './tls12/signatures12.ts';

/** By the registry's names. */
export type SuiteName = Tls13SuiteName;

/** All that a client connection does differently from another. Lists are in order of preference, best first. */
export interface ClientConfig {
  /** The DNS name for server_name (RFC 6066): lower-case A-labels without a final dot. `null` sends none, as for IP addresses. */
  readonly serverName: string | null;
  /** Protocols to offer (RFC 7301), one Latin-1 character a byte. Empty sends no extension. */
  readonly alpn: readonly string[];
  readonly minVersion: ProtocolVersion;
  readonly maxVersion: ProtocolVersion;
  /** Of TLS 1.3. */
  readonly suites: readonly SuiteName[];
  readonly tls12Suites: readonly Tls12SuiteName[];
  /** RFC 7507: this repeats, with less to offer, what a newer version failed at. A server that has better to offer refuses. */
  readonly fallback: boolean;
  /** What supported_groups offers. */
  readonly groups: readonly NamedGroup[];
  /** The groups that get a share in the first ClientHello: a subset of `groups`. Empty asks for a HelloRetryRequest. */
  readonly keyShareGroups: readonly NamedGroup[];
  /** Acceptable in CertificateVerify, and in TLS 1.2's ServerKeyExchange; PKCS#1 v1.5 only there. */
  readonly signatureSchemes: readonly SignatureScheme[];
  /** Acceptable in certificates; signature_algorithms_cert is sent only if they differ. */
  readonly certificateSignatureSchemes: readonly SignatureScheme[];
  /** RFC 8879. Empty sends no extension. */
  readonly certificateCompressions: readonly CertificateCompression[];
  /** DER distinguished names for certificate_authorities. Empty sends no extension. */
  readonly certificateAuthorities: readonly Bytes[];
  /** status_request (RFC 6066): ask for a stapled OCSP response. */
  readonly requestOcsp: boolean;
  /** RFC 8449: the largest TLSInnerPlaintext, type byte included, that we take: 64 to 2^14 + 1. `null` sends no extension. */
  readonly recordSizeLimit: number | null;
  /** The most plaintext bytes put into one record of ours: 1 to 2^14. */
  readonly maxFragment: number;
  /** Records sealed under one key before we change it: 2 to LIMITS.recordsPerKey. */
  readonly recordsPerKey: number;
  /** Hides lengths (RFC 8446 section 5.4). Null pads nothing. */
  readonly padding: RecordPadding | null;
  /** For debugging alone: puts out the secrets of the connection, with which whoever sees them reads all of it. */
  readonly insecureKeyLog: boolean;
  /** Put out tickets, and tell the server that we can use them. */
  readonly keepTickets: boolean;
  /** Resume with this, if it fits all else here; whether it does is ours to judge. `null` makes a full handshake. */
  readonly session: Ticket | null;
  /**
   * Names all that the verdict on the server's certificate depends on, as nobody judges it again in a resumption: anchors, reference
   * identifiers, pins, revocation policy and CRLs, verified or not. Tickets are used under the policy that they came from; the engine
   * itself looks only at {@link serverName} and the end of the leaf's validity. The commands keep no tickets, and leave it empty.
   */
  readonly certificatePolicy: string;
  /** RFC 8701: offer reserved values that a correct server ignores, and shuffle the extensions. */
  readonly grease: boolean;
  /**
   * Encrypted Client Hello (RFC 9849), which needs TLS 1.3: sealed for one of these, and no connection if its server cannot read it;
   * or without any meaning, so that the others do not stand out; or none. One of the configs must be usable: `chooseEchConfig`.
   */
  readonly ech: readonly EchConfig[] | 'grease' | null;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * What a client offers when nobody says otherwise: all that the provider can do and that is not opt-in, hybrids first; a share
 * for X25519MLKEM768 and one for X25519, which nearly every server has one of.
 */
export function defaultClientConfig(
  crypto: CryptoProvider,
  serverName: string | null,
  now: () => number,
): ClientConfig {
  const { groups, signatureSchemes, certificateCompressions } = crypto;
  const predicted = groups.filter((group) => group === 'X25519MLKEM768' || group === 'x25519');
  return {
    serverName,
    alpn: [],
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    suites: defaultSuites(crypto),
    tls12Suites: defaultTls12Suites(crypto),
    fallback: false,
    groups,
    keyShareGroups: predicted.length === 0 ? groups.slice(0, 1) : predicted,
    signatureSchemes,
    certificateSignatureSchemes: signatureSchemes,
    certificateCompressions,
    certificateAuthorities: [],
    requestOcsp: true,
    recordSizeLimit: LIMITS.plaintextBytes + 1,
    maxFragment: LIMITS.plaintextBytes,
    recordsPerKey: LIMITS.recordsPerKey,
    padding: null,
    insecureKeyLog: false,
    keepTickets: false,
    session: null,
    certificatePolicy: '',
    grease: true,
    ech: 'grease',
    now,
  };
}

/** The suites of TLS 1.2 that the provider can do and that are not opt-in. */
export function defaultTls12Suites(crypto: CryptoProvider): Tls12SuiteName[] {
  return (Object.keys(TLS12_SUITES) as Tls12SuiteName[]).filter((suite) => {
    const { aead } = TLS12_SUITES[suite];
    return crypto.aeads.includes(aead) && !OPT_IN_AEADS.includes(aead);
  });
}

/** The suites of TLS 1.3 that the provider can do and that are not opt-in. */
export function defaultSuites(crypto: CryptoProvider): SuiteName[] {
  return (Object.keys(TLS13_SUITES) as SuiteName[]).filter((suite) => {
    const { aead } = TLS13_SUITES[suite];
    return crypto.aeads.includes(aead) && !OPT_IN_AEADS.includes(aead);
  });
}

/** DESIGN: the CCM suites are for those who ask for them. */
const OPT_IN_AEADS: readonly AeadAlgorithm[] = ['aes-128-ccm', 'aes-128-ccm-8'];

/**
 * @throws RangeError for a configuration that cannot work, or that asks for what the provider cannot do: the caller's mistake,
 * found before a byte is sent.
 */
export function checkClientConfig(config: ClientConfig, crypto: CryptoProvider): void {
  checkBothRoles(config, crypto);
  requireSubset('keyShareGroups', config.keyShareGroups, config.groups);
  if (config.ech !== null && config.ech !== 'grease') requireUsableEch(config.ech, config.maxVersion, crypto);
  if (config.serverName !== null && !isHostName(config.serverName))
    throw new RangeError(`serverName: not a host name: ${config.serverName}`);
}

/** Whoever has configs wants the name kept from the network: there is no falling back to sending it in the clear. */
function requireUsableEch(configs: readonly EchConfig[], maxVersion: ProtocolVersion, crypto: CryptoProvider): void {
  if (maxVersion !== 'TLSv1.3') throw new RangeError('ech: needs TLS 1.3');
  if (chooseEchConfig(configs, crypto) === null) throw new RangeError('ech: none of the configurations can be used');
}

/** What the configurations of both roles have. */
type BothRoles = Pick<
  ClientConfig,
  | 'minVersion'
  | 'maxVersion'
  | 'suites'
  | 'tls12Suites'
  | 'groups'
  | 'alpn'
  | 'signatureSchemes'
  | 'certificateSignatureSchemes'
  | 'certificateCompressions'
  | 'recordSizeLimit'
  | 'maxFragment'
  | 'recordsPerKey'
>;

/** What a client's and a server's configuration have to keep alike. @throws RangeError */
export function checkBothRoles(config: BothRoles, crypto: CryptoProvider): void {
  requireVersions(config);
  requireSome('groups', config.groups);
  requireSome('signatureSchemes', config.signatureSchemes);
  requireSome('certificateSignatureSchemes', config.certificateSignatureSchemes);
  requireKnown('suites', suiteAeads(config), crypto.aeads);
  requireSubset('groups', config.groups, crypto.groups);
  requireSchemes(config, crypto);
  requireSubset('certificateCompressions', config.certificateCompressions, crypto.certificateCompressions);
  requireRange('recordSizeLimit', config.recordSizeLimit ?? 64, 64, LIMITS.plaintextBytes + 1);
  requireRange('maxFragment', config.maxFragment, 1, LIMITS.plaintextBytes);
  requireRange('recordsPerKey', config.recordsPerKey, 2, LIMITS.recordsPerKey);
  checkAlpn(config.alpn);
}

/** What each version on offer wants to have. @throws RangeError */
export function requireVersions(
  config: Pick<BothRoles, 'minVersion' | 'maxVersion' | 'suites' | 'tls12Suites' | 'groups'>,
): void {
  const { minVersion, maxVersion } = config;
  if (minVersion === 'TLSv1.3' && maxVersion === 'TLSv1.2') throw new RangeError('minVersion: above maxVersion');
  if (maxVersion === 'TLSv1.3') requireSome('suites', config.suites);
  if (minVersion === 'TLSv1.2') requireSome('tls12Suites', config.tls12Suites);
  if (minVersion === 'TLSv1.2' && !config.groups.some(isTls12Group))
    throw new RangeError('groups: none is for TLS 1.2');
}

/** The AEADs of all suites, of both versions. */
function suiteAeads(config: Pick<BothRoles, 'suites' | 'tls12Suites'>): AeadAlgorithm[] {
  return [
    ...config.suites.map((suite) => TLS13_SUITES[suite].aead),
    ...config.tls12Suites.map((suite) => TLS12_SUITES[suite].aead),
  ];
}

/** @throws RangeError for what the provider cannot verify, and where no version on offer has a scheme */
function requireSchemes(config: BothRoles, crypto: CryptoProvider): void {
  requireSubset('signatureSchemes', config.signatureSchemes, crypto.signatureSchemes);
  requireSubset('certificateSignatureSchemes', config.certificateSignatureSchemes, crypto.signatureSchemes);
  if (usableSchemes(config).length === 0) throw new RangeError('signatureSchemes: none is for a version on offer');
}

/** Those that a version on offer can use. */
export function usableSchemes({
  minVersion,
  maxVersion,
  signatureSchemes,
}: Pick<ClientConfig, 'minVersion' | 'maxVersion' | 'signatureSchemes'>): SignatureScheme[] {
  return signatureSchemes.filter((scheme) => {
    const { inTls13Handshake, inTls12Handshake } = SIGNATURE_SCHEMES[scheme];
    return (maxVersion === 'TLSv1.3' && inTls13Handshake) || (minVersion === 'TLSv1.2' && inTls12Handshake);
  });
}

/** @throws RangeError for names that RFC 7301 section 3.1 has no room for */
export function checkAlpn(names: readonly string[]): void {
  let listBytes = 0;
  for (const name of names) {
    if (name.length === 0 || name.length > 255 || [...name].some((letter) => letter > '\xff'))
      throw new RangeError('alpn: a name has 1 to 255 bytes');
    listBytes += 1 + name.length;
  }
  if (listBytes > 0xffff) throw new RangeError('alpn: too many names');
}

/** RFC 6066 section 3: A-labels, no final dot, and not an IP address. Underscores are seen in the wild. */
function isHostName(name: string): boolean {
  return name.length <= 253 && HOST_NAME.test(name);
}

/** Labels between dots; the last is not a number. One expression: each that a process compiles delays its first handshake. */
const HOST_NAME = /^(?:(?![0-9]+$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.(?=.)|$))+$/i;

/** @throws RangeError */
export function requireSome(field: string, list: readonly unknown[]): void {
  if (list.length === 0) throw new RangeError(`${field}: empty`);
}

function requireSubset<T>(field: string, list: readonly T[], all: readonly T[]): void {
  // The provider's own list, which most have, needs no proof at each connection.
  if (list === all) return;
  requireKnown(field, list, all);
  if (new Set(list).size !== list.length) throw new RangeError(`${field}: one is there twice`);
}

function requireKnown<T>(field: string, list: readonly T[], all: readonly T[]): void {
  for (const item of list) if (!all.includes(item)) throw new RangeError(`${field}: ${item} cannot be offered`);
}

/** @throws RangeError */
export function requireRange(field: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new RangeError(`${field}: ${value} is not within ${least} and ${most}`);
}
