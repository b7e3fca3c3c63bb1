import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bitString, integer, nullValue, oid, sequence } from '../../tests/support/der-writer.ts';
import { type KeyKind, testKey } from '../../tests/support/keys.ts';
import { type Bytes, unhex } from '../core/bytes.ts';
import { TlsError, type Why } from '../core/failures.ts';
import { DerError } from './der.ts';
import { readPublicKey } from './public-key.ts';

function refused(spki: Bytes, why: Why, detail: RegExp): void {
  assert.throws(
    () => readPublicKey(spki),
    (error) => error instanceof TlsError && error.why === why && detail.test(error.detail ?? ''),
  );
}

function rsa(modulus: bigint, exponent: bigint): Bytes {
  const algorithm = sequence(oid('1.2.840.113549.1.1.1'), nullValue());
  return sequence(algorithm, bitString(sequence(integer(modulus), integer(exponent))));
}

function curve(parameters: Bytes): Bytes {
  return sequence(sequence(oid('1.2.840.10045.2.1'), parameters), bitString(new Uint8Array(65).fill(4)));
}

test('keys that are accepted', () => {
  const kinds: readonly (readonly [KeyKind, string, number])[] = [
    ['rsa-2048', 'rsa', 2048],
    ['rsa-3072', 'rsa', 3072],
    ['rsa-e3-2048', 'rsa', 2048],
    ['rsa-pss-2048', 'rsa-pss', 2048],
    ['p256', 'p256', 256],
    ['p384', 'p384', 384],
    ['p521', 'p521', 521],
    ['ed25519', 'ed25519', 255],
  ];
  for (const [kind, type, bits] of kinds) assert.deepEqual(readPublicKey(testKey(kind).spki), { type, bits });
});

describe('RSA', () => {
  const modulus = 2n ** 2047n + 1n;
  test('size', () => {
    assert.deepEqual(readPublicKey(rsa(modulus, 3n)), { type: 'rsa', bits: 2048 });
    assert.deepEqual(readPublicKey(rsa(2n ** 8191n + 1n, 3n)), { type: 'rsa', bits: 8192 });
    refused(testKey('rsa-1024').spki, 'certificate-weak-key', /an RSA key of 1024 bits/);
    refused(rsa(2n ** 2046n + 1n, 3n), 'certificate-weak-key', /an RSA key of 2047 bits/);
    refused(rsa(2n ** 2048n + 1n, 3n), 'certificate-unsupported-key', /2049 bits.*multiple of 8/);
    refused(rsa(2n ** 8199n + 1n, 3n), 'certificate-unsupported-key', /8200 bits/);
    refused(rsa(0n, 3n), 'certificate-weak-key', /0 bits/);
  });
  test('modulus', () => {
    refused(rsa(modulus + 1n, 3n), 'certificate-weak-key', /even modulus/);
    assert.throws(() => readPublicKey(rsa(-modulus, 3n)), DerError);
  });
  test('exponent', () => {
    for (const exponent of [3n, 65537n, 2n ** 32n - 1n]) readPublicKey(rsa(modulus, exponent));
    for (const exponent of [-1n, 0n, 1n, 2n, 65536n])
      refused(rsa(modulus, exponent), 'certificate-weak-key', /exponent/);
    for (const exponent of [2n ** 32n + 1n, 2n ** 64n + 1n])
      refused(rsa(modulus, exponent), 'certificate-unsupported-key', /exponent above/);
  });
  test('parameters are NULL', () => {
    const key = bitString(sequence(integer(modulus), integer(3)));
    assert.throws(() => readPublicKey(sequence(sequence(oid('1.2.840.113549.1.1.1')), key)), DerError);
  });
});

describe('curves', () => {
  test('not of our choice', () => {
    refused(testKey('p224').spki, 'certificate-unsupported-key', /the curve P-224/);
    refused(curve(oid('1.2.840.10045.3.1.1')), 'certificate-unsupported-key', /the curve P-192/);
    refused(curve(oid('1.3.132.0.10')), 'certificate-unsupported-key', /the curve secp256k1/);
    refused(curve(oid('1.2.3')), 'certificate-unsupported-key', /the curve 1\.2\.3/);
  });
  test('explicit parameters, which may be a curve of the forger’s (CVE-2020-0601)', () => {
    refused(curve(sequence(integer(1))), 'certificate-unsupported-key', /explicit parameters/);
    refused(curve(nullValue()), 'certificate-unsupported-key', /explicit parameters/);
  });
});

test('other algorithms', () => {
  const key = (id: string, ...parameters: Bytes[]): Bytes =>
    sequence(sequence(oid(id), ...parameters), bitString(unhex('00')));
  refused(key('1.2.840.10040.4.1', sequence()), 'certificate-unsupported-key', /type DSA/);
  refused(key('1.3.101.110'), 'certificate-unsupported-key', /type X25519/);
  refused(key('1.2.3'), 'certificate-unsupported-key', /type 1\.2\.3/);
  assert.equal(readPublicKey(key('1.3.101.113')).type, 'ed448');
  assert.equal(readPublicKey(key('2.16.840.1.101.3.4.3.18')).type, 'ml-dsa-65');
  assert.throws(() => readPublicKey(key('1.3.101.112', nullValue())), DerError);
});
