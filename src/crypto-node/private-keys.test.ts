import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { type KeyKind, testKey } from '../../tests/support/keys.ts';
import { ascii, type Bytes, equal } from '../core/bytes.ts';
import type { SignatureScheme } from '../crypto/provider.ts';
import { SIGNATURE_SCHEMES } from '../crypto/signature-schemes.ts';
import { generateEcdh } from './ecdh.ts';
import { EchPrivateKey, type KeyProblem, loadEchKey, loadSigningKey, SigningKey } from './private-keys.ts';
import { nodeCrypto } from './provider.ts';

const MESSAGE = ascii('a message');

function loaded(result: SigningKey | KeyProblem): SigningKey {
  assert.ok(result instanceof SigningKey, String(result));
  return result;
}

for (const kind of ['rsa-2048', 'p256', 'p384', 'p521', 'ed25519'] as const satisfies readonly KeyKind[])
  test(`${kind}: each of its schemes verifies with its public half, and no other scheme does`, () => {
    const { privatePem, spki } = testKey(kind);
    const key = loaded(loadSigningKey(ascii(privatePem)));
    assert.equal(key.type, kind === 'rsa-2048' ? 'rsa' : kind);
    assert.deepEqual(key.spki, spki);
    const schemes = nodeCrypto.signatureSchemes.filter((scheme) => SIGNATURE_SCHEMES[scheme].key === key.type);
    assert.ok(schemes.length > 0);
    for (const scheme of schemes) {
      const signature = key.sign(scheme, MESSAGE);
      const verifies = (other: SignatureScheme) => nodeCrypto.verify(other, key.spki, MESSAGE, signature);
      assert.deepEqual(schemes.filter(verifies), [scheme]);
    }
  });

test('PKCS#8, SEC 1 and PKCS#1, in PEM and in DER, are the same key, and the file is overwritten', () => {
  const forms = [
    ['p256', ['pkcs8', 'sec1']],
    ['rsa-2048', ['pkcs8', 'pkcs1']],
  ] as const;
  for (const [kind, types] of forms) {
    const { privateKey, spki } = testKey(kind);
    for (const type of types) {
      const files: readonly Bytes[] = [
        ascii(String(privateKey.export({ format: 'pem', type }))),
        new Uint8Array(privateKey.export({ format: 'der', type })),
      ];
      for (const file of files) {
        assert.deepEqual(loaded(loadSigningKey(file)).spki, spki, `${kind} ${type}`);
        assert.ok(file.every((byte) => byte === 0));
      }
    }
  }
});

test('what is weak, encrypted, damaged, of another kind or no key at all is told apart', () => {
  const { privatePem } = testKey('p256');
  const encrypted = createPrivateKey(privatePem).export({
    format: 'pem',
    type: 'pkcs8',
    cipher: 'aes-256-cbc',
    passphrase: 'secret',
  });
  const { privateKey: x25519 } = generateKeyPairSync('x25519');
  const problems: readonly (readonly [Bytes, KeyProblem])[] = [
    [ascii(testKey('rsa-2047').privatePem), 'weak'],
    [ascii(testKey('rsa-1024').privatePem), 'weak'],
    [ascii(testKey('p224').privatePem), 'unsupported'],
    [new Uint8Array(x25519.export({ format: 'der', type: 'pkcs8' })), 'unsupported'],
    [ascii(String(encrypted)), 'encrypted'],
    [ascii(privatePem.replace(/M/g, 'N')), 'unreadable'],
    [Uint8Array.of(0x30, 3, 1, 2, 3), 'unreadable'],
    [ascii('hello'), 'no-key'],
    [new Uint8Array(0), 'no-key'],
  ];
  for (const [file, problem] of problems) assert.equal(loadSigningKey(file), problem);
});

for (const group of ['x25519', 'secp256r1'] as const)
  test(`a key of ${group} for Encrypted Client Hello agrees with whoever has its public half`, () => {
    const { publicShare, privateKey } = generateEcdh(group);
    const key = loadEchKey(new Uint8Array(privateKey.export({ format: 'der', type: 'pkcs8' })));
    assert.ok(key instanceof EchPrivateKey);
    assert.equal(key.group, group);
    assert.deepEqual(key.publicKey, publicShare);
    const sender = nodeCrypto.generateKeyShare(group);
    assert.ok(equal(key.agree(sender.publicShare), sender.agree(publicShare) as Bytes));
  });

test('a key that signs with RSA is none for Encrypted Client Hello', () => {
  assert.equal(loadEchKey(ascii(testKey('rsa-2048').privatePem)), 'unsupported');
});
