import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { acceptAnyCertificate, ConnectionDriver } from '../../tests/support/connection-driver.ts';
import { converse, exchange, testConfig } from '../../tests/support/conversation.ts';
import { ScriptedServer } from '../../tests/support/scripted-server.ts';
import { ascii, type Bytes, concat, EMPTY } from '../core/bytes.ts';
import { LIMITS } from '../core/limits.ts';
import { nodeCrypto } from '../crypto-node/provider.ts';
import { ClientConnection } from './client.ts';
import { encodeU16 } from './codec/extensions.ts';
import { encodeNewSessionTicket } from './codec/messages.ts';
import { CONTENT_TYPE, EXTENSION, HANDSHAKE_TYPE } from './codec/registry.ts';
import { ConnectionMisuse } from './engine.ts';
import { ticketSecret } from './schedule/schedule13.ts';

describe('data', () => {
  test('of any size is sent in one piece, in as few records as it takes', async () => {
    const { client, server } = await converse();
    const before = server.records.length;
    client.takeNetwork();
    const content = nodeCrypto.randomBytes(5 * 2 ** 14 + 1);
    client.connection.send(content);
    await client.settle();
    const outputs = client.takeNetworkOutputs();
    assert.equal(outputs.length, 1);
    await server.hear(outputs[0] as Bytes);
    assert.deepEqual(concat(...server.plaintext), content);
    assert.equal(server.records.length - before, 6);
  });

  test('nothing is no record', async () => {
    const { client } = await converse();
    client.connection.send(EMPTY);
    assert.equal(client.connection.next(), undefined);
  });

  test('with padding comes out without it', async () => {
    const { client, server } = await converse();
    server.padded(CONTENT_TYPE.application_data, ascii('padded'), 1000);
    await exchange({ client, server });
    assert.deepEqual(client.takePlaintext(), ascii('padded'));
  });

  test('of the server may come with its Finished', async () => {
    const server = new ScriptedServer();
    const client = new ConnectionDriver(new ClientConnection(testConfig(), nodeCrypto));
    await client.start();
    await server.hear(client.takeNetwork());
    server.data(ascii('half a round trip early'));
    await client.receive(server.take());
    assert.deepEqual(client.takePlaintext(), ascii('half a round trip early'));
    assert.equal(client.log.indexOf('open') < client.log.indexOf('plaintext'), true);
  });

  test('does not alias the input', async () => {
    const { client, server } = await converse();
    const input = server.data(ascii('kept')).take();
    await client.receive(input);
    input.fill(0);
    assert.deepEqual(client.takePlaintext(), ascii('kept'));
  });

  test('keeps to the limits that both sides set on records', async () => {
    const { client, server } = await converse(
      { encryptedExtensions: new Map([[EXTENSION.record_size_limit, encodeU16(64)]]) },
      { recordSizeLimit: 128, maxFragment: 1000 },
    );
    const before = server.records.length;
    client.connection.send(new Uint8Array(130));
    server.record(CONTENT_TYPE.application_data, new Uint8Array(127));
    await exchange({ client, server });
    assert.deepEqual(
      server.records.slice(before).map(({ bytes }) => bytes - 5 - 1 - 16),
      [63, 63, 4],
    );
    assert.equal(client.takePlaintext().length, 127);
    assert.equal(client.failure, undefined);
  });

  test('a limit of ours binds only a server that agreed to it', async () => {
    const { client, server } = await converse({}, { recordSizeLimit: 64 });
    server.data(new Uint8Array(1000));
    await exchange({ client, server });
    assert.equal(client.takePlaintext().length, 1000);
  });
});

describe('keys', () => {
  test('of the server change, and ours when it asks', async () => {
    const { client, server } = await converse();
    server.data(ascii('a')).updateKeys('update_not_requested').data(ascii('b')).updateKeys('update_requested');
    server.data(ascii('c'));
    await exchange({ client, server });
    client.connection.send(ascii('d'));
    await exchange({ client, server });
    assert.deepEqual(client.takePlaintext(), ascii('abc'));
    assert.deepEqual(concat(...server.plaintext), ascii('d'));
    const updates = server.messages.filter(({ type }) => type === HANDSHAKE_TYPE.key_update);
    assert.deepEqual(updates, [{ type: 24, whole: Uint8Array.of(24, 0, 0, 1, 0) }]);
  });

  test('one answer will do for all requests while we are silent, however many pieces they come in', async () => {
    const { client, server } = await converse();
    const answers = () => server.messages.filter(({ type }) => type === HANDSHAKE_TYPE.key_update).length;
    for (let times = 0; times < LIMITS.keyUpdates; times++) {
      server.updateKeys('update_requested');
      if (times % 3 === 0) await exchange({ client, server });
    }
    await exchange({ client, server });
    assert.equal(client.failure, undefined);
    assert.equal(answers(), 0);
    client.connection.send(ascii('first'));
    client.connection.send(ascii(', second'));
    await exchange({ client, server });
    assert.deepEqual(concat(...server.plaintext), ascii('first, second'));
    assert.equal(answers(), 1);
  });

  test('that were asked for come before our close_notify, where there is no more data; behind it nothing comes', async () => {
    const { client, server } = await converse();
    server.updateKeys('update_requested').updateKeys('update_requested');
    await exchange({ client, server });
    client.connection.closeWrite();
    await exchange({ client, server });
    const heard = server.records.length;
    assert.deepEqual(
      server.records.slice(-2).map(({ inner }) => inner),
      [CONTENT_TYPE.handshake, CONTENT_TYPE.alert],
    );
    assert.deepEqual(server.messages.at(-1), { type: 24, whole: Uint8Array.of(24, 0, 0, 1, 0) });
    assert.deepEqual(server.alerts, [{ level: 1, name: 'close_notify' }]);
    server.updateKeys('update_requested').data(ascii('the answer'));
    await exchange({ client, server });
    assert.deepEqual(client.takePlaintext(), ascii('the answer'));
    assert.deepEqual([server.records.length, client.failure], [heard, undefined]);
  });

  test('data in between starts the count of key updates anew', async () => {
    const { client, server } = await converse();
    for (let times = 0; times < 3 * LIMITS.keyUpdates; times++) {
      server.updateKeys('update_not_requested');
      if (times % LIMITS.keyUpdates === LIMITS.keyUpdates - 1) server.data(ascii('.'));
    }
    await exchange({ client, server });
    assert.equal(client.failure, undefined);
    assert.deepEqual(client.takePlaintext(), ascii('...'));
  });

  test('of ours change on demand, and the request is not repeated before it is answered', async () => {
    const { client, server } = await converse();
    client.connection.updateKeys();
    client.connection.updateKeys();
    client.connection.send(ascii('under new keys'));
    await exchange({ client, server });
    assert.deepEqual(
      server.messages.filter(({ type }) => type === HANDSHAKE_TYPE.key_update).map(({ whole }) => whole[4]),
      [1],
    );
    server.updateKeys('update_not_requested').data(ascii('so are these'));
    await exchange({ client, server });
    client.connection.updateKeys();
    client.connection.send(ascii(', again'));
    await exchange({ client, server });
    assert.deepEqual(concat(...server.plaintext), ascii('under new keys, again'));
    assert.deepEqual(client.takePlaintext(), ascii('so are these'));
    assert.equal(server.messages.filter(({ type }) => type === HANDSHAKE_TYPE.key_update).length, 2);
  });

  test('of ours change by themselves before they have sealed too much', async () => {
    const { client, server } = await converse({}, { recordsPerKey: 5, maxFragment: 10 });
    const content = nodeCrypto.randomBytes(95);
    const before = server.records.length;
    client.connection.send(content);
    await client.settle();
    const outputs = client.takeNetworkOutputs();
    assert.equal(outputs.length, 1);
    await server.hear(outputs[0] as Bytes);
    assert.deepEqual(concat(...server.plaintext), content);
    const kinds = server.records.slice(before).map(({ inner }) => inner);
    assert.deepEqual(kinds, [23, 23, 23, 23, 22, 23, 23, 23, 23, 22, 23, 23]);
  });

  test('are exported the same on both sides, and differ by label, context and length', async () => {
    const { client, server } = await converse();
    const context = ascii('context');
    const ours = client.connection.exportKeyingMaterial('EXPORTER-test', context, 100);
    assert.equal(ours.length, 100);
    assert.deepEqual(ours, server.exportKeyingMaterial('EXPORTER-test', context, 100));
    assert.notDeepEqual(ours, client.connection.exportKeyingMaterial('EXPORTER-other', context, 100));
    assert.notDeepEqual(ours, client.connection.exportKeyingMaterial('EXPORTER-test', EMPTY, 100));
    assert.throws(() => client.connection.exportKeyingMaterial('x'.repeat(300), EMPTY, 10), RangeError);
    assert.throws(() => client.connection.exportKeyingMaterial('EXPORTER-test', EMPTY, 255 * 32 + 1), RangeError);
    assert.equal(client.connection.phase, 'open');
  });
});

describe('tickets', () => {
  const message = (lifetimeSeconds: number): Bytes =>
    encodeNewSessionTicket({
      lifetimeSeconds,
      ageAdd: 0x89abcdef,
      nonce: ascii('n'),
      ticket: ascii('ticket'),
      extensions: new Map([
        [EXTENSION.early_data, Uint8Array.of(0, 0, 0x40, 0)],
        [4242, EMPTY],
      ]),
    });

  test('come out with their secret if there is a place for them', async () => {
    const { client, server } = await converse({}, { keepTickets: true });
    server.record(CONTENT_TYPE.handshake, concat(message(1_000_000), message(60)));
    await exchange({ client, server });
    assert.deepEqual(client.tickets[0], {
      version: 'TLSv1.3',
      ticket: ascii('ticket'),
      resumptionSecret: ticketSecret(nodeCrypto, 'sha256', server.resumptionSecret, ascii('n')),
      suite: 'TLS_AES_128_GCM_SHA256',
      group: 'x25519',
      lifetimeSeconds: LIMITS.ticketLifetimeSeconds,
      ageAdd: 0x89abcdef,
      receivedAtMs: 1_700_000_000_000,
      serverName: 'localhost',
      alpn: null,
      certificatePolicy: '',
      peer: client.session?.peer,
      signatureScheme: client.session?.signatureScheme,
    });
    assert.equal(client.tickets[1]?.lifetimeSeconds, 60);
  });

  test('are read and forgotten if there is none, if they live no time, or if there are many', async () => {
    const none = await converse({}, { keepTickets: false });
    none.server.record(CONTENT_TYPE.handshake, message(60));
    await exchange(none);
    assert.deepEqual([none.client.tickets, none.client.failure], [[], undefined]);

    const many = await converse({}, { keepTickets: true });
    many.server.record(CONTENT_TYPE.handshake, message(0));
    for (let count = 0; count < LIMITS.ticketsKept + 3; count++)
      many.server.record(CONTENT_TYPE.handshake, message(60));
    await exchange(many);
    assert.equal(many.client.tickets.length, LIMITS.ticketsKept);
    assert.equal(many.client.failure, undefined);
  });
});

describe('the end', () => {
  test('of one direction leaves the other open', async () => {
    const { client, server } = await converse();
    client.connection.closeWrite();
    client.connection.closeWrite();
    await exchange({ client, server });
    assert.deepEqual(server.alerts, [{ level: 1, name: 'close_notify' }]);
    assert.throws(() => client.connection.send(ascii('x')), ConnectionMisuse);
    server.data(ascii('still here')).updateKeys('update_requested').alert(1, 'close_notify');
    assert.equal(client.connection.finished, false);
    await exchange({ client, server });
    assert.deepEqual(client.takePlaintext(), ascii('still here'));
    assert.equal(client.peerClosed, true);
    assert.equal(client.connection.finished, true);
    assert.equal(client.failure, undefined);
    assert.throws(() => client.connection.exportKeyingMaterial('label', EMPTY, 1), ConnectionMisuse);
  });

  test('of the server leaves ours open; what comes behind it is ignored', async () => {
    const { client, server } = await converse();
    server.alert(1, 'close_notify').raw(ascii('anything'));
    await exchange({ client, server });
    assert.equal(client.peerClosed, true);
    assert.equal(client.unreadBytes, 0);
    client.connection.receiveEnd();
    client.connection.send(ascii('after'));
    client.connection.updateKeys();
    client.connection.closeWrite();
    await exchange({ client, server });
    assert.deepEqual(concat(...server.plaintext), ascii('after'));
    assert.equal(client.connection.finished, true);
    assert.equal(client.failure, undefined);
  });

  test('user_canceled before it is nothing', async () => {
    const { client, server } = await converse();
    for (let count = 0; count < LIMITS.warningAlerts; count++) server.alert(1, 'user_canceled');
    server.alert(1, 'close_notify');
    await exchange({ client, server });
    assert.equal(client.peerClosed, true);
    assert.equal(client.failure, undefined);
  });

  test('by our own will is told to the peer', async () => {
    const open = await converse();
    open.client.connection.abort();
    await exchange(open);
    assert.deepEqual(open.server.alerts, [
      { level: 1, name: 'user_canceled' },
      { level: 1, name: 'close_notify' },
    ]);
    assert.deepEqual(open.client.failure, { kind: 'internal', why: 'aborted' });

    const early = await converse({ silent: true });
    early.client.connection.abort({ kind: 'internal', why: 'internal-error', detail: 'of ours' });
    await exchange(early);
    assert.deepEqual(early.server.alerts, [{ level: 2, name: 'internal_error' }]);
    assert.deepEqual(early.client.failure, { kind: 'internal', why: 'internal-error', detail: 'of ours' });
    early.client.connection.abort();
    assert.equal(early.client.connection.next(), undefined);
  });

  test('data that came before a failure is delivered before it', async () => {
    const { client, server } = await converse();
    server.data(ascii('good')).raw(concat(Uint8Array.of(23, 3, 3, 0, 20), new Uint8Array(20)));
    await exchange({ client, server });
    assert.deepEqual(client.takePlaintext(), ascii('good'));
    assert.deepEqual(client.log.slice(-3), ['plaintext', 'network', 'failed']);
  });

  test('after close_notify no alert is sent, and after a failure nothing', async () => {
    const { client, server } = await converse();
    client.connection.closeWrite();
    await exchange({ client, server });
    server.raw(concat(Uint8Array.of(23, 3, 3, 0, 20), new Uint8Array(20)));
    await exchange({ client, server });
    assert.equal(client.failure?.why, 'bad-record-mac');
    assert.equal(server.alerts.length, 1);
    assert.equal(client.connection.receive(ascii('more')), 4);
    client.connection.closeWrite();
    assert.equal(client.connection.next(), undefined);
  });
});

describe('a driver', () => {
  test('may answer late, and is given nothing more before it has', async () => {
    const server = new ScriptedServer();
    const connection = new ClientConnection(testConfig(), nodeCrypto);
    const client = new ConnectionDriver(connection);
    await client.start();
    await server.hear(client.takeNetwork());
    const flight = server.take();
    const consumed = connection.receive(flight);
    assert.ok(consumed > 0 && consumed < flight.length);
    assert.equal(connection.receive(flight.subarray(consumed)), 0);
    const asked = connection.next();
    assert.ok(asked?.output === 'effect' && asked.effect.effect === 'agree');
    const secret = await asked.effect.keyShare.agree(asked.effect.peerShare);
    connection.answer(asked.id, { answer: 'agreed', secret });
    assert.deepEqual(secret, new Uint8Array(32));
    assert.throws(() => connection.answer(asked.id, { answer: 'agreed', secret }), ConnectionMisuse);
    await client.receive(flight.subarray(consumed));
    assert.ok(client.session);
  });

  test('that answers something else has made a mistake', async () => {
    const { client, server } = await converse({}, {}, () => ({ answer: 'signature-valid' }));
    assert.equal(client.failure?.why, 'internal-error');
    assert.deepEqual(server.alerts, [{ level: 2, name: 'internal_error' }]);
  });

  test('is told what it may not do now', async () => {
    const connection = new ClientConnection(testConfig(), nodeCrypto);
    assert.equal(connection.receive(ascii('x')), 0);
    connection.receiveEnd();
    assert.equal(connection.phase, 'idle');
    connection.start();
    assert.equal(connection.phase, 'handshake');
    assert.throws(() => connection.start(), ConnectionMisuse);
    assert.throws(() => connection.send(ascii('x')), ConnectionMisuse);
    assert.throws(() => connection.closeWrite(), ConnectionMisuse);
    assert.throws(() => connection.updateKeys(), ConnectionMisuse);
    assert.throws(() => connection.exportKeyingMaterial('', EMPTY, 1), ConnectionMisuse);
  });

  test('whose provider fails gets a failure, not an exception', () => {
    const broken = Object.create(nodeCrypto, {
      randomBytes: {
        value: () => {
          throw new Error('no entropy');
        },
      },
    });
    const connection = new ClientConnection(testConfig(), broken);
    connection.start();
    assert.deepEqual(connection.next(), {
      output: 'failed',
      failure: { kind: 'internal', why: 'internal-error', detail: 'no entropy' },
    });
    assert.equal(connection.next(), undefined);
  });
});

test('secrets are overwritten when the connection is over', async () => {
  const derived: Bytes[] = [];
  const watching = Object.create(nodeCrypto, {
    hmac: {
      value: (...args: Parameters<typeof nodeCrypto.hmac>) => {
        const result = nodeCrypto.hmac(...args);
        derived.push(result);
        return result;
      },
    },
  });
  const server = new ScriptedServer();
  const client = new ConnectionDriver(new ClientConnection(testConfig(), watching), acceptAnyCertificate);
  await client.start();
  await exchange({ client, server });
  assert.ok(client.session);
  server.alert(1, 'close_notify');
  client.connection.closeWrite();
  await exchange({ client, server });
  assert.equal(client.connection.finished, true);
  const left = derived.filter((secret) => secret.some((byte) => byte !== 0));
  // The verify_data of both Finished messages, which are no secrets.
  assert.equal(left.length, 2);
});
