import assert from 'node:assert/strict';
import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { bitString, explicit, integer, nullValue, oid, sequence, tlv } from '../../tests/support/der-writer.ts';
import { ascii, type Bytes, concat, EMPTY, unhex } from '../core/bytes.ts';
import { nodeCrypto as crypto } from './provider.ts';

const MESSAGE = unhex('746865206d657373616765');

test('Ed25519: RFC 8032 section 7.1, tests 1 and 2', () => {
  assert.ok(
    crypto.verify(
      'ed25519',
      unhex('302a300506032b6570032100 d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'),
      EMPTY,
      unhex(
        'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
      ),
    ),
  );
  assert.ok(
    crypto.verify(
      'ed25519',
      unhex('302a300506032b6570032100 3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c'),
      unhex('72'),
      unhex(
        '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
      ),
    ),
  );
});

test('Ed448: RFC 8032 section 7.4, blank', () => {
  assert.ok(
    crypto.verify(
      'ed448',
      unhex(
        '3043300506032b6571033a00 5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e50f6cd1fa1abeafe8256180',
      ),
      EMPTY,
      unhex(
        '533a37f6bbe457251f023c0d88f976ae2dfb504a843e34d2074fd823d41a591f2b233f034f628281f2fd7a22ddd47d7828c59bd0a21bfd3980ff0d2028d4b18a' +
          '9df63e006c5d1c2d345b925d8dc00b4104852db99ac5c7cdda8530a113a0f4dbb61149f05a7363268c71d95808ff2e652600',
      ),
    ),
  );
});

test('ECDSA: only DER, only this curve, only the scheme’s hash', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = encode(publicKey);
  assert.ok(crypto.verify('ecdsa_secp256r1_sha256', spki, MESSAGE, sign('sha256', MESSAGE, privateKey)));
  const fixedLength = sign('sha256', MESSAGE, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  assert.equal(crypto.verify('ecdsa_secp256r1_sha256', spki, MESSAGE, fixedLength), false);
  const otherHash = sign('sha384', MESSAGE, privateKey);
  for (const scheme of ['ecdsa_secp256r1_sha256', 'ecdsa_secp384r1_sha384'] as const)
    assert.equal(crypto.verify(scheme, spki, MESSAGE, otherHash), false);
});

test('ECDSA: a point in another form, off the curve or with spelled-out curve parameters is refused', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signature = sign('sha256', MESSAGE, privateKey);
  const spki = encode(publicKey);
  const point = spki.subarray(26);
  const isOdd = (point[64] as number) & 1;
  const onNamedCurve = (form: Bytes) =>
    sequence(sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7')), bitString(form));
  const onSpelledOutCurve = sequence(sequence(oid('1.2.840.10045.2.1'), P256_PARAMETERS), bitString(point));
  assert.ok(crypto.verify('ecdsa_secp256r1_sha256', onNamedCurve(point), MESSAGE, signature));
  for (const key of [
    onNamedCurve(concat(Uint8Array.of(2 | isOdd), point.subarray(1, 33))),
    onNamedCurve(concat(Uint8Array.of(6 | isOdd), point.subarray(1))),
    onNamedCurve(point.with(-1, (point.at(-1) as number) ^ 1)),
    onNamedCurve(Uint8Array.of(0)),
    onSpelledOutCurve,
  ])
    assert.equal(crypto.verify('ecdsa_secp256r1_sha256', key, MESSAGE, signature), false);
});

test('RSA-PSS: the salt is as long as the hash, and MGF1 has the same hash', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const signed = (saltLength: number) =>
    sign('sha256', MESSAGE, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
  const accepted = (signature: Bytes) => crypto.verify('rsa_pss_rsae_sha256', encode(publicKey), MESSAGE, signature);
  assert.ok(accepted(signed(32)));
  for (const saltLength of [0, 20, 31, 33, 48, 64, 222]) assert.equal(accepted(signed(saltLength)), false);
});

test('RSA: a signature is as long as the modulus, even when its first byte is zero', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const spki = encode(publicKey);
  for (const [scheme, options] of [
    ['rsa_pss_rsae_sha256', { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }],
    ['rsa_pkcs1_sha256', { padding: constants.RSA_PKCS1_PADDING }],
  ] as const) {
    let message: Bytes;
    let signature: Bytes;
    let counter = 0;
    do {
      message = ascii(String(counter++));
      signature = sign('sha256', message, { key: privateKey, ...options });
    } while (signature[0] !== 0);
    assert.ok(crypto.verify(scheme, spki, message, signature));
    assert.equal(crypto.verify(scheme, spki, message, signature.subarray(1)), false);
    assert.equal(crypto.verify(scheme, spki, message, concat(Uint8Array.of(0), signature)), false);
  }
});

test('RSA: an exponent of 1, to which any signature can be made, and too large keys are refused', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const signature = sign('sha256', MESSAGE, privateKey);
  const { n } = publicKey.export({ format: 'jwk' });
  const modulus = BigInt(`0x${Buffer.from(n ?? '', 'base64url').toString('hex')}`);
  const accepted = (modulus: bigint, exponent: bigint, signature: Bytes) =>
    crypto.verify('rsa_pkcs1_sha256', rsaKey(integer(modulus), integer(exponent)), MESSAGE, signature);
  assert.ok(accepted(modulus, 65537n, signature));
  const forged = concat(
    unhex(`0001${'ff'.repeat(256 - 3 - 51)}00 3031300d060960864801650304020105000420`),
    crypto.hash('sha256', MESSAGE),
  );
  assert.equal(accepted(modulus, 1n, forged), false);
  assert.equal(accepted(modulus, 0n, signature), false);
  assert.equal(accepted(modulus, 2n ** 32n + 1n, signature), false);
  assert.equal(accepted(0n, 65537n, signature), false);
  assert.equal(accepted(2n ** 8193n - 1n, 3n, new Uint8Array(1025)), false);
  assert.equal(accepted(2n ** 100_000n - 1n, 3n, new Uint8Array(12_500)), false);
});

test('RSA: what is not the one DER encoding of the key is refused', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const signature = sign('sha256', MESSAGE, privateKey);
  const { n } = publicKey.export({ format: 'jwk' });
  const modulus = concat(Uint8Array.of(0), Buffer.from(n ?? '', 'base64url'));
  const accepted = (spki: Bytes) => crypto.verify('rsa_pkcs1_sha256', spki, MESSAGE, signature);
  assert.ok(accepted(rsaKey(tlv(0x02, modulus), integer(65537))));
  for (const spki of [
    rsaKey(tlv(0x02, concat(Uint8Array.of(0), modulus)), integer(65537)),
    rsaKey(tlv(0x02, modulus), tlv(0x02, unhex('00010001'))),
    rsaKey(tlv(0x02, modulus.subarray(1)), integer(65537)),
    rsaKey(tlv(0x02, modulus), integer(65537), nullValue()),
    sequence(sequence(oid('1.2.840.113549.1.1.1')), bitString(sequence(tlv(0x02, modulus), integer(65537)))),
    concat(rsaKey(tlv(0x02, modulus), integer(65537)), Uint8Array.of(0)),
  ])
    assert.equal(accepted(spki), false);
});

test('RSASSA-PSS keys: their parameters hold for the signature', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { n } = publicKey.export({ format: 'jwk' });
  const key = bitString(sequence(tlv(0x02, Uint8Array.of(0), Buffer.from(n ?? '', 'base64url')), integer(65537)));
  const signature = sign('sha384', MESSAGE, {
    key: privateKey,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: 48,
  });
  const accepted = (...parameters: Bytes[]) =>
    crypto.verify('rsa_pss_pss_sha384', sequence(sequence(oid(RSASSA_PSS), ...parameters), key), MESSAGE, signature);
  const sha256 = oid('2.16.840.1.101.3.4.2.1');
  const sha384 = oid('2.16.840.1.101.3.4.2.2');
  const parameters = (hash: Bytes, mgf1Hash: Bytes, saltBytes: number, ...trailing: Bytes[]) =>
    sequence(
      explicit(0, sequence(hash, ...trailing)),
      explicit(1, sequence(oid('1.2.840.113549.1.1.8'), sequence(mgf1Hash, ...trailing))),
      explicit(2, integer(saltBytes)),
    );
  assert.ok(accepted());
  assert.ok(accepted(parameters(sha384, sha384, 48)));
  assert.ok(accepted(parameters(sha384, sha384, 48, nullValue())));
  assert.equal(accepted(parameters(sha256, sha256, 32)), false);
  assert.equal(accepted(parameters(sha384, sha256, 48)), false);
  assert.equal(accepted(parameters(sha384, sha384, 64)), false);
  assert.equal(accepted(nullValue()), false);
  assert.equal(accepted(sequence()), false);
});

test('arbitrary keys and signatures are refused, and nothing throws', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...crypto.signatureSchemes),
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 200 }),
      (scheme, spki, signature) => crypto.verify(scheme, spki, MESSAGE, signature) === false,
    ),
    { numRuns: 500 },
  );
});

const RSASSA_PSS = '1.2.840.113549.1.1.10';

/** SpecifiedECDomain of P-256, RFC 3279 section 2.3.5, as OpenSSL writes it. */
const P256_PARAMETERS = unhex(
  '3081f7020101302c06072a8648ce3d0101022100ffffffff00000001000000000000000000000000ffffffffffffffffffffffff305b0420ffffffff00000001' +
    '000000000000000000000000fffffffffffffffffffffffc04205ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b031500c49d36' +
    '0886e704936a6678e1139d26b7819f7e900441046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a' +
    '7c0f9e162bce33576b315ececbb6406837bf51f5022100ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551020101',
);

function rsaKey(...members: readonly Bytes[]): Bytes {
  return sequence(sequence(oid('1.2.840.113549.1.1.1'), nullValue()), bitString(sequence(...members)));
}

function encode(key: KeyObject): Bytes {
  return Uint8Array.from(key.export({ format: 'der', type: 'spki' }));
}
