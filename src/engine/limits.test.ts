import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { carry } from '../../tests/support/carry.ts';
import { acceptAnyCertificate, ConnectionDriver } from '../../tests/support/connection-driver.ts';
import { converse, exchange } from '../../tests/support/conversation.ts';
import { clientHello, converse13, plainRecord, serverHearing, withExtensions } from '../../tests/support/pair13.ts';
import type { ScriptedServer, ServerScript } from '../../tests/support/scripted-server.ts';
import { client12, converse12, server12, Tampered } from '../../tests/support/tls12.ts';
import { KEYS, message } from '../../tests/support/tls12-attacks.ts';
import { TOY_CRYPTO, toyKeys } from '../../tests/support/toy-crypto.ts';
import { ascii, EMPTY } from '../core/bytes.ts';
import { FAILURES, type Why } from '../core/failures.ts';
import { LIMITS } from '../core/limits.ts';
import { nodeCrypto } from '../crypto-node/provider.ts';
import { NO_KEYS } from './answer.ts';
import { ClientConnection } from './client.ts';
import {
  type ClientHello,
  encodeCertificate,
  encodeCompressedCertificate,
  encodeNewSessionTicket,
} from './codec/messages.ts';
import { decodeNewSessionTicket12, encodeCertificate12, encodeNewSessionTicket12 } from './codec/messages12.ts';
import { CONTENT_TYPE, EXTENSION, HANDSHAKE_TYPE } from './codec/registry.ts';
import { EngineConnection } from './engine.ts';
import { ServerMachine } from './server/machine.ts';
import { checkServerConfig, defaultServerConfig } from './server-config.ts';

/** One more of something than a peer may send, and why it ends the connection. */
interface Bound {
  readonly limit: number;
  readonly why: Why;
  readonly script?: ServerScript;
  readonly send: (server: ScriptedServer) => void;
}

const whyOf = ({ failure }: ConnectionDriver): Why | undefined => failure?.why;

const TICKET = encodeNewSessionTicket({
  lifetimeSeconds: 60,
  ageAdd: 0,
  nonce: EMPTY,
  ticket: ascii('t'),
  extensions: new Map(),
});
const CCS = plainRecord(CONTENT_TYPE.change_cipher_spec, Uint8Array.of(1));

const OF_A_SERVER: Readonly<Record<string, Bound>> = {
  'empty records': {
    limit: LIMITS.emptyRecords,
    why: 'too-many-empty-records',
    send: (server) => server.record(CONTENT_TYPE.application_data, EMPTY),
  },
  'warnings': {
    limit: LIMITS.warningAlerts,
    why: 'too-many-warnings',
    send: (server) => server.alert(1, 'user_canceled'),
  },
  'warnings before the ServerHello': {
    limit: LIMITS.warningAlerts,
    why: 'too-many-warnings',
    script: { silent: true },
    send: (server) => server.alert(1, 'unrecognized_name'),
  },
  'key updates': {
    limit: LIMITS.keyUpdates,
    why: 'too-many-key-updates',
    send: (server) => server.updateKeys('update_not_requested'),
  },
  'change_cipher_spec records': {
    limit: LIMITS.changeCipherSpecs,
    why: 'too-many-empty-records',
    script: { silent: true },
    send: (server) => server.raw(CCS),
  },
  'tickets': {
    limit: LIMITS.ticketsWithoutData,
    why: 'too-many-tickets',
    send: (server) => server.record(CONTENT_TYPE.handshake, TICKET),
  },
};

describe('a client takes as many as it may, and ends the connection at one more, with its alert', () => {
  for (const [name, { limit, why, script, send }] of Object.entries(OF_A_SERVER))
    test(name, async () => {
      const conversation = await converse(script);
      const { client, server } = conversation;
      for (let count = 0; count < limit; count++) send(server);
      await exchange(conversation);
      assert.equal(client.failure, undefined);
      send(server);
      await exchange(conversation);
      assert.equal(whyOf(client), why);
      assert.deepEqual(server.alerts, [{ level: 2, name: FAILURES[why].alert }]);
    });

  test('application data between them begins the count anew', async () => {
    for (const name of ['empty records', 'warnings', 'key updates', 'tickets']) {
      const { limit, send } = OF_A_SERVER[name] as Bound;
      const conversation = await converse();
      for (let round = 0; round < 3; round++) {
        for (let count = 0; count < limit; count++) send(conversation.server);
        conversation.server.data(ascii('data'));
        await exchange(conversation);
      }
      assert.equal(conversation.client.failure, undefined, name);
    }
  });
});

const entries = (count: number) =>
  Array.from({ length: count }, () => ({ certificate: Uint8Array.of(0x30), extensions: new Map() }));

test('as many certificates as LIMITS.certificateEntries come to the verifier; with one more, none', async () => {
  for (const [count, why] of [
    [LIMITS.certificateEntries, 'certificate-malformed'],
    [LIMITS.certificateEntries + 1, 'certificate-chain-too-long'],
  ] as const) {
    const certificate = () => encodeCertificate({ context: EMPTY, entries: entries(count) });
    const { client, server } = await converse({ certificate });
    assert.equal(client.failure?.why, why);
    assert.equal(server.alerts.at(-1)?.name, 'bad_certificate');
    const der = entries(count).map((entry) => entry.certificate);
    const tamperServer = message(HANDSHAKE_TYPE.certificate, () => encodeCertificate12(der));
    const tls12 = await converse12({ serverKeys: KEYS, tamperServer });
    assert.equal(tls12.client.failure?.why, why);
    const asked = ({ effects }: typeof client) => effects.some(({ effect }) => effect === 'verify-certificate');
    assert.deepEqual(
      [asked(client), asked(tls12.client)],
      why === 'certificate-malformed' ? [true, true] : [false, false],
    );
  }
});

test('a compressed certificate that says that it is larger than LIMITS.certificateMessageBytes is not decompressed', async () => {
  for (const [uncompressedBytes, why] of [
    [LIMITS.certificateMessageBytes, 'certificate-decompression-failed'],
    [LIMITS.certificateMessageBytes + 1, 'message-too-large'],
  ] as const) {
    const certificate = () =>
      encodeCompressedCertificate({ algorithm: 1, uncompressedBytes, compressed: ascii('none') });
    const { client } = await converse({ certificate }, { certificateCompressions: ['zlib'] });
    assert.equal(client.failure?.why, why);
  }
});

test('early data is dropped up to LIMITS.earlyDataSkippedBytes', async () => {
  // After a HelloRetryRequest, so that the alert is in the clear.
  const announce = (hello: ClientHello) => withExtensions(hello, { [EXTENSION.early_data]: EMPTY });
  const announced = await clientHello(announce, { keyShareGroups: [] });
  const server = await serverHearing(announced);
  await server.receive(plainRecord(CONTENT_TYPE.application_data, new Uint8Array(LIMITS.earlyDataSkippedBytes - 17)));
  await server.receive(plainRecord(CONTENT_TYPE.application_data, new Uint8Array(17)));
  assert.equal(server.failure, undefined);
  await server.receive(plainRecord(CONTENT_TYPE.application_data, new Uint8Array(17)));
  assert.equal(whyOf(server), 'too-much-early-data');
  assert.deepEqual(server.takeNetwork().subarray(-7), plainRecord(CONTENT_TYPE.alert, Uint8Array.of(2, 10)));
});

test('a cookie is good for LIMITS.cookieLifetimeSeconds, and no longer', async () => {
  for (const [age, why] of [
    [LIMITS.cookieLifetimeSeconds, undefined],
    [LIMITS.cookieLifetimeSeconds + 1, 'illegal-parameter'],
  ] as const) {
    let nowMs = 1_700_000_000_000;
    const { server } = await converse13({
      client: { keyShareGroups: ['secp256r1'] },
      server: { statelessRetry: true, groups: ['x25519'], now: () => nowMs },
      toServer: (bytes) => {
        // The second flight, behind its change_cipher_spec, comes that much later.
        if (bytes[0] === CONTENT_TYPE.change_cipher_spec) nowMs = 1_700_000_000_000 + 1000 * age;
        return [bytes];
      },
    });
    assert.equal(server.failure?.why, why);
    assert.equal(server.session?.helloRetryRequest, why === undefined ? true : undefined);
  }
});

test('a ticket of TLS 1.2 whose server leaves its lifetime open has LIMITS.ticketLifetimeUnstatedSeconds', async () => {
  // Under a cryptography to which every Finished is good: the server's own does not know of the change.
  const suite = { tls12Suites: ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'] } as const;
  const tamper = message(HANDSHAKE_TYPE.new_session_ticket, (whole) => {
    const { ticket } = decodeNewSessionTicket12(whole.subarray(4));
    return encodeNewSessionTicket12({ lifetimeHintSeconds: 0, ticket });
  });
  const config = server12({ ...suite, ticketLifetimeSeconds: 60 });
  const machine = new Tampered(new ServerMachine({ config, crypto: TOY_CRYPTO }), tamper);
  const client = new ClientConnection(client12(suite), TOY_CRYPTO);
  const pair = {
    client: new ConnectionDriver(client, acceptAnyCertificate, NO_KEYS, TOY_CRYPTO),
    server: new ConnectionDriver(
      new EngineConnection(machine, config),
      acceptAnyCertificate,
      toyKeys(KEYS),
      TOY_CRYPTO,
    ),
  };
  await pair.server.start();
  await pair.client.start();
  await carry(pair);
  assert.equal(pair.client.failure, undefined);
  assert.equal(pair.client.tickets[0]?.lifetimeSeconds, LIMITS.ticketLifetimeUnstatedSeconds);
});

test('a ticket of LIMITS.ticketBytes is offered, and a larger one is not, with which no server would read the ClientHello', async () => {
  for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
    const versions = { minVersion: version, maxVersion: version };
    const sides = { client: { ...versions, keepTickets: true }, server: { ...versions, ticketLifetimeSeconds: 60 } };
    const [given] = (await converse13(sides)).client.tickets;
    assert.ok(given !== undefined);
    for (const [bytes, offered] of [
      [LIMITS.ticketBytes, true],
      [LIMITS.ticketBytes + 1, false],
      [2 ** 16 - 1, false],
    ] as const) {
      const session = { ...given, ticket: new Uint8Array(bytes) };
      const { client, server } = await converse13({ ...sides, client: { ...sides.client, session } });
      assert.deepEqual([client.failure, server.failure, client.session?.resumed], [undefined, undefined, false]);
      assert.equal(
        server.effects.some(({ effect }) => effect === 'open-ticket'),
        offered,
      );
    }
  }
});

test('a server issues no more than LIMITS.ticketsIssued, for no longer than LIMITS.ticketLifetimeSeconds', async () => {
  const config = defaultServerConfig(nodeCrypto, () => 0);
  const most = { ticketCount: LIMITS.ticketsIssued, ticketLifetimeSeconds: LIMITS.ticketLifetimeSeconds };
  checkServerConfig({ ...config, ...most }, nodeCrypto);
  for (const more of [
    { ticketCount: LIMITS.ticketsIssued + 1 },
    { ticketLifetimeSeconds: LIMITS.ticketLifetimeSeconds + 1 },
  ])
    assert.throws(() => checkServerConfig({ ...config, ...more }, nodeCrypto), RangeError);
  const pair = await converse13({ client: { keepTickets: true }, server: most });
  assert.equal(pair.client.tickets.length, LIMITS.ticketsIssued);
  assert.ok(pair.client.tickets.every(({ lifetimeSeconds }) => lifetimeSeconds === LIMITS.ticketLifetimeSeconds));
});
