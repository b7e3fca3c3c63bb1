import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ascii, type Bytes, concat } from '../../core/bytes.ts';
import { nodeCrypto } from '../../crypto-node/provider.ts';
import { Outgoing } from './outgoing.ts';
import { Opener13, PlainSealer, Sealer13 } from './protection.ts';

function records(bytes: Bytes): Bytes[] {
  const found: Bytes[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const length = 5 + (((bytes[offset + 3] as number) << 8) | (bytes[offset + 4] as number));
    found.push(bytes.subarray(offset, offset + length));
    offset += length;
  }
  return found;
}

const aead = nodeCrypto.aead('aes-128-gcm', new Uint8Array(16));
const iv = new Uint8Array(12);

test('handshake messages in succession share records, and a flight is one piece', () => {
  const outgoing = new Outgoing(2 ** 14);
  outgoing.handshake(ascii('one'));
  outgoing.handshake(ascii('two'));
  assert.deepEqual(outgoing.flush(), concat(Uint8Array.of(22, 3, 1, 0, 6), ascii('onetwo')));
  assert.equal(outgoing.flush().length, 0);
});

test('what was said before a key change goes out under the old key', () => {
  const outgoing = new Outgoing(2 ** 14);
  outgoing.handshake(ascii('plain'));
  outgoing.useSealer(new Sealer13(aead, iv));
  outgoing.handshake(ascii('secret'));
  const [first, second] = records(outgoing.flush());
  assert.deepEqual(first?.subarray(5), ascii('plain'));
  const opened = new Opener13(aead, iv).open(second?.subarray(0, 5) as Bytes, second?.subarray(5) as Bytes);
  assert.deepEqual(opened.content, ascii('secret'));
});

test('content is cut into as few records as the limit allows', () => {
  for (const [length, limit, expected] of [
    [0, 100, []],
    [1, 100, [1]],
    [100, 100, [100]],
    [101, 100, [100, 1]],
    [2 ** 15, 2 ** 14, [2 ** 14, 2 ** 14]],
    [2 ** 14 + 1, 2 ** 20, [2 ** 14, 1]],
  ] as const) {
    const outgoing = new Outgoing(limit);
    outgoing.useSealer(new Sealer13(aead, iv));
    const content = Uint8Array.from({ length }, (_, index) => index);
    outgoing.applicationData(content);
    const opener = new Opener13(aead, iv);
    const opened = records(outgoing.flush()).map((one) => opener.open(one.subarray(0, 5), one.subarray(5)).content);
    assert.deepEqual(
      opened.map((one) => one.length),
      expected,
    );
    assert.deepEqual(concat(...opened), content);
  }
});

test('a limit of the peer counts from when it is known', () => {
  const outgoing = new Outgoing(100);
  outgoing.limitFragment(63);
  outgoing.limitFragment(80);
  assert.equal(outgoing.fragmentBytes, 63);
});

test('change_cipher_spec goes out before something else, once, and never for itself', () => {
  const outgoing = new Outgoing(100);
  outgoing.useSealer(new PlainSealer(0x0303));
  outgoing.oweChangeCipherSpec();
  assert.equal(outgoing.flush().length, 0);
  outgoing.alert(2, 40);
  outgoing.alert(1, 0);
  assert.deepEqual(outgoing.flush(), Uint8Array.of(20, 3, 3, 0, 1, 1, 21, 3, 3, 0, 2, 2, 40, 21, 3, 3, 0, 2, 1, 0));
});

test('an alert is in one record, however small the fragments are to be', () => {
  const outgoing = new Outgoing(1);
  outgoing.alert(2, 40);
  assert.deepEqual(outgoing.flush(), Uint8Array.of(21, 3, 1, 0, 2, 2, 40));
});

test('what is put out is in memory of its own', () => {
  const outgoing = new Outgoing(100);
  outgoing.oweChangeCipherSpec();
  outgoing.alert(2, 40);
  const first = outgoing.flush();
  first.fill(0xff);
  outgoing.oweChangeCipherSpec();
  outgoing.alert(2, 40);
  assert.equal(outgoing.flush()[0], 20);
});
