import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ascii, type Bytes, EMPTY, hex, unhex } from '../core/bytes.ts';
import type { HashAlgorithm } from '../crypto/provider.ts';
import { nodeCrypto as crypto } from './provider.ts';

const ALGORITHMS = ['sha256', 'sha384', 'sha512'] as const;

/** FIPS 180-4: the digests of "abc". RFC 4231 test case 2: HMAC of "what do ya want for nothing?" under "Jefe". */
const VECTORS: Readonly<Record<HashAlgorithm, { readonly abc: string; readonly jefe: string }>> = {
  sha256: {
    abc: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    jefe: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  },
  sha384: {
    abc: 'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
    jefe: 'af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649',
  },
  sha512: {
    abc:
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a' +
      '2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    jefe:
      '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554' +
      '9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
  },
};

test('SHA-1, for identifiers', () => {
  assert.equal(hex(crypto.sha1(ascii('abc'))), 'a9993e364706816aba3e25717850c26c9cd0d89d');
});

for (const algorithm of ALGORITHMS) {
  test(`${algorithm} and its HMAC, by the standards' vectors`, () => {
    assert.equal(hex(crypto.hash(algorithm, ascii('abc'))), VECTORS[algorithm].abc);
    const tag = crypto.hmac(algorithm, ascii('Jefe'), ascii('what do ya want for nothing?'));
    assert.equal(hex(tag), VECTORS[algorithm].jefe);
  });

  test(`${algorithm}: however a message is cut, and wherever the hash is read or copied, it is the same`, () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 });
    fc.assert(
      fc.property(pieces, pieces, (before, after) => {
        const running = crypto.startHash(algorithm);
        for (const piece of before) {
          running.update(piece);
          running.current();
        }
        const copy = running.copy();
        for (const piece of after) copy.update(piece);
        assert.deepEqual(running.current(), crypto.hash(algorithm, joined(before)));
        assert.deepEqual(copy.current(), crypto.hash(algorithm, joined([...before, ...after])));
      }),
      { numRuns: 50 },
    );
  });
}

test('an empty HMAC key is as good as one of zeros', () => {
  const message = unhex('0102');
  assert.deepEqual(crypto.hmac('sha256', EMPTY, message), crypto.hmac('sha256', new Uint8Array(32), message));
});

test('random bytes have the length asked for, and differ', () => {
  for (const length of [0, 1, 32, 5000]) assert.equal(crypto.randomBytes(length).length, length);
  const seen = new Set(Array.from({ length: 1000 }, () => hex(crypto.randomBytes(16))));
  assert.equal(seen.size, 1000);
});

test('every result is a plain array in memory of its own', () => {
  const running = crypto.startHash('sha256');
  for (const result of [
    crypto.randomBytes(7),
    crypto.hash('sha256', EMPTY),
    crypto.hmac('sha384', EMPTY, EMPTY),
    running.current(),
    crypto.generateKeyShare('x25519').publicShare,
    crypto.generateKeyShare('secp256r1').publicShare,
    crypto.generateKeyShare('X25519MLKEM768').publicShare,
  ]) {
    assert.equal(Object.getPrototypeOf(result), Uint8Array.prototype);
    assert.equal(result.buffer.byteLength, result.length);
  }
});

function joined(pieces: readonly Bytes[]): Bytes {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}
