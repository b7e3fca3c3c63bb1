import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { test } from 'node:test';
import { testKey } from '../../tests/support/keys.ts';
import { publicHalf } from './public-half.ts';

const KINDS = ['p256', 'p384', 'p521', 'ed25519', 'rsa-2048'] as const;
const file = (text: string) => new Uint8Array(Buffer.from(text));

for (const kind of KINDS)
  test(`${kind}: the public half of PKCS#8, in PEM and DER`, () => {
    const { privatePem, spki } = testKey(kind, 0);
    assert.deepEqual(publicHalf(file(privatePem)), spki);
    const der = createPrivateKey(privatePem).export({ format: 'der', type: 'pkcs8' });
    assert.deepEqual(publicHalf(new Uint8Array(der)), spki);
  });

test('the older forms, and a key behind other blocks', () => {
  const [ec, rsa] = [testKey('p256', 0), testKey('rsa-2048', 0)];
  const sec1 = createPrivateKey(ec.privatePem).export({ format: 'pem', type: 'sec1' }).toString();
  const pkcs1 = createPrivateKey(rsa.privatePem).export({ format: 'pem', type: 'pkcs1' }).toString();
  const before = '# a comment\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  assert.deepEqual(publicHalf(file(before + sec1)), ec.spki);
  assert.deepEqual(publicHalf(file(pkcs1)), rsa.spki);
});

test('the file is overwritten, whatever was in it', () => {
  for (const text of [testKey('p256', 0).privatePem, 'no key']) {
    const bytes = file(text);
    publicHalf(bytes);
    assert.ok(bytes.every((byte) => byte === 0));
  }
});

test('what has no public half says why', () => {
  const encrypted = createPrivateKey(testKey('p256', 0).privatePem)
    .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-128-cbc', passphrase: 'x' })
    .toString();
  assert.equal(publicHalf(file(encrypted)), 'encrypted');
  assert.equal(publicHalf(file('nothing')), 'no-key');
  assert.equal(publicHalf(file('-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n')), 'unreadable');
  assert.equal(publicHalf(Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x00)), 'unreadable');
});
