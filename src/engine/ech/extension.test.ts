import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ascii, type Bytes, concat, EMPTY, unhex } from '../../core/bytes.ts';
import {
  decodeEchClientHello,
  decodeEchConfirmation,
  decodeOuterExtensions,
  ECH_INNER,
  encodeEchClientHello,
  encodeOuterExtensions,
  withoutPart,
} from './extension.ts';

const OUTER = {
  type: 'outer',
  suite: { kdf: 1, aead: 2 },
  configId: 9,
  encapsulated: ascii('share'),
  payload: ascii('sealed'),
} as const;

test('both forms of encrypted_client_hello are read as they were written, and no part of one', () => {
  for (const hello of [OUTER, { ...OUTER, encapsulated: EMPTY }, { type: 'inner' } as const]) {
    const body = encodeEchClientHello(hello);
    assert.deepEqual(decodeEchClientHello(body), hello);
    for (let length = 0; length < body.length; length++)
      assert.throws(() => decodeEchClientHello(body.subarray(0, length)), { why: 'decode-error' });
    assert.throws(() => decodeEchClientHello(concat(body, Uint8Array.of(0))), { why: 'decode-error' });
  }
  assert.deepEqual(encodeEchClientHello({ type: 'inner' }), ECH_INNER);
  assert.throws(() => decodeEchClientHello(encodeEchClientHello({ ...OUTER, payload: EMPTY })), {
    why: 'decode-error',
  });
});

test('a type that is none is an illegal_parameter', () => {
  assert.throws(() => decodeEchClientHello(Uint8Array.of(2)), { why: 'illegal-parameter' });
});

test('a confirmation has eight bytes', () => {
  assert.equal(decodeEchConfirmation(new Uint8Array(8)).length, 8);
  for (const length of [0, 7, 9])
    assert.throws(() => decodeEchConfirmation(new Uint8Array(length)), { why: 'decode-error' });
});

test('ech_outer_extensions has at least one type, and only whole ones', () => {
  assert.deepEqual(decodeOuterExtensions(encodeOuterExtensions([1, 0xfe0d])), [1, 0xfe0d]);
  for (const body of ['00', '0100', '03000100', '0200', '020001ff', ''])
    assert.throws(() => decodeOuterExtensions(unhex(body)), { why: 'decode-error' });
});

test('a part of a message is replaced by zeros in a copy, and must be a part of it', () => {
  const memory = ascii('--message--');
  const message = memory.subarray(2, 9);
  assert.deepEqual(withoutPart(message, message.subarray(2, 4)), ascii('me\0\0age'));
  assert.deepEqual(memory, ascii('--message--'));
  const foreign: readonly Bytes[] = [ascii('ss'), memory.subarray(1, 3), memory.subarray(8, 10)];
  for (const part of foreign) assert.throws(() => withoutPart(message, part), { why: 'internal-error' });
});
