import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Bytes, unhex } from '../../src/core/bytes.ts';
import { SIGNATURE_SCHEMES } from '../../src/crypto/signature-schemes.ts';
import { nodeCrypto as crypto } from '../../src/crypto-node/provider.ts';
import type { SignatureVector } from './record-signatures.ts';

const VECTORS: readonly SignatureVector[] = JSON.parse(
  readFileSync(new URL('signatures.json', import.meta.url), 'utf8'),
);

test('there is a vector for each scheme, and each scheme can be verified', () => {
  const schemes = Object.keys(SIGNATURE_SCHEMES).sort();
  assert.deepEqual([...new Set(VECTORS.map(({ scheme }) => scheme))].sort(), schemes);
  assert.deepEqual([...crypto.signatureSchemes].sort(), schemes);
});

for (const vector of VECTORS) {
  const { scheme, key } = vector;
  const spki = unhex(vector.spki);
  const message = unhex(vector.message);
  const signature = unhex(vector.signature);

  test(`${scheme} by ${key}: verifies under this scheme and no other`, () => {
    const accepting = crypto.signatureSchemes.filter((other) => crypto.verify(other, spki, message, signature));
    assert.deepEqual(accepting, [scheme]);
  });

  test(`${scheme} by ${key}: no change in signature or message is accepted, none throws`, () => {
    for (const changed of changedCopies(signature)) assert.equal(crypto.verify(scheme, spki, message, changed), false);
    for (const changed of changedCopies(message)) assert.equal(crypto.verify(scheme, spki, changed, signature), false);
  });

  test(`${scheme} by ${key}: the key of no other vector accepts it`, () => {
    for (const other of VECTORS)
      if (other.spki !== vector.spki)
        assert.equal(crypto.verify(scheme, unhex(other.spki), message, signature), false, other.key);
  });

  test(`${scheme} by ${key}: a key that is cut, padded or changed where its type stands is refused`, () => {
    for (let length = 0; length < spki.length; length += length < 40 ? 1 : 37)
      assert.equal(crypto.verify(scheme, spki.subarray(0, length), message, signature), false);
    assert.equal(crypto.verify(scheme, Uint8Array.of(...spki, 0), message, signature), false);
    for (const changed of changedCopies(spki).slice(0, 24))
      assert.equal(crypto.verify(scheme, changed, message, signature), false);
  });
}

/** With one byte changed: each of the first and last 24, and some between; and with a byte less or more at either end. */
function changedCopies(original: Bytes): Bytes[] {
  const copies: Bytes[] = [];
  for (let at = 0; at < original.length; at += at < 24 || at >= original.length - 24 ? 1 : 61) {
    const changed = original.slice();
    changed[at] = (changed[at] as number) ^ 0x10;
    copies.push(changed);
  }
  return [
    ...copies,
    original.subarray(1),
    original.subarray(0, -1),
    Uint8Array.of(0, ...original),
    Uint8Array.of(...original, 0),
    new Uint8Array(0),
  ];
}
