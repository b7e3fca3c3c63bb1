import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Bytes, hex, unhex } from '../../src/core/bytes.ts';
import {
  HPKE_AEADS,
  HPKE_HKDF_SHA256,
  HPKE_KEMS,
  HpkeContext,
  hpkeAeadByCodePoint,
  hpkeGroupByCodePoint,
} from '../../src/crypto/hpke.ts';
import { agreeEcdh } from '../../src/crypto-node/ecdh.ts';
import { nodeCrypto as crypto } from '../../src/crypto-node/provider.ts';
import { hpkePrivateKey } from '../support/hpke-keys.ts';

interface Vector {
  readonly kem: number;
  readonly kdf: number;
  readonly aead: number;
  readonly info: string;
  readonly recipientPrivateKey: string;
  readonly recipientPublicKey: string;
  readonly encapsulated: string;
  readonly encryptions: readonly {
    readonly sequence: number;
    readonly associatedData: string;
    readonly plaintext: string;
    readonly ciphertext: string;
  }[];
}

/** RFC 9180 appendix A and its published file of vectors, base mode. */
const VECTORS: readonly Vector[] = JSON.parse(readFileSync(new URL('rfc9180.json', import.meta.url), 'utf8'));

function contextOf(vector: Vector, sequence: number): HpkeContext {
  const group = hpkeGroupByCodePoint(vector.kem);
  const aead = hpkeAeadByCodePoint(vector.aead);
  assert.ok(group !== undefined && aead !== undefined);
  const [encapsulated, recipientPublicKey, info] = [vector.encapsulated, vector.recipientPublicKey, vector.info].map(
    unhex,
  ) as [Bytes, Bytes, Bytes];
  const agreed = agreeEcdh(group, hpkePrivateKey(group, unhex(vector.recipientPrivateKey)), encapsulated);
  return new HpkeContext(crypto, { group, aead, agreed, encapsulated, recipientPublicKey, info }, sequence);
}

test('there are vectors for each KEM with each AEAD', () => {
  const pairs = VECTORS.map(({ kem, aead }) => `${kem}-${aead}`);
  const all = Object.values(HPKE_KEMS).flatMap(({ codePoint }) =>
    Object.values(HPKE_AEADS).map((aead) => `${codePoint}-${aead}`),
  );
  assert.deepEqual(pairs.sort(), all.sort());
  assert.ok(VECTORS.every(({ kdf, encryptions }) => kdf === HPKE_HKDF_SHA256 && encryptions.length === 6));
});

for (const vector of VECTORS)
  for (const { sequence, associatedData, plaintext, ciphertext } of vector.encryptions) {
    const name = `KEM ${vector.kem}, AEAD ${vector.aead}, message ${sequence}`;
    test(`${name}: is sealed as in RFC 9180`, () => {
      assert.equal(hex(contextOf(vector, sequence).seal(unhex(associatedData), unhex(plaintext))), ciphertext);
    });
    test(`${name}: opens, and not with a changed bit or out of turn`, () => {
      const opened = contextOf(vector, sequence).open(unhex(associatedData), unhex(ciphertext));
      assert.equal(opened === null ? null : hex(opened), plaintext);
      const changed = unhex(ciphertext);
      changed[3] = (changed[3] as number) ^ 1;
      assert.equal(contextOf(vector, sequence).open(unhex(associatedData), changed), null);
      assert.equal(contextOf(vector, sequence + 1).open(unhex(associatedData), unhex(ciphertext)), null);
      assert.equal(contextOf(vector, sequence).open(unhex(`00${associatedData}`), unhex(ciphertext)), null);
    });
  }

test('a context counts its messages', () => {
  const [vector] = VECTORS as [Vector];
  const context = contextOf(vector, 0);
  for (const { associatedData, plaintext, ciphertext } of vector.encryptions.slice(0, 3))
    assert.equal(hex(context.seal(unhex(associatedData), unhex(plaintext))), ciphertext);
});
