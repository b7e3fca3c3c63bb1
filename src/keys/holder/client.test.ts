import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type KeyKind, testKey } from '../../../tests/support/keys.ts';
import { ascii, type Bytes, concat } from '../../core/bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import type { SignatureScheme } from '../../crypto/provider.ts';
import { type SignedContent, signedBytes } from '../../crypto/signed-content.ts';
import { loadSigningKey, SigningKey } from '../../crypto-node/private-keys.ts';
import { nodeCrypto } from '../../crypto-node/provider.ts';
import { BadMessage } from '../wire/bad-message.ts';
import { decodeReply, type Reply } from '../wire/replies.ts';
import { encodeRequest, type Request } from '../wire/requests.ts';
import { type Grant, HolderClient, type Signer } from './client.ts';
import { TicketKeys } from './ticket-keys.ts';

function signer(kind: KeyKind): SigningKey {
  const key = loadSigningKey(ascii(testKey(kind).privatePem));
  assert.ok(key instanceof SigningKey);
  return key;
}

const P256 = signer('p256');
const RSA = signer('rsa-2048');
const GRANT: Grant = {
  keys: new Map([
    ['site', { role: 'server', signer: P256 }],
    ['rsa', { role: 'server', signer: RSA }],
    ['me', { role: 'client', signer: P256 }],
  ]),
  echKeys: new Map(),
  tickets: new TicketKeys(nodeCrypto, { rotationSeconds: 3600, oneUse: false }, 0),
  signatures: null,
  requestsPerSecond: 1000,
};
const client = (changes: Partial<Grant> = {}) => new HolderClient({ ...GRANT, ...changes }, nodeCrypto, 0);

const RANDOM = new Uint8Array(32).fill(5);
const X25519_PARAMETERS = concat(Uint8Array.of(3, 0, 29, 32), RANDOM);
const SERVER13: SignedContent = { version: 'TLSv1.3', role: 'server', transcriptHash: RANDOM };
const CLIENT13: SignedContent = { version: 'TLSv1.3', role: 'client', transcriptHash: RANDOM };
const SERVER12 = {
  version: 'TLSv1.2',
  role: 'server',
  clientRandom: RANDOM,
  serverRandom: RANDOM,
  parameters: X25519_PARAMETERS,
} as const satisfies SignedContent;
const messages = (...types: number[]) => concat(...types.map((type) => Uint8Array.of(type, 0, 0, 2, 9, 9)));
const client12 = (handshakeMessages: Bytes): SignedContent => ({
  version: 'TLSv1.2',
  role: 'client',
  handshakeMessages,
});
const CLIENT12 = client12(messages(1, 2, 11, 12, 13, 14, 11, 16));

function signRequest(changes: Partial<Extract<Request, { request: 'sign' }>> = {}): Request {
  const usual = { number: 7, handshake: 1, key: 'site', scheme: 'ecdsa_secp256r1_sha256', content: SERVER13 } as const;
  return { request: 'sign', ...usual, ...changes };
}

function ask(holder: HolderClient, request: Request, nowMs = 0): Reply {
  const reply = holder.answer(encodeRequest(request), nowMs);
  assert.ok(!(reply instanceof Promise));
  return decodeReply(reply);
}

function assertSigned(reply: Reply, content: SignedContent, scheme: SignatureScheme, { spki }: SigningKey): void {
  assert.equal(reply.reply, 'signed');
  assert.equal(reply.number, 7);
  assert.ok(nodeCrypto.verify(scheme, spki, signedBytes(content), (reply as { signature: Bytes }).signature));
}

test('a handshake is signed: both versions, both roles, and by the rules of each for schemes', () => {
  const cases: readonly (readonly [string, SignedContent, SignatureScheme, SigningKey])[] = [
    ['site', SERVER13, 'ecdsa_secp256r1_sha256', P256],
    ['me', CLIENT13, 'ecdsa_secp256r1_sha256', P256],
    ['site', SERVER12, 'ecdsa_secp256r1_sha256', P256],
    ['me', CLIENT12, 'ecdsa_secp256r1_sha256', P256],
    ['rsa', SERVER13, 'rsa_pss_rsae_sha384', RSA],
    ['rsa', SERVER12, 'rsa_pkcs1_sha256', RSA],
  ];
  const holder = client();
  for (const [index, [key, content, scheme, held]] of cases.entries())
    assertSigned(ask(holder, signRequest({ handshake: index + 1, key, content, scheme })), content, scheme, held);
  // RFC 8422 section 5.1.1: in TLS 1.2 the scheme names the hash alone.
  const sha384 = ask(holder, signRequest({ handshake: 99, scheme: 'ecdsa_secp384r1_sha384', content: SERVER12 }));
  const { signature } = sha384 as { signature: Bytes };
  assert.ok(nodeCrypto.verify('ecdsa_secp256r1_sha384', P256.spki, signedBytes(SERVER12), signature));
});

describe('an oracle is what the holder is not:', () => {
  const spaces = new Uint8Array(32).fill(0x20);
  const point = (group: number, length: number, first = 4) =>
    concat(Uint8Array.of(3, 0, group, length, first), new Uint8Array(length - 1));
  const with12 = (parameters: Bytes) => ({ content: { ...SERVER12, parameters } });
  const attacks: Readonly<Record<string, Parameters<typeof signRequest>[0]>> = {
    'the context of a client from the key of a server': { content: CLIENT13 },
    'the context of a server from the key of a client': { key: 'me' },
    "TLS 1.2's messages of a client from the key of a server": { content: CLIENT12 },
    "TLS 1.2's parameters of a server from the key of a client": { key: 'me', content: SERVER12 },
    "another client's key": { key: 'other' },
    'a key by a name that every object has': { key: 'constructor' },
    'a scheme of another key': { scheme: 'rsa_pss_rsae_sha256' },
    'a scheme of another curve in TLS 1.3': { scheme: 'ecdsa_secp384r1_sha384' },
    'PKCS#1 v1.5 in TLS 1.3': { key: 'rsa', scheme: 'rsa_pkcs1_sha256' },
    'a scheme of RSASSA-PSS with a key for rsaEncryption': { key: 'rsa', scheme: 'rsa_pss_pss_sha256' },
    'the handshake 0': { handshake: 0 },
    "randoms and parameters that would be TLS 1.3's content": {
      content: {
        ...SERVER12,
        clientRandom: spaces,
        serverRandom: spaces,
        parameters: concat(ascii('TLS 1.3, server CertificateVerify\0'), RANDOM),
      },
    },
    "messages that would be TLS 1.3's content": { key: 'me', content: client12(signedBytes(SERVER13)) },
    "messages that would be TLS 1.2's parameters": { key: 'me', content: client12(signedBytes(SERVER12)) },
    'messages that are any bytes': { key: 'me', content: client12(ascii('a certificate to be signed')) },
    'no messages': { key: 'me', content: client12(new Uint8Array(0)) },
    'messages without a request for a certificate': {
      key: 'me',
      content: client12(messages(1, 2, 11, 12, 14, 11, 16)),
    },
    'messages that end in the middle': {
      key: 'me',
      content: client12(messages(1, 2, 11, 12, 13, 14, 11, 16).slice(0, -1)),
    },
    'messages without end': { key: 'me', content: client12(messages(...new Array(1000).fill(1))) },
    'parameters without any': with12(new Uint8Array(0)),
    'parameters with something behind them': with12(concat(X25519_PARAMETERS, Uint8Array.of(0))),
    'parameters with an explicit curve': with12(concat(Uint8Array.of(1), X25519_PARAMETERS.subarray(1))),
    'parameters of a group that there is not': with12(point(30, 56)),
    'parameters of a finite field': with12(concat(Uint8Array.of(3, 1, 0, 32), RANDOM)),
    'a point of another length': with12(point(23, 97)),
    'a compressed point': with12(point(23, 33, 2)),
    'a point in the hybrid form': with12(point(23, 65, 6)),
  };
  for (const [name, changes] of Object.entries(attacks))
    test(`${name} ends the client, and signs nothing`, () => {
      let asked = 0;
      const counting = (held: SigningKey): Signer => ({
        type: held.type,
        sign: (scheme, message) => {
          asked += 1;
          return held.sign(scheme, message);
        },
      });
      const keys = new Map(
        [...GRANT.keys].map(([key, { role }]) => [key, { role, signer: counting(key === 'rsa' ? RSA : P256) }]),
      );
      assert.throws(() => ask(client({ keys }), signRequest(changes)), BadMessage);
      assert.equal(asked, 0);
      assert.equal(ask(client({ keys }), signRequest()).reply, 'signed');
      assert.equal(asked, 1);
    });

  test('a hash of another length is no request', () => {
    for (const length of [0, 20, 31, 33, 64, 100]) {
      const content: SignedContent = { version: 'TLSv1.3', role: 'server', transcriptHash: new Uint8Array(length) };
      assert.throws(() => ask(client(), signRequest({ content })), BadMessage);
    }
  });

  test('no bytes that it signs begin as those of another kind', () => {
    const kinds = [SERVER13, CLIENT13, { ...SERVER12, clientRandom: spaces, serverRandom: spaces }, CLIENT12];
    const beginnings = kinds.map((content) => signedBytes(content).subarray(0, 80).toHex());
    assert.equal(new Set(beginnings).size, kinds.length);
  });
});

test('the number of a handshake is used once, and only grows', () => {
  for (const [first, second] of [
    [1, 1],
    [5, 4],
    [Number.MAX_SAFE_INTEGER, 1],
  ] as const) {
    const holder = client();
    assert.equal(ask(holder, signRequest({ handshake: first })).reply, 'signed');
    assert.throws(() => ask(holder, signRequest({ handshake: second })), BadMessage);
  }
  const holder = client();
  for (const handshake of [1, 2, 1000]) assert.equal(ask(holder, signRequest({ handshake })).reply, 'signed');
});

test('a process for one connection has one signature', () => {
  const holder = client({ signatures: 1 });
  assert.equal(ask(holder, signRequest({ handshake: 1 })).reply, 'signed');
  assert.throws(() => ask(holder, signRequest({ handshake: 2 })), BadMessage);
});

test('tickets are sealed and opened for whom they were given to', () => {
  const plaintext = ascii('the state of a session');
  const holder = client();
  const sealed = ask(holder, { request: 'seal-ticket', number: 1, purpose: 'ticket', plaintext });
  assert.equal(sealed.reply, 'sealed');
  const { ticket } = sealed as { ticket: Bytes };
  const open: Request = { request: 'open-ticket', number: 2, purpose: 'ticket', ticket };
  assert.deepEqual(ask(client(), open), { reply: 'opened', number: 2, plaintext });
  assert.deepEqual(ask(holder, { ...open, purpose: 'cookie' }), { reply: 'opened', number: 2, plaintext: null });
  assert.throws(() => ask(client({ tickets: null }), open), BadMessage);
  const whole: Request = { request: 'seal-ticket', number: 3, purpose: 'ticket', plaintext: new Uint8Array(65_535) };
  assert.deepEqual(ask(holder, whole), { reply: 'refused', number: 3, why: 'too-large' });
});

test('a client has so many requests a second, and then more with time', () => {
  const holder = client({ requestsPerSecond: 10 });
  const open: Request = { request: 'open-ticket', number: 2, purpose: 'ticket', ticket: new Uint8Array(0) };
  const answers = (count: number, nowMs: number) =>
    Array.from({ length: count }, () => ask(holder, open, nowMs).reply).filter((reply) => reply === 'opened').length;
  assert.equal(answers(20, 0), 10);
  assert.equal(answers(20, 500), 5);
  assert.equal(answers(20, 100_000), 10);
  assert.deepEqual(ask(holder, open, 100_000), { reply: 'refused', number: 2, why: 'too-many' });
});

describe('a device that takes its time', () => {
  const slow = () => {
    const waiting: ((signature: Bytes) => void)[] = [];
    const sign = () => new Promise<Bytes>((resolve) => void waiting.push(resolve));
    const keys = new Map([['site', { role: 'server', signer: { type: 'p256', sign } } as const]]);
    return { waiting, holder: client({ keys }) };
  };
  const begin = (holder: HolderClient, number: number) =>
    holder.answer(encodeRequest(signRequest({ number, handshake: number })), 0) as Promise<Bytes>;

  test('answers in its own order', async () => {
    const { waiting, holder } = slow();
    const [first, second] = [begin(holder, 1), begin(holder, 2)];
    waiting[1]?.(Uint8Array.of(2));
    assert.deepEqual(decodeReply(await second), { reply: 'signed', number: 2, signature: Uint8Array.of(2) });
    waiting[0]?.(Uint8Array.of(1));
    assert.deepEqual(decodeReply(await first), { reply: 'signed', number: 1, signature: Uint8Array.of(1) });
  });

  test('has so many requests at a time, and no more', async () => {
    const { waiting, holder } = slow();
    const all = Array.from({ length: LIMITS.keyRequestsPending }, (_, index) => begin(holder, index + 1));
    assert.throws(() => begin(holder, 10_000), BadMessage);
    for (const answer of waiting) answer(Uint8Array.of(1));
    await Promise.all(all);
    assert.ok(begin(holder, 10_001) instanceof Promise);
  });

  test('that is gone is a refusal, not an end', async () => {
    const sign = () => Promise.reject(new Error('the token is gone'));
    const holder = client({ keys: new Map([['site', { role: 'server', signer: { type: 'p256', sign } }]]) });
    const reply = await holder.answer(encodeRequest(signRequest()), 0);
    assert.deepEqual(decodeReply(reply), { reply: 'refused', number: 7, why: 'unavailable' });
  });
});
