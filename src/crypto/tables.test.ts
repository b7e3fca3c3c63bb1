import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TLS12_SUITES, TLS13_SUITES, tls12SuiteByCodePoint, tls13SuiteByCodePoint } from './cipher-suites.ts';
import { groupByCodePoint, NAMED_GROUPS } from './named-groups.ts';
import {
  knownSignatureSchemes,
  SIGNATURE_SCHEMES,
  signatureCodePoints,
  signatureSchemeByCodePoint,
} from './signature-schemes.ts';

const TABLES: Readonly<
  Record<string, readonly [Readonly<Record<string, { codePoint: number }>>, (codePoint: number) => string | undefined]>
> = {
  'TLS 1.3 suites': [TLS13_SUITES, tls13SuiteByCodePoint],
  'TLS 1.2 suites': [TLS12_SUITES, tls12SuiteByCodePoint],
  'groups': [NAMED_GROUPS, groupByCodePoint],
  'signature schemes': [SIGNATURE_SCHEMES, signatureSchemeByCodePoint],
};

for (const [name, [table, byCodePoint]] of Object.entries(TABLES))
  test(`${name}: each of the 65,536 code points means one entry or none`, () => {
    const found = new Set<string>();
    for (let codePoint = 0; codePoint < 0x10000; codePoint++) {
      const entry = byCodePoint(codePoint);
      if (entry === undefined) continue;
      assert.equal(table[entry]?.codePoint, codePoint);
      found.add(entry);
    }
    assert.deepEqual([...found].sort(), Object.keys(table).sort());
  });

test('a list of signature schemes keeps its order, and loses what nobody knows', () => {
  const codePoints = signatureCodePoints(['rsa_pkcs1_sha256', 'ed25519', 'ecdsa_secp256r1_sha256']);
  assert.deepEqual(codePoints, [0x0401, 0x0807, 0x0403]);
  assert.deepEqual(knownSignatureSchemes([0x0a0a, ...codePoints, 0x0201]), [
    'rsa_pkcs1_sha256',
    'ed25519',
    'ecdsa_secp256r1_sha256',
  ]);
});

test('PKCS#1 v1.5 never signs a TLS 1.3 handshake', () => {
  for (const [scheme, { inTls13Handshake }] of Object.entries(SIGNATURE_SCHEMES))
    assert.equal(inTls13Handshake, !scheme.startsWith('rsa_pkcs1_'));
});
