import type { AeadAlgorithm } from './provider.ts';

/** The hash of a cipher suite: of its transcript, its HKDF and, in TLS 1.2, its PRF. */
export type SuiteHash = 'sha256' | 'sha384';

/** What a TLS 1.3 suite fixes. */
export interface CipherSuiteParameters {
  readonly codePoint: number;
  readonly aead: AeadAlgorithm;
  readonly hash: SuiteHash;
}

/** TLS 1.2 suites also name the key exchange (always ephemeral) and the type of the server's key. */
export interface Tls12CipherSuiteParameters extends CipherSuiteParameters {
  readonly authentication: 'ecdsa' | 'rsa';
}

/** What an AEAD asks of its caller. */
export interface AeadParameters {
  readonly keyBytes: number;
  readonly tagBytes: 8 | 16;
  /**
   * TLS 1.2's nonce: `explicit`, 4 bytes from the key block and 8 sent with each record (RFC 5288 section 3, RFC 6655
   * section 3), or `xored`, 12 bytes from the key block and the sequence number (RFC 7905 section 2; all of TLS 1.3).
   */
  readonly tls12Nonce: 'explicit' | 'xored';
}

/** In the order of preference. */
export const AEADS = {
  'aes-128-gcm': { keyBytes: 16, tagBytes: 16, tls12Nonce: 'explicit' },
  'aes-256-gcm': { keyBytes: 32, tagBytes: 16, tls12Nonce: 'explicit' },
  'chacha20-poly1305': { keyBytes: 32, tagBytes: 16, tls12Nonce: 'xored' },
  'aes-128-ccm': { keyBytes: 16, tagBytes: 16, tls12Nonce: 'explicit' },
  'aes-128-ccm-8': { keyBytes: 16, tagBytes: 8, tls12Nonce: 'explicit' },
} as const satisfies Record<AeadAlgorithm, AeadParameters>;

/** RFC 8446 appendix B.4, best first. Which of them are offered depends on the provider's AEADs and on the configuration. */
export const TLS13_SUITES = {
  TLS_AES_128_GCM_SHA256: { codePoint: 0x1301, aead: 'aes-128-gcm', hash: 'sha256' },
  TLS_AES_256_GCM_SHA384: { codePoint: 0x1302, aead: 'aes-256-gcm', hash: 'sha384' },
  TLS_CHACHA20_POLY1305_SHA256: { codePoint: 0x1303, aead: 'chacha20-poly1305', hash: 'sha256' },
  TLS_AES_128_CCM_SHA256: { codePoint: 0x1304, aead: 'aes-128-ccm', hash: 'sha256' },
  TLS_AES_128_CCM_8_SHA256: { codePoint: 0x1305, aead: 'aes-128-ccm-8', hash: 'sha256' },
} as const satisfies Record<string, CipherSuiteParameters>;

/** RFC 5289, RFC 7905, RFC 7251: ECDHE with an AEAD and nothing else, best first. */
export const TLS12_SUITES = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: {
    codePoint: 0xc02b,
    aead: 'aes-128-gcm',
    hash: 'sha256',
    authentication: 'ecdsa',
  },
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: {
    codePoint: 0xc02f,
    aead: 'aes-128-gcm',
    hash: 'sha256',
    authentication: 'rsa',
  },
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: {
    codePoint: 0xc02c,
    aead: 'aes-256-gcm',
    hash: 'sha384',
    authentication: 'ecdsa',
  },
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: {
    codePoint: 0xc030,
    aead: 'aes-256-gcm',
    hash: 'sha384',
    authentication: 'rsa',
  },
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: {
    codePoint: 0xcca9,
    aead: 'chacha20-poly1305',
    hash: 'sha256',
    authentication: 'ecdsa',
  },
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: {
    codePoint: 0xcca8,
    aead: 'chacha20-poly1305',
    hash: 'sha256',
    authentication: 'rsa',
  },
  TLS_ECDHE_ECDSA_WITH_AES_128_CCM: { codePoint: 0xc0ac, aead: 'aes-128-ccm', hash: 'sha256', authentication: 'ecdsa' },
  TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8: {
    codePoint: 0xc0ae,
    aead: 'aes-128-ccm-8',
    hash: 'sha256',
    authentication: 'ecdsa',
  },
} as const satisfies Record<string, Tls12CipherSuiteParameters>;

/** By the registry's names. */
export type Tls13SuiteName = keyof typeof TLS13_SUITES;
export type Tls12SuiteName = keyof typeof TLS12_SUITES;

/** Undefined for a code point that is not a TLS 1.3 suite we know. */
export function tls13SuiteByCodePoint(codePoint: number): Tls13SuiteName | undefined {
  return TLS13_BY_CODE_POINT.get(codePoint);
}

/** Undefined for a code point that is not a TLS 1.2 suite we know. */
export function tls12SuiteByCodePoint(codePoint: number): Tls12SuiteName | undefined {
  return TLS12_BY_CODE_POINT.get(codePoint);
}

const TLS13_BY_CODE_POINT = new Map<number, Tls13SuiteName>(
  (Object.keys(TLS13_SUITES) as Tls13SuiteName[]).map((name) => [TLS13_SUITES[name].codePoint, name]),
);

const TLS12_BY_CODE_POINT = new Map<number, Tls12SuiteName>(
  (Object.keys(TLS12_SUITES) as Tls12SuiteName[]).map((name) => [TLS12_SUITES[name].codePoint, name]),
);
