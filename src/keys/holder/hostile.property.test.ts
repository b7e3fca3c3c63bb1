import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dice, mutate } from '../../../tests/fuzz/mutate.ts';
import { testKey } from '../../../tests/support/keys.ts';
import { ascii, type Bytes, concat } from '../../core/bytes.ts';
import { HpkeContext } from '../../crypto/hpke.ts';
import { type SignedContent, signedBytes } from '../../crypto/signed-content.ts';
import { generateEcdh } from '../../crypto-node/ecdh.ts';
import { EchPrivateKey, loadEchKey, loadSigningKey, SigningKey } from '../../crypto-node/private-keys.ts';
import { nodeCrypto } from '../../crypto-node/provider.ts';
import { BadMessage } from '../wire/bad-message.ts';
import { decodeReply } from '../wire/replies.ts';
import { encodeRequest, type Request } from '../wire/requests.ts';
import { type Grant, HolderClient, type Signer } from './client.ts';
import { TicketKeys } from './ticket-keys.ts';

const HASH = new Uint8Array(32).fill(7);
const CONFIG = ascii('an ECHConfig');
const SERVER13: SignedContent = { version: 'TLSv1.3', role: 'server', transcriptHash: HASH };
const SERVER12: SignedContent = {
  version: 'TLSv1.2',
  role: 'server',
  clientRandom: HASH,
  serverRandom: HASH,
  parameters: concat(Uint8Array.of(3, 0, 29, 32), HASH),
};

function echKey(): EchPrivateKey {
  const { privateKey } = generateEcdh('x25519');
  const key = loadEchKey(new Uint8Array(privateKey.export({ format: 'der', type: 'pkcs8' })));
  assert.ok(key instanceof EchPrivateKey);
  return key;
}

/** What a client does that seals `plaintext` for the config with that key. */
function sealed(key: EchPrivateKey, plaintext: Bytes, label = 'tls ech\0'): Request {
  const share = nodeCrypto.generateKeyShare('x25519');
  const aead = 'aes-128-gcm';
  const context = new HpkeContext(nodeCrypto, {
    group: 'x25519',
    aead,
    agreed: share.agree(key.publicKey) as Bytes,
    encapsulated: share.publicShare,
    recipientPublicKey: key.publicKey,
    info: concat(ascii(label), CONFIG),
  });
  return {
    request: 'open-ech',
    number: 3,
    key: 'ech',
    aead,
    encapsulated: share.publicShare,
    sequence: 0,
    associatedData: HASH,
    payload: context.seal(HASH, plaintext),
  };
}

/** A holder's client, and what it was made to sign. */
function holderClient(key: EchPrivateKey): { readonly client: HolderClient; readonly signed: Bytes[] } {
  const held = loadSigningKey(ascii(testKey('p256').privatePem));
  assert.ok(held instanceof SigningKey);
  const signed: Bytes[] = [];
  const signer: Signer = {
    type: held.type,
    sign: (scheme, message) => {
      signed.push(message.slice());
      return held.sign(scheme, message);
    },
  };
  const grant: Grant = {
    keys: new Map([['site', { role: 'server', signer }]]),
    echKeys: new Map([['ech', { key, config: CONFIG }]]),
    tickets: new TicketKeys(nodeCrypto, { rotationSeconds: 3600, oneUse: true }, 0),
    signatures: null,
    requestsPerSecond: 1000,
  };
  return { client: new HolderClient(grant, nodeCrypto, 0), signed };
}

test('Encrypted Client Hello is opened for its config, and for nothing else that the key could agree on', () => {
  const key = echKey();
  const { client } = holderClient(key);
  const ask = (request: Request) => decodeReply(client.answer(encodeRequest(request), 0) as Bytes);
  const inner = ascii('a ClientHello');
  const request = sealed(key, inner);
  assert.deepEqual(ask(request), { reply: 'ech-opened', number: 3, encodedInner: inner });
  for (const other of [
    sealed(key, inner, 'other use\0'),
    sealed(echKey(), inner),
    { ...request, sequence: 1 } as Request,
    { ...request, encapsulated: new Uint8Array(32) } as Request,
    { ...request, encapsulated: new Uint8Array(31) } as Request,
    { ...request, payload: new Uint8Array(3) } as Request,
  ])
    assert.deepEqual(ask(other), { reply: 'ech-opened', number: 3, encodedInner: null });
  assert.throws(() => ask({ ...request, key: 'site' } as Request), BadMessage);
});

test('10,000 mutated messages: each is answered or ends its client, and nothing but the content of a handshake is signed', () => {
  const key = echKey();
  const dice = new Dice(1);
  const sign = { request: 'sign', number: 1, handshake: 1, key: 'site', scheme: 'ecdsa_secp256r1_sha256' } as const;
  const seeds = (
    [
      { ...sign, content: SERVER13 },
      { ...sign, content: SERVER12 },
      { request: 'seal-ticket', number: 2, purpose: 'ticket', plaintext: HASH },
      { request: 'open-ticket', number: 2, purpose: 'cookie', ticket: new Uint8Array(80) },
      sealed(key, HASH),
    ] satisfies readonly Request[]
  ).map(encodeRequest);
  const outcomes = { answered: 0, ended: 0 };
  const honest = holderClient(key);
  let { client, signed } = holderClient(key);
  const check = () => {
    for (const message of signed) assert.ok(isServerContent(message), message.toHex());
  };
  for (let run = 0; run < 10_000; run++) {
    const seed = seeds[dice.throw(seeds.length)] as Bytes;
    const message = mutate(seed, seeds[dice.throw(seeds.length)] as Bytes, dice);
    try {
      decodeReply(client.answer(message, run) as Bytes);
      outcomes.answered += 1;
    } catch (error) {
      assert.ok(error instanceof BadMessage, String(error));
      outcomes.ended += 1;
      check();
      ({ client, signed } = holderClient(key));
    }
  }
  check();
  assert.ok(outcomes.answered > 100 && outcomes.ended > 1000, JSON.stringify(outcomes));
  const reply = honest.client.answer(encodeRequest({ ...sign, content: SERVER13 }), 10_000) as Bytes;
  assert.equal(decodeReply(reply).reply, 'signed');
  assert.deepEqual(honest.signed, [signedBytes(SERVER13)]);
});

/** TLS 1.3's context of a server with a hash, or two randoms and ECDHE parameters. */
function isServerContent(message: Bytes): boolean {
  const context = signedBytes(SERVER13).subarray(0, -32).toHex();
  if (message.toHex().startsWith(context)) return [32, 48].includes(message.length - context.length / 2);
  return [36, 69, 101, 137].includes(message.length - 64) && message[64] === 3 && message[65] === 0;
}
