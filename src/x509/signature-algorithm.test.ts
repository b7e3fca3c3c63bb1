import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explicit, integer, nullValue, oid, sequence } from '../../tests/support/der-writer.ts';
import { algorithmIdentifier, pssIdentifier } from '../../tests/support/keys.ts';
import type { Bytes } from '../core/bytes.ts';
import { TlsError, type Why } from '../core/failures.ts';
import { DerError } from './der.ts';
import { readSignatureAlgorithm, schemeFor } from './signature-algorithm.ts';

const RSA_SHA256 = '1.2.840.113549.1.1.11';

function refused(algorithm: Bytes, why: Why): void {
  assert.throws(
    () => readSignatureAlgorithm(algorithm),
    (error) => error instanceof TlsError && error.why === why,
  );
}

test('the scheme by which a key verifies', () => {
  const scheme = (algorithm: Bytes, key: Parameters<typeof schemeFor>[1]) =>
    schemeFor(readSignatureAlgorithm(algorithm), key);
  assert.equal(scheme(algorithmIdentifier('ecdsa-sha256'), 'p256'), 'ecdsa_secp256r1_sha256');
  assert.equal(scheme(algorithmIdentifier('ecdsa-sha256'), 'p384'), 'ecdsa_secp384r1_sha256');
  assert.equal(scheme(algorithmIdentifier('ecdsa-sha512'), 'p521'), 'ecdsa_secp521r1_sha512');
  assert.equal(scheme(algorithmIdentifier('rsa-sha384'), 'rsa'), 'rsa_pkcs1_sha384');
  assert.equal(scheme(algorithmIdentifier('rsa-pss-sha256'), 'rsa'), 'rsa_pss_rsae_sha256');
  assert.equal(scheme(algorithmIdentifier('rsa-pss-sha512'), 'rsa-pss'), 'rsa_pss_pss_sha512');
  assert.equal(scheme(algorithmIdentifier('ed25519'), 'ed25519'), 'ed25519');
  assert.equal(scheme(sequence(oid('2.16.840.1.101.3.4.3.17')), 'ml-dsa-44'), 'mldsa44');
});

test('a key of another kind cannot have made it', () => {
  const [ecdsa, pkcs1, ed] = (['ecdsa-sha256', 'rsa-sha256', 'ed25519'] as const).map((name) =>
    readSignatureAlgorithm(algorithmIdentifier(name)),
  ) as [
    ReturnType<typeof readSignatureAlgorithm>,
    ReturnType<typeof readSignatureAlgorithm>,
    ReturnType<typeof readSignatureAlgorithm>,
  ];
  assert.equal(schemeFor(ecdsa, 'rsa'), undefined);
  assert.equal(schemeFor(ecdsa, 'ed25519'), undefined);
  assert.equal(schemeFor(pkcs1, 'rsa-pss'), undefined); // RFC 4055 section 1.2: a key for PSS makes no other signature.
  assert.equal(schemeFor(pkcs1, 'p256'), undefined);
  assert.equal(schemeFor(ed, 'ed448'), undefined);
});

test('weak hashes', () => {
  for (const algorithm of ['rsa-md5', 'rsa-sha1', 'ecdsa-sha1'] as const)
    refused(algorithmIdentifier(algorithm), 'certificate-weak-signature');
  for (const id of ['1.2.840.113549.1.1.2', '1.3.14.3.2.29', '1.2.840.10040.4.3'])
    refused(sequence(oid(id)), 'certificate-weak-signature');
  refused(sequence(oid('1.2.840.113549.1.1.10'), sequence()), 'certificate-weak-signature');
});

test('unknown algorithms', () => refused(sequence(oid('1.2.3')), 'certificate-unsupported-signature'));

test('parameters', () => {
  assert.deepEqual(readSignatureAlgorithm(sequence(oid(RSA_SHA256))), { family: 'rsa-pkcs1', hash: 'sha256' });
  const wrong = [
    sequence(oid(RSA_SHA256), integer(1)),
    sequence(oid(RSA_SHA256), nullValue(), nullValue()),
    sequence(oid('1.2.840.10045.4.3.2'), nullValue()),
    sequence(oid('1.3.101.112'), nullValue()),
    sequence(oid('1.2.840.113549.1.1.10')),
  ];
  for (const algorithm of wrong) assert.throws(() => readSignatureAlgorithm(algorithm), DerError);
});

test('RSASSA-PSS: one hash for all, a salt of its length', () => {
  assert.deepEqual(readSignatureAlgorithm(pssIdentifier('sha384')), { family: 'rsa-pss', hash: 'sha384' });
  refused(pssIdentifier('sha256', 20), 'certificate-unsupported-signature');
  refused(pssIdentifier('sha256', 32, 'sha384'), 'certificate-unsupported-signature');
  refused(pssIdentifier('sha256', 32, 'sha1'), 'certificate-unsupported-signature');
  refused(pssIdentifier('sha1'), 'certificate-weak-signature');
  const trailer = sequence(oid('1.2.840.113549.1.1.10'), sequence(explicit(3, integer(1))));
  assert.throws(() => readSignatureAlgorithm(trailer), DerError);
});
