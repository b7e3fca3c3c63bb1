import assert from 'node:assert/strict';
import { createECDH, createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { ascii, type Bytes, concat, EMPTY, hex, unhex } from '../../src/core/bytes.ts';
import { TLS13_SUITES } from '../../src/crypto/cipher-suites.ts';
import { hkdfExpandLabel, hkdfLabel } from '../../src/crypto/hkdf.ts';
import type { KeyShare } from '../../src/crypto/provider.ts';
import { Transcript } from '../../src/crypto/transcript.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import { ClientMachine } from '../../src/engine/client/machine.ts';
import { type Offer, secondOffer } from '../../src/engine/client/offer.ts';
import type { ClientState, Retried } from '../../src/engine/client/states.ts';
import { decodeCookie } from '../../src/engine/codec/extensions.ts';
import {
  decodeClientHello,
  decodeServerHello,
  encodeClientHello,
  encodeServerHello,
  isHelloRetryRequest,
} from '../../src/engine/codec/messages.ts';
import { EXTENSION } from '../../src/engine/codec/registry.ts';
import { EngineConnection } from '../../src/engine/engine.ts';
import type { Step } from '../../src/engine/machine.ts';
import { NO_SECRETS } from '../../src/engine/machine.ts';
import { RULES } from '../../src/engine/record/incoming.ts';
import { Opener13, Sealer13 } from '../../src/engine/record/protection.ts';
import {
  EarlySecret,
  exportKeyingMaterial,
  finishedMac,
  type HandshakeSecret,
  ticketSecret,
} from '../../src/engine/schedule/schedule13.ts';
import { ConnectionDriver } from '../support/connection-driver.ts';
import { testConfig } from '../support/conversation.ts';

type Trace = Readonly<Record<string, string>>;

const VECTORS = JSON.parse(readFileSync(new URL('./rfc8448.json', import.meta.url), 'utf8')) as {
  readonly simple: Trace;
  readonly helloRetryRequest: Trace;
};
const { simple, helloRetryRequest } = VECTORS;
const { hash } = TLS13_SUITES.TLS_AES_128_GCM_SHA256;

function bytes(trace: Trace, name: string): Bytes {
  const value = trace[name];
  assert.ok(value, name);
  return unhex(value);
}

/** The handshake messages of an unprotected record. */
function message(trace: Trace, name: string): Bytes {
  return bytes(trace, name).subarray(5);
}

function transcriptHash(...messages: Bytes[]): Bytes {
  return nodeCrypto.hash(hash, concat(...messages));
}

/** What stands for the first ClientHello once a HelloRetryRequest was sent (RFC 8446 section 4.4.1). */
function messageHash(clientHello: Bytes): Bytes {
  return concat(Uint8Array.of(254, 0, 0, 32), nodeCrypto.hash(hash, clientHello));
}

/** Opens one record under the keys of `trafficSecret`. */
function open(trafficSecret: Bytes, record: Bytes, sequenceNumber = 0) {
  const key = hkdfExpandLabel(nodeCrypto, hash, trafficSecret, hkdfLabel('key'), EMPTY, 16);
  const iv = hkdfExpandLabel(nodeCrypto, hash, trafficSecret, hkdfLabel('iv'), EMPTY, 12);
  const opener = new Opener13(nodeCrypto.aead('aes-128-gcm', key), iv, sequenceNumber);
  const { type, content } = opener.open(record.subarray(0, 5), record.subarray(5));
  // And back: the same plaintext makes the same record.
  const sealer = new Sealer13(nodeCrypto.aead('aes-128-gcm', key), iv, sequenceNumber);
  const sealed = new Uint8Array(sealer.recordBytes(content.length));
  sealer.seal(type as 22, content, sealed, 0);
  assert.deepEqual(sealed, record);
  return { type, content };
}

describe('key schedule', () => {
  function handshakeOf(trace: Trace): HandshakeSecret {
    return new EarlySecret(nodeCrypto, hash, null).toHandshake(bytes(trace, 'sharedSecret'));
  }

  for (const [name, trace, hellos] of [
    ['section 3', simple, () => [message(simple, 'clientHelloRecord'), message(simple, 'serverHelloRecord')]],
    [
      'section 5',
      helloRetryRequest,
      () => [
        messageHash(message(helloRetryRequest, 'firstClientHelloRecord')),
        message(helloRetryRequest, 'helloRetryRequestRecord'),
        message(helloRetryRequest, 'secondClientHelloRecord'),
        message(helloRetryRequest, 'serverHelloRecord'),
      ],
    ],
  ] as const)
    test(`of ${name}`, () => {
      const handshake = handshakeOf(trace);
      const traffic = handshake.trafficSecrets(transcriptHash(...hellos()));
      assert.equal(hex(traffic.client), trace.clientHandshakeTraffic);
      assert.equal(hex(traffic.server), trace.serverHandshakeTraffic);

      const flight = open(traffic.server, bytes(trace, 'serverFlightRecord'));
      assert.equal(flight.type, 22);
      const messages = [...hellos(), flight.content];
      const finished = flight.content.slice(-32);
      const beforeFinished = transcriptHash(...hellos(), flight.content.slice(0, -36));
      assert.deepEqual(finishedMac(nodeCrypto, hash, traffic.server, beforeFinished), finished);

      const main = handshake.toMain();
      const throughServer = transcriptHash(...messages);
      const application = main.trafficSecrets(throughServer);
      assert.equal(hex(application.client), trace.clientApplicationTraffic);
      assert.equal(hex(application.server), trace.serverApplicationTraffic);
      assert.equal(hex(main.exporterSecret(throughServer)), trace.exporter);

      const clientFinished = open(traffic.client, bytes(trace, 'clientFinishedRecord')).content;
      assert.deepEqual(clientFinished.slice(4), finishedMac(nodeCrypto, hash, traffic.client, throughServer));
      assert.equal(hex(main.toResumption(transcriptHash(...messages, clientFinished))), trace.resumption);
    });

  test('of section 3: traffic keys', () => {
    for (const [secret, key, iv] of [
      ['clientHandshakeTraffic', 'clientHandshakeKey', 'clientHandshakeIv'],
      ['serverHandshakeTraffic', 'serverHandshakeKey', 'serverHandshakeIv'],
      ['clientApplicationTraffic', 'clientApplicationKey', 'clientApplicationIv'],
      ['serverApplicationTraffic', 'serverApplicationKey', 'serverApplicationIv'],
    ] as const) {
      const trafficSecret = bytes(simple, secret);
      assert.equal(hex(hkdfExpandLabel(nodeCrypto, hash, trafficSecret, hkdfLabel('key'), EMPTY, 16)), simple[key]);
      assert.equal(hex(hkdfExpandLabel(nodeCrypto, hash, trafficSecret, hkdfLabel('iv'), EMPTY, 12)), simple[iv]);
    }
  });

  test('of section 3: the secret of its ticket', () => {
    const nonce = Uint8Array.of(0, 0);
    assert.equal(hex(ticketSecret(nodeCrypto, hash, bytes(simple, 'resumption'), nonce)), simple.ticketSecret);
  });
});

test('the flight of section 3 is the one that the RFC prints', () => {
  const { content } = open(bytes(simple, 'serverHandshakeTraffic'), bytes(simple, 'serverFlightRecord'));
  assert.equal(hex(content), simple.serverFlight);
});

test('hellos of the traces go through the codecs and come back the same', () => {
  for (const [trace, name] of [
    [simple, 'clientHelloRecord'],
    [helloRetryRequest, 'firstClientHelloRecord'],
    [helloRetryRequest, 'secondClientHelloRecord'],
  ] as const)
    assert.deepEqual(encodeClientHello(decodeClientHello(message(trace, name).subarray(4))), message(trace, name));
  for (const [trace, name, isRetry] of [
    [simple, 'serverHelloRecord', false],
    [helloRetryRequest, 'serverHelloRecord', false],
    [helloRetryRequest, 'helloRetryRequestRecord', true],
  ] as const) {
    const hello = decodeServerHello(message(trace, name).subarray(4));
    assert.equal(isHelloRetryRequest(hello), isRetry);
    assert.deepEqual(encodeServerHello(hello), message(trace, name));
  }
});

/** A client that has sent the ClientHello of a trace, with the private key that belongs to it. */
class ReplayedClient extends ClientMachine {
  readonly #state: ClientState;

  constructor(state: ClientState) {
    super({ config: testConfig({ keepTickets: true }), crypto: nodeCrypto });
    this.#state = state;
  }

  override start(): Step<ClientState> {
    return { state: this.#state, actions: [{ action: 'apply-rules', rules: RULES.handshake13 }] };
  }
}

async function replay(offer: Offer, retried: Retried | null): Promise<ConnectionDriver> {
  const machine = new ReplayedClient({ state: 'expect-server-hello', secrets: NO_SECRETS, offer, retried });
  const client = new ConnectionDriver(
    new EngineConnection(machine, { maxFragment: 2 ** 14, padding: null, recordsPerKey: 2 ** 10 }),
  );
  await client.start();
  return client;
}

function offerOf(encoded: Bytes, ...keyShares: KeyShare[]): Offer {
  return {
    hello: decodeClientHello(encoded.subarray(4)),
    encoded,
    keyShares,
    ticket12: null,
    ticket13: null,
    ech: { ech: 'not-offered' },
  };
}

function x25519Share(): KeyShare {
  const privateKey = createPrivateKey({
    key: Buffer.from(concat(unhex('302e020100300506032b656e04220420'), bytes(simple, 'clientPrivateKey'))),
    format: 'der',
    type: 'pkcs8',
  });
  return {
    group: 'x25519',
    publicShare: bytes(simple, 'clientShare'),
    agree: (peerShare) => {
      const key = Buffer.from(concat(unhex('302a300506032b656e032100'), peerShare));
      const publicKey = createPublicKey({ key, format: 'der', type: 'spki' });
      return new Uint8Array(diffieHellman({ privateKey, publicKey }));
    },
  };
}

function p256Share(): KeyShare {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(bytes(helloRetryRequest, 'clientPrivateKey'));
  return {
    group: 'secp256r1',
    publicShare: bytes(helloRetryRequest, 'clientShare'),
    agree: (peerShare) => new Uint8Array(ecdh.computeSecret(peerShare)),
  };
}

describe('a client', () => {
  test('in section 3 writes every record as it is printed', async () => {
    const client = await replay(offerOf(message(simple, 'clientHelloRecord'), x25519Share()), null);
    const { connection } = client;
    await client.receive(concat(bytes(simple, 'serverHelloRecord'), bytes(simple, 'serverFlightRecord')));
    assert.equal(client.failure, undefined);
    assert.equal(hex(client.takeNetwork()), simple.clientFinishedRecord);
    assert.equal(client.session?.signatureScheme, 'rsa_pss_rsae_sha256');
    assert.deepEqual(
      connection.exportKeyingMaterial('label', ascii('context'), 32),
      exportKeyingMaterial(nodeCrypto, hash, bytes(simple, 'exporter'), 'label', ascii('context'), 32),
    );

    await client.receive(bytes(simple, 'newSessionTicketRecord'));
    assert.equal(hex(client.tickets[0]?.resumptionSecret ?? EMPTY), simple.ticketSecret);
    const content = Uint8Array.from({ length: 50 }, (_, index) => index);
    connection.send(content);
    await client.settle();
    assert.equal(hex(client.takeNetwork()), simple.clientDataRecord);
    await client.receive(bytes(simple, 'serverDataRecord'));
    assert.deepEqual(client.takePlaintext(), content);
    connection.closeWrite();
    await client.settle();
    assert.equal(hex(client.takeNetwork()), simple.clientCloseRecord);
    await client.receive(bytes(simple, 'serverCloseRecord'));
    assert.equal(client.peerClosed, true);
    assert.equal(connection.finished, true);
  });

  test('in section 5 makes the second ClientHello of the first, but for the padding', () => {
    const first = offerOf(message(helloRetryRequest, 'firstClientHelloRecord'));
    const retry = decodeServerHello(message(helloRetryRequest, 'helloRetryRequestRecord').subarray(4));
    const cookie = decodeCookie(retry.extensions.get(EXTENSION.cookie) as Bytes);
    const crypto = Object.create(nodeCrypto, { generateKeyShare: { value: p256Share } }) as typeof nodeCrypto;
    const ours = secondOffer(first, { cookie, group: 'secp256r1' }, crypto).hello;
    const printed = decodeClientHello(message(helloRetryRequest, 'secondClientHelloRecord').subarray(4));
    const withoutPadding = new Map([...printed.extensions].filter(([code]) => code !== 21));
    assert.deepEqual({ ...ours, extensions: withoutPadding }, { ...printed, extensions: withoutPadding });
    assert.deepEqual(new Map(ours.extensions), withoutPadding);
  });

  test('in section 5 writes every record after that as it is printed', async () => {
    const second = message(helloRetryRequest, 'secondClientHelloRecord');
    const transcript = Transcript.afterRetry(nodeCrypto, hash, message(helloRetryRequest, 'firstClientHelloRecord'));
    transcript.add(message(helloRetryRequest, 'helloRetryRequestRecord'));
    transcript.add(second);
    const client = await replay(offerOf(second, p256Share()), {
      suite: 'TLS_AES_128_GCM_SHA256',
      request: { cookie: EMPTY, group: 'secp256r1' },
      transcript,
    });
    await client.receive(bytes(helloRetryRequest, 'serverHelloRecord'));
    await client.receive(bytes(helloRetryRequest, 'serverFlightRecord'));
    assert.equal(client.failure, undefined);
    assert.equal(hex(client.takeNetwork()), helloRetryRequest.clientFinishedRecord);
    assert.equal(client.session?.helloRetryRequest, true);
    client.connection.closeWrite();
    await client.settle();
    assert.equal(hex(client.takeNetwork()), helloRetryRequest.clientCloseRecord);
    await client.receive(bytes(helloRetryRequest, 'serverCloseRecord'));
    assert.equal(client.connection.finished, true);
  });
});
