import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { Bytes } from '../../src/core/bytes.ts';
import { bitString, integer, nullValue, octetString, oid, sequence, tlv } from './der-writer.ts';

/** A key pair for tests, with its encodings. Generated in the process that asks; nothing is stored. */
export interface TestKey {
  readonly kind: KeyKind;
  readonly privateKey: KeyObject;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Bytes;
  /** PKCS#8, unencrypted. */
  readonly privatePem: string;
}

/** `rsa-pss-*` has id-RSASSA-PSS without parameters as its key algorithm. `rsa-e3-2048` has the public exponent 3. */
export type KeyKind =
  | 'rsa-1024'
  | 'rsa-2047'
  | 'rsa-2048'
  | 'rsa-3072'
  | 'rsa-4096'
  | 'rsa-e3-2048'
  | 'rsa-pss-2048'
  | 'p224'
  | 'p256'
  | 'p384'
  | 'p521'
  | 'ed25519';

/** The `index`-th key of that kind in this process: RSA keys take long to make, so tests share them. */
export function testKey(kind: KeyKind, index = 0): TestKey {
  const id = `${kind}#${index}`;
  const key = KEYS.get(id) ?? generate(kind);
  KEYS.set(id, key);
  return key;
}

export type SignatureAlgorithm =
  | 'ecdsa-sha1'
  | 'ecdsa-sha256'
  | 'ecdsa-sha384'
  | 'ecdsa-sha512'
  | 'ed25519'
  | 'rsa-md5'
  | 'rsa-sha1'
  | 'rsa-sha256'
  | 'rsa-sha384'
  | 'rsa-sha512'
  | 'rsa-pss-sha256'
  | 'rsa-pss-sha384'
  | 'rsa-pss-sha512';

/** The algorithm that a careful CA would take with that key. */
export function usualAlgorithm(kind: KeyKind): SignatureAlgorithm {
  if (kind === 'ed25519') return 'ed25519';
  if (kind === 'p384') return 'ecdsa-sha384';
  if (kind === 'p521') return 'ecdsa-sha512';
  if (kind.startsWith('p')) return 'ecdsa-sha256';
  return kind.startsWith('rsa-pss') ? 'rsa-pss-sha256' : 'rsa-sha256';
}

/** DER AlgorithmIdentifier, with the parameters that the RFCs want (RFC 3279, 4055, 5758, 8410). */
export function algorithmIdentifier(algorithm: SignatureAlgorithm): Bytes {
  if (algorithm.startsWith('rsa-pss-')) return pssIdentifier(hashOf(algorithm));
  const id = oid(ALGORITHM_OID[algorithm as keyof typeof ALGORITHM_OID]);
  return algorithm.startsWith('rsa-') ? sequence(id, nullValue()) : sequence(id);
}

/** id-RSASSA-PSS with the same hash for the message and MGF1, and a salt of the hash's length unless told otherwise. */
export function pssIdentifier(hash: Hash, saltBytes = HASH_BYTES[hash], mgfHash = hash): Bytes {
  const hashId = (name: Hash): Bytes => sequence(oid(HASH_OID[name]), nullValue());
  const fields = [hashId(hash), sequence(oid('1.2.840.113549.1.1.8'), hashId(mgfHash)), integer(saltBytes)];
  return sequence(oid(RSA_PSS), sequence(...fields.map((field, number) => tlv(0xa0 | number, field))));
}

export function signWith(key: TestKey, algorithm: SignatureAlgorithm, message: Bytes): Bytes {
  const { privateKey } = key;
  if (algorithm === 'ed25519') return new Uint8Array(sign(null, message, privateKey));
  const hash = hashOf(algorithm);
  if (!algorithm.startsWith('rsa-pss-')) return new Uint8Array(sign(hash, message, privateKey));
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return new Uint8Array(sign(hash, message, { key: privateKey, padding, saltLength: HASH_BYTES[hash] }));
}

type Hash = keyof typeof HASH_BYTES;

const KEYS = new Map<string, TestKey>();
const RSA_PSS = '1.2.840.113549.1.1.10';
const HASH_BYTES = { md5: 16, sha1: 20, sha256: 32, sha384: 48, sha512: 64 } as const;

const HASH_OID = {
  md5: '1.2.840.113549.2.5',
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
} as const;

const ALGORITHM_OID = {
  'ecdsa-sha1': '1.2.840.10045.4.1',
  'ecdsa-sha256': '1.2.840.10045.4.3.2',
  'ecdsa-sha384': '1.2.840.10045.4.3.3',
  'ecdsa-sha512': '1.2.840.10045.4.3.4',
  'ed25519': '1.3.101.112',
  'rsa-md5': '1.2.840.113549.1.1.4',
  'rsa-sha1': '1.2.840.113549.1.1.5',
  'rsa-sha256': '1.2.840.113549.1.1.11',
  'rsa-sha384': '1.2.840.113549.1.1.12',
  'rsa-sha512': '1.2.840.113549.1.1.13',
} as const;

const CURVES = { p224: 'secp224r1', p256: 'prime256v1', p384: 'secp384r1', p521: 'secp521r1' } as const;

function hashOf(algorithm: SignatureAlgorithm): Hash {
  return algorithm.slice(algorithm.lastIndexOf('-') + 1) as Hash;
}

function generate(kind: KeyKind): TestKey {
  if (kind.startsWith('rsa-pss')) return pssKey(kind);
  const { publicKey, privateKey } = generateKeyPair(kind);
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
  return { kind, privateKey, spki, privatePem: String(privateKey.export({ type: 'pkcs8', format: 'pem' })) };
}

function generateKeyPair(kind: KeyKind): { publicKey: KeyObject; privateKey: KeyObject } {
  if (kind === 'ed25519') return generateKeyPairSync('ed25519');
  if (kind.startsWith('p')) return generateKeyPairSync('ec', { namedCurve: CURVES[kind as keyof typeof CURVES] });
  const modulusLength = Number(kind.slice(kind.lastIndexOf('-') + 1));
  return generateKeyPairSync('rsa', { modulusLength, publicExponent: kind === 'rsa-e3-2048' ? 3 : 0x10001 });
}

/** BoringSSL makes no keys of this type, so an ordinary RSA key gets the other object identifier. */
function pssKey(kind: KeyKind): TestKey {
  const { publicKey, privateKey } = generateKeyPair(kind);
  const algorithm = sequence(oid(RSA_PSS));
  const spki = sequence(algorithm, bitString(new Uint8Array(publicKey.export({ type: 'pkcs1', format: 'der' }))));
  const pkcs1 = new Uint8Array(privateKey.export({ type: 'pkcs1', format: 'der' }));
  const pkcs8 = sequence(integer(0), algorithm, octetString(pkcs1));
  return { kind, privateKey, spki, privatePem: pemBlock('PRIVATE KEY', pkcs8) };
}

/** RFC 7468: 64 columns, a final newline. */
export function pemBlock(label: string, der: Bytes): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.map((line) => `${line}\n`).join('')}-----END ${label}-----\n`;
}
