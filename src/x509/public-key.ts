import type { Bytes } from '../core/bytes.ts';
import { TlsError } from '../core/failures.ts';
import type { SignatureKey } from '../crypto/signature-schemes.ts';
import { DerReader, dottedOid, TAG } from './der.ts';

/** A SubjectPublicKeyInfo of a kind and size that we accept, RFC 5280 section 4.1.2.7. */
export interface PublicKey {
  readonly type: SignatureKey;
  /** Of the modulus for RSA, of the curve for the others. */
  readonly bits: number;
}

/**
 * Reads a key. `certificate`: the one that it is a view into, so that errors say where in that they are. Details of failures go on
 * from the name of the certificate.
 * @throws TlsError `certificate-weak-key` for a key that could be broken, `certificate-unsupported-key` for one that we do not know
 * @throws DerError
 */
export function readPublicKey(spki: Bytes, certificate: Bytes = spki): PublicKey {
  const name = certificate === spki ? 'subjectPublicKeyInfo' : 'tbsCertificate.subjectPublicKeyInfo';
  const fields = DerReader.part(certificate, spki, TAG.sequence, name);
  const algorithm = fields.enter(TAG.sequence, 'algorithm');
  const id = algorithm.oid('algorithm');
  const key = fields.octetAlignedBits('subjectPublicKey');
  fields.finish();

  if (id === RSA_ENCRYPTION) {
    algorithm.null('parameters');
    algorithm.finish();
    return readRsaKey(DerReader.part(certificate, key, TAG.sequence, `${name}.subjectPublicKey`), 'rsa');
  }
  // RFC 4055 section 3.1: the parameters, if there, restrict the hash; the provider holds the signature to them.
  if (id === RSA_PSS)
    return readRsaKey(DerReader.part(certificate, key, TAG.sequence, `${name}.subjectPublicKey`), 'rsa-pss');
  if (id === EC) return readCurve(algorithm);

  const known = KEYS_WITHOUT_PARAMETERS[id];
  if (known === undefined) return unsupported(`a key of type ${NAMES[id] ?? dottedOid(id)}`);
  algorithm.finish();
  return known;
}

/** The contents of the BIT STRING, which is what key identifiers and OCSP take the hash of. @throws DerError */
export function keyBits(spki: Bytes): Bytes {
  const fields = DerReader.whole(spki, TAG.sequence, 'subjectPublicKeyInfo');
  fields.element(TAG.sequence, 'algorithm');
  const key = fields.octetAlignedBits('subjectPublicKey');
  fields.finish();
  return key;
}

const RSA_ENCRYPTION = '2a864886f70d010101';
const RSA_PSS = '2a864886f70d01010a';
const EC = '2a8648ce3d0201';

/** RFC 8410, RFC 9881. */
const KEYS_WITHOUT_PARAMETERS: Readonly<Record<string, PublicKey>> = {
  '2b6570': { type: 'ed25519', bits: 255 },
  '2b6571': { type: 'ed448', bits: 448 },
  '608648016503040311': { type: 'ml-dsa-44', bits: 10_496 },
  '608648016503040312': { type: 'ml-dsa-65', bits: 15_616 },
  '608648016503040313': { type: 'ml-dsa-87', bits: 20_736 },
};

const CURVES: Readonly<Record<string, PublicKey>> = {
  '2a8648ce3d030107': { type: 'p256', bits: 256 },
  '2b81040022': { type: 'p384', bits: 384 },
  '2b81040023': { type: 'p521', bits: 521 },
};

const NAMES: Readonly<Record<string, string>> = { '2a8648ce380401': 'DSA', '2b656e': 'X25519', '2b656f': 'X448' };

const CURVE_NAMES: Readonly<Record<string, string>> = {
  '2a8648ce3d030101': 'P-192',
  '2b81040021': 'P-224',
  '2b8104000a': 'secp256k1',
};

/** CA/Browser Forum Baseline Requirements 6.1.5, which also wants the size to be a multiple of 8. */
const RSA_MODULUS_BITS_MINIMUM = 2048;
/** Verification costs the square of this; BoringSSL and *ring* stop here too. */
const RSA_MODULUS_BITS_MAXIMUM = 8192;

function readRsaKey(fields: DerReader, type: 'rsa' | 'rsa-pss'): PublicKey {
  const modulus = fields.integer('modulus');
  const exponent = fields.integer('publicExponent');
  fields.finish();
  if ((modulus[0] as number) >= 0x80) fields.fail('negative modulus');

  const leading = modulus.length > 1 && modulus[0] === 0 ? 1 : 0;
  const bits = 8 * (modulus.length - leading) - (Math.clz32(modulus[leading] as number) - 24);
  if (bits < RSA_MODULUS_BITS_MINIMUM)
    weak(`an RSA key of ${bits} bits, where ${RSA_MODULUS_BITS_MINIMUM} are the least`);
  if (bits > RSA_MODULUS_BITS_MAXIMUM)
    unsupported(`an RSA key of ${bits} bits, where ${RSA_MODULUS_BITS_MAXIMUM} are the most`);
  if (bits % 8 !== 0) unsupported(`an RSA key of ${bits} bits, which is no multiple of 8`);
  if (((modulus.at(-1) as number) & 1) === 0) weak('an RSA key with an even modulus');

  // Baseline Requirements 6.1.6: odd, at least 3. Four bytes at most, as larger ones only make verification slow.
  if ((exponent[0] as number) >= 0x80) weak('an RSA key with a negative exponent');
  if (exponent.length > 5 || (exponent.length === 5 && exponent[0] !== 0))
    unsupported('an RSA key with an exponent above 2^32');
  const last = exponent.at(-1) as number;
  if ((last & 1) === 0 || (exponent.length === 1 && last < 3))
    weak('an RSA key with an exponent that is even or below 3');
  return { type, bits };
}

function readCurve(algorithm: DerReader): PublicKey {
  // Explicit parameters let the certificate define its own curve (CVE-2020-0601).
  if (algorithm.peekTag() !== TAG.objectIdentifier) return unsupported('a key on a curve with explicit parameters');
  const curve = algorithm.oid('parameters');
  algorithm.finish();
  return CURVES[curve] ?? unsupported(`a key on the curve ${CURVE_NAMES[curve] ?? dottedOid(curve)}`);
}

function weak(found: string): never {
  throw new TlsError('certificate-weak-key', `has ${found}`);
}

function unsupported(found: string): never {
  throw new TlsError('certificate-unsupported-key', `has ${found}`);
}
