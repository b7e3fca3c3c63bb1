import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Bytes, concat, hex } from '../../core/bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import { ByteWriter } from '../../core/writer.ts';
import type { SignedContent } from '../../crypto/signed-content.ts';
import { BadMessage } from './bad-message.ts';
import { decodeReply, encodeReply, type Reply } from './replies.ts';
import { decodeRequest, encodeRequest, type Request } from './requests.ts';

const bytes = (length: number, value = 7): Bytes => new Uint8Array(length).fill(value);

const CONTENTS: readonly SignedContent[] = [
  { version: 'TLSv1.3', role: 'server', transcriptHash: bytes(32) },
  { version: 'TLSv1.3', role: 'client', transcriptHash: bytes(48) },
  {
    version: 'TLSv1.2',
    role: 'server',
    clientRandom: bytes(32, 1),
    serverRandom: bytes(32, 2),
    parameters: bytes(36),
  },
  { version: 'TLSv1.2', role: 'client', handshakeMessages: bytes(70_000) },
];
const sign = (content: SignedContent, handshake = 1): Request => ({
  request: 'sign',
  number: 0xffffffff,
  handshake,
  key: 'site',
  scheme: 'ecdsa_secp256r1_sha256',
  content,
});
const REQUESTS: readonly Request[] = [
  ...CONTENTS.map((content) => sign(content)),
  sign(CONTENTS[0] as SignedContent, Number.MAX_SAFE_INTEGER),
  { request: 'seal-ticket', number: 1, purpose: 'ticket', plaintext: bytes(200) },
  { request: 'open-ticket', number: 2, purpose: 'cookie', ticket: bytes(0) },
  {
    request: 'open-ech',
    number: 3,
    key: 'ech',
    aead: 'aes-128-gcm',
    encapsulated: bytes(32),
    sequence: 1,
    associatedData: bytes(65_000),
    payload: bytes(65_000),
  },
];
const REPLIES: readonly Reply[] = [
  { reply: 'signed', number: 0xffffffff, signature: bytes(70) },
  { reply: 'sealed', number: 1, ticket: bytes(300) },
  { reply: 'opened', number: 2, plaintext: null },
  { reply: 'opened', number: 2, plaintext: bytes(0) },
  { reply: 'ech-opened', number: 3, encodedInner: bytes(65_535) },
  { reply: 'refused', number: 4, why: 'too-many' },
];

test('every request and reply is read as it was written', () => {
  for (const request of REQUESTS) assert.deepEqual(decodeRequest(encodeRequest(request)), request);
  for (const reply of REPLIES) assert.deepEqual(decodeReply(encodeReply(reply)), reply);
});

test('a message that is cut anywhere, or longer, is none', () => {
  const cases: readonly (readonly [Bytes, (message: Bytes) => unknown])[] = [
    ...REQUESTS.map((request) => [encodeRequest(request), decodeRequest] as const),
    ...REPLIES.map((reply) => [encodeReply(reply), decodeReply] as const),
  ];
  for (const [message, decode] of cases) {
    const step = Math.max(1, Math.floor(message.length / 200));
    for (let length = 0; length < message.length; length += step)
      assert.throws(() => decode(message.subarray(0, length)), BadMessage);
    assert.throws(() => decode(concat(message, bytes(1))), BadMessage);
  }
});

test('what no field can say is refused', () => {
  const [request] = REQUESTS as [Request, ...Request[]];
  const message = encodeRequest(request);
  const changed = (offset: number, value: number) => {
    const copy = message.slice();
    copy[offset] = value;
    return copy;
  };
  const wrong: Readonly<Record<string, Bytes>> = {
    'a kind that there is not': changed(0, 5),
    'a handshake of 2^53': changed(6, 0x20),
    'a space in the name of a key': changed(14, 0x20),
    'a scheme that there is not': changed(18, 0x7f),
    'a content that there is not': changed(20, 5),
    'a hash of 20 bytes': concat(message.subarray(0, 21), Uint8Array.of(20), bytes(20)),
    'a hash of 64 bytes': concat(message.subarray(0, 21), Uint8Array.of(64), bytes(64)),
    'a key without a name': concat(message.subarray(0, 13), Uint8Array.of(0), message.subarray(18)),
    'a purpose that there is not': Uint8Array.of(2, 0, 0, 0, 1, 3, 0, 0),
  };
  for (const [what, bytes] of Object.entries(wrong))
    assert.throws(() => decodeRequest(bytes), BadMessage, `${what}: ${hex(bytes)}`);
});

test('a message is at most so long, and is not written longer', () => {
  const request = (length: number): Request =>
    sign({ version: 'TLSv1.2', role: 'client', handshakeMessages: bytes(length) });
  const overhead = encodeRequest(request(0)).length;
  const longest = request(LIMITS.keyMessageBytes - overhead);
  assert.equal(encodeRequest(longest).length, LIMITS.keyMessageBytes);
  assert.deepEqual(decodeRequest(encodeRequest(longest)), longest);
  assert.throws(() => encodeRequest(request(LIMITS.keyMessageBytes - overhead + 1)), RangeError);
  const writer = new ByteWriter().bytes(encodeRequest(request(0)).subarray(0, overhead - 3));
  const larger = writer.vector24(bytes(LIMITS.keyMessageBytes - overhead + 1)).finish();
  assert.throws(() => decodeRequest(larger), BadMessage);
});
