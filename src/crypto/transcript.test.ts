import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ascii, concat, unhex } from '../core/bytes.ts';
import { nodeCrypto as crypto } from '../crypto-node/provider.ts';
import { Transcript } from './transcript.ts';

const first = ascii('a ClientHello');
const second = ascii('a HelloRetryRequest');
const third = ascii('another ClientHello');

test('the hash can be read at any point, and goes on', () => {
  for (const algorithm of ['sha256', 'sha384'] as const) {
    const transcript = new Transcript(crypto, algorithm);
    assert.deepEqual(transcript.hash(), crypto.hash(algorithm, new Uint8Array(0)));
    transcript.add(first);
    assert.deepEqual(transcript.hash(), crypto.hash(algorithm, first));
    transcript.add(second);
    assert.deepEqual(transcript.hash(), crypto.hash(algorithm, concat(first, second)));
    assert.deepEqual(transcript.hash(), transcript.hash());
  }
});

test('a hash with one more message leaves the transcript as it was', () => {
  const transcript = new Transcript(crypto, 'sha256');
  transcript.add(first);
  assert.deepEqual(transcript.hashWith(second), crypto.hash('sha256', concat(first, second)));
  assert.deepEqual(transcript.hash(), crypto.hash('sha256', first));
});

test('after a HelloRetryRequest, message_hash stands for the first ClientHello', () => {
  for (const [algorithm, header] of [
    ['sha256', 'fe000020'],
    ['sha384', 'fe000030'],
  ] as const) {
    const transcript = Transcript.afterRetry(crypto, algorithm, first);
    transcript.add(second);
    transcript.add(third);
    const messages = concat(unhex(header), crypto.hash(algorithm, first), second, third);
    assert.deepEqual(transcript.hash(), crypto.hash(algorithm, messages));
  }
});
