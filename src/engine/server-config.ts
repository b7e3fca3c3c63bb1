import type { Bytes } from '../core/bytes.ts';
import { LIMITS } from '../core/limits.ts';
import { TLS13_SUITES, type Tls12SuiteName } from '../crypto/cipher-suites.ts';
import { hpkeGroupByCodePoint } from '../crypto/hpke.ts';
import type { CertificateCompression, CryptoProvider, NamedGroup, SignatureScheme } from '../crypto/provider.ts';
import {
  checkBothRoles,
  defaultSuites,
  defaultTls12Suites,
  requireRange,
  type SuiteName,
  usableSchemes,
} from './config.ts';
import type { ProtocolVersion } from './connection.ts';
import { aeadOf, type EchConfig, encodeEchConfigList, isPublicName } from './ech/config.ts';
import type { RecordPadding } from './record/outgoing.ts';

/** An ECHConfig of a server (RFC 9849), with the name of its key; the key itself is in no process that parses TLS. */
export interface EchKey {
  /** As published. */
  readonly config: EchConfig;
  /** What the key's holder calls it. Means nothing to the engine. */
  readonly key: string;
  /** Whether it is offered to clients that have none that fits: old ones, which some clients still have, are not. */
  readonly retry: boolean;
}

/** All that a server connection does differently from another. Lists are in order of preference, best first, and ours counts. */
export interface ServerConfig {
  readonly minVersion: ProtocolVersion;
  readonly maxVersion: ProtocolVersion;
  /** Of TLS 1.3. ChaCha20-Poly1305 comes first for a client that prefers it: it has no instructions for AES. */
  readonly suites: readonly SuiteName[];
  readonly tls12Suites: readonly Tls12SuiteName[];
  /** The best of them that the client has too is used, at the price of a HelloRetryRequest if it sent no share. */
  readonly groups: readonly NamedGroup[];
  /** Protocols that we speak (RFC 7301), one Latin-1 character a byte. Empty ignores what a client offers. */
  readonly alpn: readonly string[];
  /** Whether clients are asked for a certificate, and whether they must have one. */
  readonly clientCertificate: 'none' | 'optional' | 'required';
  /** What we take from a client in CertificateVerify. */
  readonly signatureSchemes: readonly SignatureScheme[];
  /** Acceptable in clients' certificates. */
  readonly certificateSignatureSchemes: readonly SignatureScheme[];
  /** Of clients' certificates (RFC 8879). Empty sends no extension. */
  readonly certificateCompressions: readonly CertificateCompression[];
  /** DER distinguished names: hints for clients which of their certificates fits. */
  readonly certificateAuthorities: readonly Bytes[];
  /** RFC 8449: the largest TLSInnerPlaintext, type byte included, that we take: 64 to 2^14 + 1. `null` sends no extension. */
  readonly recordSizeLimit: number | null;
  /** The most plaintext bytes put into one record of ours: 1 to 2^14. */
  readonly maxFragment: number;
  /** Records sealed under one key before we change it: 2 to LIMITS.recordsPerKey. */
  readonly recordsPerKey: number;
  /** Hides lengths (RFC 8446 section 5.4). Null pads nothing. */
  readonly padding: RecordPadding | null;
  /** Tickets sent at the end of a TLS 1.3 handshake; whether one is good more than once, its keeper decides. */
  readonly ticketCount: number;
  /** How long a session is resumed after its full handshake: 0, which neither gives nor takes tickets, to seven days. */
  readonly ticketLifetimeSeconds: number;
  /** Names the keeping of certificates and the judgement of clients': sessions are resumed under the policy that they were made under. */
  readonly certificatePolicy: string;
  /** Whether a HelloRetryRequest leaves nothing behind here: all is in its cookie, sealed by the keeper of the tickets' keys. */
  readonly statelessRetry: boolean;
  /** RFC 8701: offer reserved values that a correct client ignores. */
  readonly grease: boolean;
  /**
   * The configs by which Encrypted Client Hello comes to us. Empty ignores it, but for the mark of a ClientHello that a server in front of
   * us has opened.
   */
  readonly ech: readonly EchKey[];
  /** For debugging alone: puts out the secrets of the connection, with which whoever sees them reads all of it. */
  readonly insecureKeyLog: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** What a server does when nobody says otherwise: both versions, all that the provider can do and that is not opt-in, no tickets. */
export function defaultServerConfig(crypto: CryptoProvider, now: () => number): ServerConfig {
  const { groups, signatureSchemes, certificateCompressions } = crypto;
  return {
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    suites: defaultSuites(crypto),
    tls12Suites: defaultTls12Suites(crypto),
    groups,
    alpn: [],
    clientCertificate: 'none',
    signatureSchemes,
    certificateSignatureSchemes: signatureSchemes,
    certificateCompressions,
    certificateAuthorities: [],
    recordSizeLimit: LIMITS.plaintextBytes + 1,
    maxFragment: LIMITS.plaintextBytes,
    recordsPerKey: LIMITS.recordsPerKey,
    padding: null,
    ticketCount: 2,
    ticketLifetimeSeconds: 0,
    certificatePolicy: '',
    statelessRetry: false,
    grease: true,
    ech: [],
    insecureKeyLog: false,
    now,
  };
}

/** @throws RangeError for a configuration that cannot work, or that asks for what the provider cannot do */
export function checkServerConfig(config: ServerConfig, crypto: CryptoProvider): void {
  checkBothRoles(config, crypto);
  requireRange('ticketCount', config.ticketCount, 0, LIMITS.ticketsIssued);
  requireRange('ticketLifetimeSeconds', config.ticketLifetimeSeconds, 0, LIMITS.ticketLifetimeSeconds);
  if (config.clientCertificate !== 'none') checkClientSchemes(config);
  if (config.ech.length > 0) checkEchKeys(config);
}

/** A CertificateRequest names at least one scheme (RFC 8446 section 4.2.3, RFC 5246 section 7.4.4). @throws RangeError */
function checkClientSchemes(config: ServerConfig): void {
  const versions = new Set([config.minVersion, config.maxVersion]);
  for (const version of versions)
    if (usableSchemes({ ...config, minVersion: version, maxVersion: version }).length === 0)
      throw new RangeError(`signatureSchemes: none for clients of ${version}`);
}

/** RFC 9849 section 7.1: clients may use all that is in a config, and get at least one if theirs does not fit. @throws RangeError */
function checkEchKeys({ ech, maxVersion }: ServerConfig): void {
  if (maxVersion !== 'TLSv1.3') throw new RangeError('ech: needs TLS 1.3');
  requireRange('ech: length', ech.length, 1, LIMITS.echConfigs);
  for (const { config } of ech) {
    if (config.suites.some((suite) => aeadOf(suite) === undefined))
      throw new RangeError('ech: a suite that we do not have');
    if (hpkeGroupByCodePoint(config.kem) === undefined) throw new RangeError('ech: a KEM that we do not have');
    if (!isPublicName(config.publicName)) throw new RangeError('ech: a public name that is no host name');
    if (config.extensions.size > 0) throw new RangeError('ech: an extension that we do not have');
  }
  const retry = retryConfigs(ech);
  if (retry.length === 0) throw new RangeError('ech: none is for retrying');
  encodeEchConfigList(retry);
}

/** What clients get whose ClientHello could not be opened. */
export function retryConfigs(keys: readonly EchKey[]): Bytes[] {
  return keys.filter(({ retry }) => retry).map(({ config }) => config.encoded);
}

/** The suites by our preference, with ChaCha20-Poly1305 first for a client whose own list begins with it. */
export function suitesFor(config: ServerConfig, offered: readonly SuiteName[]): readonly SuiteName[] {
  const [first] = offered;
  if (first === undefined || TLS13_SUITES[first].aead !== 'chacha20-poly1305' || !config.suites.includes(first))
    return config.suites;
  return [first, ...config.suites.filter((suite) => suite !== first)];
}
