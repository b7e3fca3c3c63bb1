import { type Bytes, concat, latin1Bytes } from '../core/bytes.ts';
import { ByteWriter } from '../core/writer.ts';
import {
  type Tls12SuiteName,
  type Tls13SuiteName,
  tls12SuiteByCodePoint,
  tls13SuiteByCodePoint,
} from '../crypto/cipher-suites.ts';
import { groupByCodePoint } from '../crypto/named-groups.ts';
import type { NamedGroup, SignatureScheme } from '../crypto/provider.ts';
import type { SignatureKey } from '../crypto/signature-schemes.ts';
import { VERSION } from '../engine/codec/registry.ts';
import { requireSome } from '../engine/config.ts';
import type { ProtocolVersion } from '../engine/connection.ts';
import type { Handle, OpenSsl } from './library.ts';

/** What both roles' configurations say of the protocol; all else that they say is in client.ts and server.ts. */
export interface ProtocolChoice {
  readonly minVersion: ProtocolVersion;
  readonly maxVersion: ProtocolVersion;
  readonly suites: readonly Tls13SuiteName[];
  readonly tls12Suites: readonly Tls12SuiteName[];
  readonly groups: readonly NamedGroup[];
  readonly signatureSchemes: readonly SignatureScheme[];
}

/**
 * A connection with what the engine allows, and nothing that OpenSSL has besides: no older version, no other key exchange, no CBC,
 * no compression, no renegotiation. What OpenSSL or its version does not know of the lists is left out.
 * @throws RangeError when nothing is left of a list
 */
export function createConnection(
  { library, version }: OpenSsl,
  role: 'client' | 'server',
  tickets: 'tickets' | 'no-tickets',
  choice: ProtocolChoice,
): Handle {
  const groups = choice.groups.filter((group) => version >= HYBRIDS_SINCE || !group.endsWith('MLKEM768'));
  const schemes = choice.signatureSchemes.filter((scheme) => !scheme.startsWith('mldsa') || version >= HYBRIDS_SINCE);
  requireSome('groups', groups);
  requireSome('signatureSchemes', schemes);
  const options =
    SSL_OP.CLEANSE_PLAINTEXT |
    SSL_OP.NO_COMPRESSION |
    SSL_OP.NO_RENEGOTIATION |
    (role === 'server' ? SSL_OP.CIPHER_SERVER_PREFERENCE | SSL_OP.PRIORITIZE_CHACHA : 0) |
    (tickets === 'tickets' ? 0 : SSL_OP.NO_TICKET);
  return library.create(
    role === 'server' ? 1 : 0,
    VERSION_CODE[choice.minVersion],
    VERSION_CODE[choice.maxVersion],
    options,
    // Neither list may be empty, also where no version is on offer that it is for.
    (choice.tls12Suites.length > 0 ? choice.tls12Suites : FALLBACK_SUITES12).map(openSslName).join(':'),
    (choice.suites.length > 0 ? choice.suites : FALLBACK_SUITES13).join(':'),
    groups.map((group) => GROUP_NAME[group]).join(':'),
    schemes.join(':'),
  );
}

/** The list of {@link OpenSslLibrary.setProtocols}. */
export function protocolList(names: readonly string[]): Bytes {
  return concat(...names.map((name) => new ByteWriter(256).vector8(latin1Bytes(name)).finish()));
}

/** The registry's name; null for one that was not offered. */
export function suiteName(codePoint: number): Tls13SuiteName | Tls12SuiteName | null {
  return tls13SuiteByCodePoint(codePoint) ?? tls12SuiteByCodePoint(codePoint) ?? null;
}

/** @param version as OpenSSL has it */
export function versionName(version: number): ProtocolVersion | null {
  return (Object.keys(VERSION_CODE) as ProtocolVersion[]).find((name) => VERSION_CODE[name] === version) ?? null;
}

/** @param group a NID, or TLSEXT_nid_unknown and a code point */
export function groupName(group: number): NamedGroup | null {
  if ((group & TLSEXT_NID_UNKNOWN) !== 0) return groupByCodePoint(group & 0xffff) ?? null;
  return GROUP_BY_NID.get(group) ?? null;
}

/** @param type,hash NIDs @param key of the certificate, which says what kind of RSA-PSS it was */
export function schemeName(type: number, hash: number, key: SignatureKey | null): SignatureScheme | null {
  if (type === NID.ed25519) return 'ed25519';
  if (type === NID.ed448) return 'ed448';
  const bits = HASH_BITS.get(hash);
  if (bits === undefined) return null;
  if (type === NID.rsaEncryption) return `rsa_pkcs1_sha${bits}`;
  if (type === NID.rsassaPss) return key === 'rsa-pss' ? `rsa_pss_pss_sha${bits}` : `rsa_pss_rsae_sha${bits}`;
  return type === NID.ecPublicKey ? ECDSA_BY_BITS[bits] : null;
}

/** OpenSSL's names of TLS 1.2 suites are the registry's, shortened: ECDHE-ECDSA-AES128-GCM-SHA256. */
function openSslName(suite: Tls12SuiteName): string {
  return suite
    .replace(/^TLS_/, '')
    .replace('_WITH_', '_')
    .replace(/AES_(\d+)/, 'AES$1')
    .replace(/(CHACHA20_POLY1305)_SHA256/, '$1')
    .replaceAll('_', '-')
    .replace('AES128-CCM-8', 'AES128-CCM8');
}

/** OpenSSL 3.5: ML-KEM and ML-DSA. */
const HYBRIDS_SINCE = 0x30500000;

const VERSION_CODE = { 'TLSv1.2': VERSION.tls12, 'TLSv1.3': VERSION.tls13 } as const satisfies Record<
  ProtocolVersion,
  number
>;
const FALLBACK_SUITES12: readonly Tls12SuiteName[] = ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'];
const FALLBACK_SUITES13: readonly Tls13SuiteName[] = ['TLS_AES_128_GCM_SHA256'];

const GROUP_NAME = {
  X25519MLKEM768: 'X25519MLKEM768',
  SecP256r1MLKEM768: 'SecP256r1MLKEM768',
  x25519: 'X25519',
  secp256r1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
} as const satisfies Record<NamedGroup, string>;

const TLSEXT_NID_UNKNOWN = 0x1000000;

/** openssl/obj_mac.h */
const NID = { rsaEncryption: 6, ecPublicKey: 408, rsassaPss: 912, ed25519: 1087, ed448: 1088 } as const;
const GROUP_BY_NID: ReadonlyMap<number, NamedGroup> = new Map([
  [1034, 'x25519'],
  [415, 'secp256r1'],
  [715, 'secp384r1'],
  [716, 'secp521r1'],
]);
const HASH_BITS: ReadonlyMap<number, 256 | 384 | 512> = new Map([
  [672, 256],
  [673, 384],
  [674, 512],
]);
const ECDSA_BY_BITS = {
  256: 'ecdsa_secp256r1_sha256',
  384: 'ecdsa_secp384r1_sha384',
  512: 'ecdsa_secp521r1_sha512',
} as const satisfies Record<256 | 384 | 512, SignatureScheme>;

/** openssl/ssl.h */
const SSL_OP = {
  CLEANSE_PLAINTEXT: 2 ** 1,
  NO_TICKET: 2 ** 14,
  NO_COMPRESSION: 2 ** 17,
  PRIORITIZE_CHACHA: 2 ** 21,
  CIPHER_SERVER_PREFERENCE: 2 ** 22,
  NO_RENEGOTIATION: 2 ** 30,
} as const;
