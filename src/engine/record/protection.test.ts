import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ascii, type Bytes, concat, EMPTY, hex } from '../../core/bytes.ts';
import type { Aead } from '../../crypto/provider.ts';
import { nodeCrypto } from '../../crypto-node/provider.ts';
import { CONTENT_TYPE } from '../codec/registry.ts';
import { type ContentType, Opener13, PlainSealer, Sealer13 } from './protection.ts';

const key = new Uint8Array(16).fill(1);
const iv = Uint8Array.from({ length: 12 }, (_, index) => index);

function pair(first = 0): { sealer: Sealer13; opener: Opener13 } {
  const aead = nodeCrypto.aead('aes-128-gcm', key);
  return { sealer: new Sealer13(aead, iv, first), opener: new Opener13(aead, iv, first) };
}

function seal(sealer: Sealer13, type: ContentType, content: Bytes): { header: Bytes; body: Bytes } {
  const record = new Uint8Array(sealer.recordBytes(content.length));
  assert.equal(sealer.seal(type, content, record, 0), record.length);
  return { header: record.subarray(0, 5), body: record.subarray(5) };
}

test('records open in their order and in no other', () => {
  const { sealer, opener } = pair();
  const first = seal(sealer, CONTENT_TYPE.handshake, ascii('one'));
  const second = seal(sealer, CONTENT_TYPE.application_data, ascii('two'));
  assert.deepEqual(opener.open(first.header, first.body), { type: 22, content: ascii('one'), innerBytes: 4 });
  assert.deepEqual(opener.open(second.header, second.body), { type: 23, content: ascii('two'), innerBytes: 4 });
  assert.throws(() => opener.open(first.header, first.body), { why: 'bad-record-mac' });
  assert.equal(sealer.records, 2);
});

test('every flipped bit, of the header too, is noticed', () => {
  const { header, body } = seal(pair().sealer, CONTENT_TYPE.application_data, ascii('content'));
  const record = concat(header, body);
  for (let bit = 0; bit < 8 * record.length; bit++) {
    const changed = record.slice();
    changed[bit >>> 3] = (changed[bit >>> 3] as number) ^ (1 << (bit & 7));
    const { opener } = pair();
    assert.throws(() => opener.open(changed.subarray(0, 5), changed.subarray(5)), { why: 'bad-record-mac' });
  }
});

test('a body shorter than its tag is not authentic', () => {
  const { opener } = pair();
  assert.throws(() => opener.open(Uint8Array.of(23, 3, 3, 0, 15), new Uint8Array(15)), { why: 'bad-record-mac' });
});

test('padding is removed; a record of nothing else is refused', () => {
  const { sealer, opener } = pair();
  // A sealer that writes a zero as its type makes what stands before it TLSInnerPlaintext.
  const padded = seal(sealer, 0 as ContentType, concat(ascii('x'), Uint8Array.of(23), new Uint8Array(9)));
  assert.deepEqual(opener.open(padded.header, padded.body), { type: 23, content: ascii('x'), innerBytes: 12 });
  const empty = seal(sealer, 0 as ContentType, new Uint8Array(9));
  assert.throws(() => opener.open(empty.header, empty.body), { why: 'record-without-type' });
});

test('the nonce is the vector XORed with the sequence number in 64 bits', () => {
  const nonces: string[] = [];
  const aead: Aead = {
    tagBytes: 16,
    seal: (nonce) => nonces.push(hex(nonce)),
    open: () => null,
  };
  for (const first of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 2]) {
    const sealer = new Sealer13(aead, iv, first);
    sealer.seal(CONTENT_TYPE.application_data, EMPTY, new Uint8Array(64), 0);
  }
  assert.deepEqual(nonces, [
    '000102030405060708090a0b',
    '000102030405060708090a0a',
    '0001020304050607f7f6f5f4',
    '000102030405060608090a0b',
    '00010203041af9f8f7f6f5f5',
  ]);
});

test('sequence numbers end before they repeat', () => {
  const { sealer, opener } = pair(Number.MAX_SAFE_INTEGER - 1);
  const last = seal(sealer, CONTENT_TYPE.application_data, ascii('last'));
  assert.throws(() => seal(sealer, CONTENT_TYPE.application_data, EMPTY), { why: 'record-sequence-exhausted' });
  opener.open(last.header, last.body);
  assert.throws(() => opener.open(last.header, last.body), { why: 'record-sequence-exhausted' });
});

test('records without protection carry the version they are told to', () => {
  const sealer = new PlainSealer(0x0301);
  const record = new Uint8Array(sealer.recordBytes(2));
  sealer.seal(CONTENT_TYPE.alert, Uint8Array.of(2, 40), record, 0);
  assert.deepEqual(record, Uint8Array.of(21, 3, 1, 0, 2, 2, 40));
});
