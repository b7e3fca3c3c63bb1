import { type AsymmetricKeyType, createPublicKey, type KeyObject } from 'node:crypto';
import { type Bytes, concat, equal, unhex } from '../core/bytes.ts';
import { HASH_BYTES } from '../crypto/hkdf.ts';
import type { HashAlgorithm } from '../crypto/provider.ts';
import type { SignatureKey } from '../crypto/signature-schemes.ts';

/**
 * The public key in a DER SubjectPublicKeyInfo (RFC 5280 section 4.1) if it is exactly of that type, or null. All but RSA keys
 * have one encoding that fixes their length, so that they are recognised by their first bytes and no parser sees the rest:
 * neither explicit curve parameters (CVE-2020-0601) nor compressed points get in. `hash` is the one to be used with the key.
 */
export function importPublicKey(type: SignatureKey, hash: HashAlgorithm | null, spki: Bytes): KeyObject | null {
  try {
    if (type === 'rsa') return importRsa(afterAlgorithm(spki, RSA_ENCRYPTION));
    if (type === 'rsa-pss') return hash === null ? null : importRsaPss(hash, spki);
    const key = rawPublicKey(type, spki);
    return key && createPublicKey({ key, format: 'raw-public', ...RAW_KEYS[type] });
  } catch {
    return null;
  }
}

/** The key itself, without the SubjectPublicKeyInfo around it, or null if that is not of this type. */
export function rawPublicKey(type: RawKey, spki: Bytes): Bytes | null {
  const { prefix, keyBytes } = RAW_KEYS[type];
  const prefixBytes = prefix.length / 2;
  if (spki.length !== prefixBytes + keyBytes) return null;
  if (!equal(spki.subarray(0, prefixBytes), Uint8Array.fromHex(prefix))) return null;
  const key = spki.subarray(prefixBytes);
  return RAW_KEYS[type].asymmetricKeyType === 'ec' && key[0] !== UNCOMPRESSED ? null : key;
}

type RawKey = Exclude<SignatureKey, 'rsa' | 'rsa-pss'>;

interface RawKeyParameters {
  /** Of the SubjectPublicKeyInfo, up to and with the BIT STRING's count of unused bits, in hexadecimal. */
  readonly prefix: string;
  readonly keyBytes: number;
  readonly asymmetricKeyType: AsymmetricKeyType;
  readonly namedCurve?: string;
}

/** X9.62 section 4.3.6; RFC 5480 section 2.2 makes the other forms optional, and no public CA issues them. */
const UNCOMPRESSED = 4;

/** RFC 5480, RFC 8410, RFC 9881. */
const RAW_KEYS = {
  'p256': {
    prefix: '3059301306072a8648ce3d020106082a8648ce3d030107034200',
    keyBytes: 65,
    asymmetricKeyType: 'ec',
    namedCurve: 'prime256v1',
  },
  'p384': {
    prefix: '3076301006072a8648ce3d020106052b81040022036200',
    keyBytes: 97,
    asymmetricKeyType: 'ec',
    namedCurve: 'secp384r1',
  },
  'p521': {
    prefix: '30819b301006072a8648ce3d020106052b8104002303818600',
    keyBytes: 133,
    asymmetricKeyType: 'ec',
    namedCurve: 'secp521r1',
  },
  'ed25519': { prefix: '302a300506032b6570032100', keyBytes: 32, asymmetricKeyType: 'ed25519' },
  'ed448': { prefix: '3043300506032b6571033a00', keyBytes: 57, asymmetricKeyType: 'ed448' },
  'ml-dsa-44': {
    prefix: '30820532300b06096086480165030403110382052100',
    keyBytes: 1312,
    asymmetricKeyType: 'ml-dsa-44',
  },
  'ml-dsa-65': {
    prefix: '308207b2300b0609608648016503040312038207a100',
    keyBytes: 1952,
    asymmetricKeyType: 'ml-dsa-65',
  },
  'ml-dsa-87': {
    prefix: '30820a32300b060960864801650304031303820a2100',
    keyBytes: 2592,
    asymmetricKeyType: 'ml-dsa-87',
  },
} as const satisfies Record<RawKey, RawKeyParameters>;

/** Verification costs the square of this, and the peer chooses it. Go's crypto/tls stops at the same size (CVE-2023-29409). */
const RSA_MODULUS_BITS_MAXIMUM = 8192;
/** The cost grows with this too; and 1 would accept any signature. BoringSSL's bound is 33 bits. */
const RSA_EXPONENT_MAXIMUM = 2n ** 32n;
/** Modulus, exponent, the parameters of PSS, and what DER puts around them. */
const RSA_SPKI_BYTES_MAXIMUM = RSA_MODULUS_BITS_MAXIMUM / 8 + 128;

/** AlgorithmIdentifier { rsaEncryption, NULL }, RFC 3279 section 2.3.1. */
const RSA_ENCRYPTION = Uint8Array.fromHex('300d06092a864886f70d0101010500');

/** `tail` is the BIT STRING of a SubjectPublicKeyInfo, with an RSAPublicKey in it. */
function importRsa(tail: Bytes | null): KeyObject | null {
  if (tail === null) return null;
  const spki = sequence(concat(RSA_ENCRYPTION, tail));
  const key = createPublicKey({ key: Buffer.from(spki.buffer), format: 'der', type: 'spki' });
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {};
  if (modulusLength === undefined || modulusLength > RSA_MODULUS_BITS_MAXIMUM) return null;
  if (publicExponent === undefined || publicExponent < 3n || publicExponent > RSA_EXPONENT_MAXIMUM) return null;
  // Runtimes differ in what they let pass: only the one DER encoding does here.
  return key.export({ format: 'der', type: 'spki' }).equals(spki) ? key : null;
}

/**
 * RFC 4055 section 1.2: a key for PSS alone, whose parameters, if it has any, allow one hash and one length of salt. Bun cannot
 * import such a key; the number in it is an RSA key like any other, and is imported as one once its parameters are met.
 */
function importRsaPss(hash: HashAlgorithm, spki: Bytes): KeyObject | null {
  for (const algorithm of rsaPssAlgorithms(hash)) {
    const tail = afterAlgorithm(spki, algorithm);
    if (tail !== null) return importRsa(tail);
  }
  return null;
}

/**
 * Without parameters, and with those of `hash` as OpenSSL and RFC 4055 section 3.1 write them: MGF1 with the same hash, a salt as
 * long as the hash. The NULL in a hash's own parameters may be there or not.
 */
function rsaPssAlgorithms(hash: HashAlgorithm): readonly Bytes[] {
  const oid = unhex('06092a864886f70d01010a');
  const mgf1 = unhex('06092a864886f70d010108');
  const withParameters = [unhex('0500'), new Uint8Array(0)].map((nothing) => {
    const hashAlgorithm = sequence(concat(unhex(HASH_OIDS[hash]), nothing));
    return sequence(
      concat(
        oid,
        sequence(
          concat(
            tagged(0, hashAlgorithm),
            tagged(1, sequence(concat(mgf1, hashAlgorithm))),
            tagged(2, Uint8Array.of(0x02, 1, HASH_BYTES[hash])),
          ),
        ),
      ),
    );
  });
  return [sequence(oid), ...withParameters];
}

const HASH_OIDS: Readonly<Record<HashAlgorithm, string>> = {
  sha256: '0609608648016503040201',
  sha384: '0609608648016503040202',
  sha512: '0609608648016503040203',
};

/** What follows `algorithm` in an RSA SubjectPublicKeyInfo of minimal length, or null if it has another or is too long. */
function afterAlgorithm(spki: Bytes, algorithm: Bytes): Bytes | null {
  if (spki.length > RSA_SPKI_BYTES_MAXIMUM) return null;
  for (const headerBytes of [2, 3, 4]) {
    const prefix = concat(header(0x30, spki.length - headerBytes), algorithm);
    const matches = prefix.length === headerBytes + algorithm.length && equal(spki.subarray(0, prefix.length), prefix);
    if (matches) return spki.subarray(prefix.length);
  }
  return null;
}

function sequence(content: Bytes): Bytes {
  return element(0x30, content);
}

function tagged(tag: number, content: Bytes): Bytes {
  return element(0xa0 | tag, content);
}

function element(identifier: number, content: Bytes): Bytes {
  return concat(header(identifier, content.length), content);
}

/** The first bytes of a DER element of at most 2^16 - 1 bytes. */
function header(identifier: number, contentBytes: number): Bytes {
  if (contentBytes < 0x80) return Uint8Array.of(identifier, contentBytes);
  if (contentBytes < 0x100) return Uint8Array.of(identifier, 0x81, contentBytes);
  return Uint8Array.of(identifier, 0x82, contentBytes >>> 8, contentBytes);
}
