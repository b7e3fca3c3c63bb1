import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { hex, unhex } from '../../src/core/bytes.ts';
import { decapsulate } from '../../src/crypto-node/ml-kem.ts';
import { nodeCrypto as crypto } from '../../src/crypto-node/provider.ts';
import type { MlKemVectors } from './record-ml-kem.ts';

const { seed, encapsulationKeySha256, encapsulations }: MlKemVectors = JSON.parse(
  readFileSync(new URL('ml-kem-768.json', import.meta.url), 'utf8'),
);
const privateKey = createPrivateKey({ key: unhex(seed), format: 'raw-seed', asymmetricKeyType: 'ml-kem-768' });

test('the same seed gives the same key under both runtimes', () => {
  const encapsulationKey = createPublicKey(privateKey).export({ format: 'raw-public' });
  assert.equal(hex(crypto.hash('sha256', encapsulationKey)), encapsulationKeySha256);
});

test('both runtimes have recorded', () => {
  assert.deepEqual(encapsulations.map(({ runtime }) => runtime).sort(), ['bun', 'node']);
});

for (const { runtime, ciphertext, secret } of encapsulations) {
  test(`what ${runtime} encapsulated decapsulates here`, async () => {
    assert.equal(hex(await decapsulate(privateKey, unhex(ciphertext))), secret);
  });

  test(`what ${runtime} encapsulated and somebody changed gives another secret, always the same (implicit rejection)`, async () => {
    for (const at of [0, 543, 1087]) {
      const bytes = unhex(ciphertext);
      bytes[at] = (bytes[at] as number) ^ 1;
      const rejected = hex(await decapsulate(privateKey, bytes));
      assert.notEqual(rejected, secret);
      assert.equal(hex(await decapsulate(privateKey, bytes)), rejected);
    }
  });
}
