import { readFileSync } from 'node:fs';
import { type Bytes, unhex } from '../../src/core/bytes.ts';
import { TlsError } from '../../src/core/failures.ts';
import { TLS12_SUITES, type Tls12SuiteName } from '../../src/crypto/cipher-suites.ts';
import { groupByCodePoint } from '../../src/crypto/named-groups.ts';
import type { CertificateCompression, CryptoProvider, NamedGroup, SignatureScheme } from '../../src/crypto/provider.ts';
import { knownSignatureSchemes, SIGNATURE_SCHEMES } from '../../src/crypto/signature-schemes.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import type { KeyHolder } from '../../src/engine/answer.ts';
import { type ClientConfig, defaultClientConfig } from '../../src/engine/config.ts';
import type { Answer, ProtocolVersion, Ticket } from '../../src/engine/connection.ts';
import { defaultServerConfig, type ServerConfig } from '../../src/engine/server-config.ts';
import { Certificate } from '../../src/x509/certificate.ts';
import { type HeldCredential, softwareKeys } from '../support/software-keys.ts';
import { compressedForms, testCompressions, withTestCompressions } from './compression.ts';
import { clientEch, serverEch } from './ech.ts';
import { Excluded } from './exclusions.ts';
import type { CredentialFlags, ShimFlags } from './flags.ts';

export const TLS12 = 0x0303;
export const TLS13 = 0x0304;

function versionsOf(flags: ShimFlags): { minVersion: ProtocolVersion; maxVersion: ProtocolVersion } {
  const earlyData = flags.strings.get('expect-early-data-reason') ?? 'disabled';
  if (earlyData !== 'disabled') throw new Excluded('0-RTT', earlyData);
  const most = flags.ints.get('max-version')?.[0] ?? TLS13;
  const least = flags.ints.get('min-version')?.[0] ?? TLS12;
  const no12 = flags.bools.has('no-tls12') || least > TLS12;
  const no13 = flags.bools.has('no-tls13') || most < TLS13;
  const older = !flags.bools.has('no-tls1') || !flags.bools.has('no-tls11');
  if (((no12 && no13) || most < TLS12) && older) throw new Excluded('TLS 1.1 and older', '-max-version');
  const only13 =
    (flags.ints.get('curves') ?? []).length > 0 && groupsOf(flags, 'curves').every((group) => group.includes('MLKEM'));
  return { minVersion: no12 || (only13 && !no13) ? 'TLSv1.3' : 'TLSv1.2', maxVersion: no13 ? 'TLSv1.2' : 'TLSv1.3' };
}

/** The certificates of the flags, which sign as -signing-prefs say; the one without -new-x509-credential comes last. */
export function keysOf(flags: ShimFlags, ticketKey: Bytes): KeyHolder {
  const stapled = !flags.bools.has('decline-ocsp-callback');
  const held = flags.credentials
    .flatMap((credential) => heldCredential(credential, stapled))
    .map((credential) => ({
      ...credential,
      compressed: compressedForms({ ...credential, key: '' }, compressions(flags)),
    }));
  const ours = softwareKeys(held, ticketKey, serverEch(flags).held);
  const keys = flags.bools.has('skip-ticket') ? { ...ours, sealTicket: () => refused('no ticket') } : ours;
  const ocspFails = flags.bools.has('server') && flags.bools.has('fail-ocsp-callback');
  if (!flags.bools.has('fail-cert-callback') && !ocspFails) return keys;
  return {
    ...keys,
    choose: () => refused(ocspFails ? 'OCSP callback' : 'callback'),
  };
}

function refused(detail: string): Answer {
  return { answer: 'refused', failure: new TlsError('internal-error', detail).failure };
}

function heldCredential(flags: CredentialFlags, stapled: boolean): HeldCredential[] {
  const { certFile, keyFile, signingPrefs, mustMatchIssuer } = flags;
  // BoringSSL can set the staple in a callback, or decline to have one there.
  const ocspResponse = stapled ? flags.ocspResponse : undefined;
  if (certFile === undefined || keyFile === undefined) return [];
  const chain = chainOf(certFile);
  return [
    {
      chain,
      privatePem: readFileSync(keyFile, 'latin1'),
      issuers: mustMatchIssuer ? chain.map((der) => new Certificate(der).issuer) : [],
      mustMatchIssuer,
      ...(signingPrefs === undefined ? {} : { schemes: schemesOf(signingPrefs) }),
      ...(ocspResponse === undefined ? {} : { ocspResponse: new Uint8Array(Buffer.from(ocspResponse, 'base64')) }),
    },
  ];
}

/** The certificates of a PEM file. */
export function chainOf(file: string): Bytes[] {
  const pems = readFileSync(file, 'latin1').matchAll(/-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/g);
  return [...pems].map(([, base64 = '']) => new Uint8Array(Buffer.from(base64, 'base64')));
}

/** Those that we have, if there is one of them. */
function schemesOf(codePoints: readonly number[]): SignatureScheme[] {
  const schemes = knownSignatureSchemes(codePoints);
  if (schemes.length > 0) return schemes;
  const old = codePoints.some((codePoint) => codePoint >> 8 === HASH_SHA1 || codePoint === RSA_PKCS1_MD5_SHA1);
  throw new Excluded(old ? 'SHA-1 or MD5 signatures' : 'other groups and schemes', `${codePoints}`);
}

const HASH_SHA1 = 2;
const RSA_PKCS1_MD5_SHA1 = 0xff01;

export function clientConfig(flags: ShimFlags, session: Ticket | null, now: () => number): ClientConfig {
  const groups = flags.ints.has('curves') ? groupsOf(flags, 'curves') : DEFAULT_GROUPS;
  const keyShareGroups = flags.bools.has('no-key-shares')
    ? []
    : flags.ints.has('key-shares')
      ? groupsOf(flags, 'key-shares')
      : predictedGroups(groups);
  const handshakeSchemes = verifySchemes(flags);
  const { minVersion, maxVersion } = versionsOf(flags);
  return {
    ...defaultClientConfig(nodeCrypto, flags.strings.get('host-name') ?? null, now),
    alpn: lengthPrefixed(flags.strings.get('advertise-alpn') ?? ''),
    groups,
    keyShareGroups,
    minVersion,
    maxVersion,
    tls12Suites: tls12Suites(flags),
    fallback: flags.bools.has('fallback-scsv'),
    session: flags.bools.has('no-ticket') ? null : session,
    signatureSchemes: usableSchemes(handshakeSchemes, minVersion, maxVersion),
    certificateSignatureSchemes: handshakeSchemes,
    certificateCompressions: compressions(flags),
    requestOcsp: flags.bools.has('enable-ocsp-stapling'),
    recordSizeLimit: null,
    maxFragment: flags.ints.get('max-send-fragment')?.[0] ?? 2 ** 14,
    insecureKeyLog: flags.bools.has('export-traffic-secrets'),
    keepTickets: !flags.bools.has('no-ticket'),
    grease: flags.bools.has('enable-grease'),
    ech: clientEch(flags, maxVersion),
  };
}

export function serverConfig(flags: ShimFlags, now: () => number): ServerConfig {
  const { minVersion, maxVersion } = versionsOf(flags);
  const handshakeSchemes = verifySchemes(flags);
  const authorities = flags.strings.get('use-client-ca-list');
  return {
    ...defaultServerConfig(nodeCrypto, now),
    minVersion,
    maxVersion,
    tls12Suites: tls12Suites(flags),
    groups: flags.ints.has('curves') ? groupsOf(flags, 'curves') : DEFAULT_GROUPS,
    alpn: serverAlpn(flags),
    clientCertificate: flags.bools.has('require-any-client-certificate')
      ? 'required'
      : flags.bools.has('verify-peer')
        ? 'optional'
        : 'none',
    signatureSchemes: usableSchemes(handshakeSchemes, minVersion, maxVersion),
    certificateSignatureSchemes: handshakeSchemes,
    certificateCompressions: compressions(flags),
    certificateAuthorities:
      authorities === undefined || authorities.startsWith('<') ? [] : authorities.split(',').map(unhex),
    recordSizeLimit: null,
    maxFragment: flags.ints.get('max-send-fragment')?.[0] ?? 2 ** 14,
    ticketLifetimeSeconds: flags.bools.has('no-ticket') ? 0 : 7200,
    insecureKeyLog: flags.bools.has('export-traffic-secrets'),
    ech: serverEch(flags).keys,
  };
}

/** Those of the versions on offer; each version gets one that no test looks for if it would have none. */
function usableSchemes(
  schemes: readonly SignatureScheme[],
  minVersion: ProtocolVersion,
  maxVersion: ProtocolVersion,
): SignatureScheme[] {
  const in13 = (scheme: SignatureScheme) => maxVersion === 'TLSv1.3' && SIGNATURE_SCHEMES[scheme].inTls13Handshake;
  const in12 = (scheme: SignatureScheme) => minVersion === 'TLSv1.2' && SIGNATURE_SCHEMES[scheme].inTls12Handshake;
  const usable = schemes.filter((scheme) => in13(scheme) || in12(scheme));
  if (maxVersion === 'TLSv1.3' && !usable.some(in13)) usable.push('rsa_pss_pss_sha512');
  if (minVersion === 'TLSv1.2' && !usable.some(in12)) usable.push('rsa_pss_pss_sha512');
  return usable;
}

/** BoringSSL asks a callback, which may take a name that was not offered: those tests are about that callback. */
function serverAlpn(flags: ShimFlags): string[] {
  if (flags.bools.has('reject-alpn')) return ['a name that nobody offers'];
  const selected = flags.strings.get('select-alpn');
  return selected === undefined || flags.bools.has('decline-alpn') ? [] : [selected];
}

/** -cipher in OpenSSL's notation, as far as the tests have it; what is of equal preference stands in brackets. */
function tls12Suites(flags: ShimFlags): Tls12SuiteName[] {
  const [first, ...more] = (flags.strings.get('cipher') ?? 'DEFAULT').split(/[:|[\]]+/);
  const suites = first === 'DEFAULT' ? ALL_TLS12_SUITES : [first, ...more].filter(isTls12Suite);
  const usable = more.includes('!AES') ? suites.filter((suite) => !suite.includes('_AES_')) : suites;
  if (usable.length === 0) throw new Excluded('CBC or RSA key exchange', `-cipher ${first}`);
  return usable;
}

function isTls12Suite(name: string | undefined): name is Tls12SuiteName {
  return ALL_TLS12_SUITES.some((suite) => suite === name);
}

const ALL_TLS12_SUITES = (Object.keys(TLS12_SUITES) as Tls12SuiteName[]).filter((suite) =>
  nodeCrypto.aeads.includes(TLS12_SUITES[suite].aead),
);

/** As BoringSSL: the first, and the first of the other kind. */
function predictedGroups([first, ...others]: readonly NamedGroup[]): NamedGroup[] {
  if (first === undefined) return [];
  const other = others.find((group) => group.includes('MLKEM') !== first.includes('MLKEM'));
  return other === undefined ? [first] : [first, other];
}

function verifySchemes(flags: ShimFlags): SignatureScheme[] {
  const codePoints = flags.ints.get('verify-prefs');
  return codePoints === undefined ? DEFAULT_VERIFY_SCHEMES : schemesOf(codePoints);
}

/** What BoringSSL takes unless told otherwise: the tests count on it. */
const DEFAULT_VERIFY_SCHEMES: SignatureScheme[] = [
  'ecdsa_secp256r1_sha256',
  'rsa_pss_rsae_sha256',
  'rsa_pkcs1_sha256',
  'ecdsa_secp384r1_sha384',
  'rsa_pss_rsae_sha384',
  'rsa_pkcs1_sha384',
  'rsa_pss_rsae_sha512',
  'rsa_pkcs1_sha512',
];

const DEFAULT_GROUPS: NamedGroup[] = ['X25519MLKEM768', 'x25519', 'secp256r1', 'secp384r1'];

function groupsOf(flags: ShimFlags, name: string): NamedGroup[] {
  return (flags.ints.get(name) ?? []).map((codePoint) => {
    const group = groupByCodePoint(codePoint);
    if (group === undefined) throw new Excluded('other groups and schemes', `-${name} ${codePoint}`);
    return group;
  });
}

function compressions(flags: ShimFlags): CertificateCompression[] {
  const one = flags.ints.get('install-one-cert-compression-alg')?.[0];
  return one !== undefined || flags.bools.has('install-cert-compression-algs') ? testCompressions(one) : [];
}

/** The provider that has what {@link clientConfig} and {@link serverConfig} ask for. */
export function cryptoOf(flags: ShimFlags): CryptoProvider {
  return compressions(flags).length > 0 ? withTestCompressions() : nodeCrypto;
}

/** -advertise-alpn is in wire form: a length byte before each name. */
export function lengthPrefixed(wire: string): string[] {
  const names: string[] = [];
  for (let offset = 0; offset < wire.length; ) {
    const length = wire.charCodeAt(offset);
    names.push(wire.slice(offset + 1, offset + 1 + length));
    offset += 1 + length;
  }
  return names;
}
