import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { brotliCompressSync } from 'node:zlib';
import { carry } from '../../tests/support/carry.ts';
import { converse13, heldCredential, pair13, type Sides13 } from '../../tests/support/pair13.ts';
import { softwareKeys } from '../../tests/support/software-keys.ts';
import { ascii, type Bytes, EMPTY, latin1 } from '../core/bytes.ts';
import { LIMITS } from '../core/limits.ts';
import { nodeCrypto } from '../crypto-node/provider.ts';
import { type KeyHolder, NO_KEYS } from './answer.ts';
import type { Effect, Ticket } from './connection.ts';
import { certificateBody } from './own-certificate.ts';
import { padToMultipleOf } from './record/outgoing.ts';
import { ServerConnection } from './server.ts';
import { defaultServerConfig } from './server-config.ts';

/** Both sides of a handshake that must succeed. */
async function handshake(sides: Sides13 = {}) {
  const pair = await converse13(sides);
  assert.equal(pair.client.failure, undefined);
  assert.equal(pair.server.failure, undefined);
  const { session: client } = pair.client;
  const { session: server } = pair.server;
  assert.ok(client !== undefined && server !== undefined);
  return { pair, client, server };
}

function effectsOf(effects: readonly Effect[]): string[] {
  return effects.map(({ effect }) => effect);
}

describe('a handshake', () => {
  test('ends with the same facts on both sides, and data goes both ways', async () => {
    const { pair, client, server } = await handshake({ client: { alpn: ['h2'] }, server: { alpn: ['h2'] } });
    assert.deepEqual(
      { ...server, signatureScheme: null, peer: null },
      { ...client, signatureScheme: null, peer: null },
    );
    assert.equal(server.serverName, 'localhost');
    assert.equal(server.alpn, 'h2');
    assert.equal(server.peer, null);
    assert.equal(server.signatureScheme, null);
    pair.client.connection.send(ascii('there'));
    pair.server.connection.send(ascii('and back'));
    await carry(pair);
    assert.equal(latin1(pair.server.takePlaintext()), 'there');
    assert.equal(latin1(pair.client.takePlaintext()), 'and back');
    pair.server.connection.closeWrite();
    await carry(pair);
    assert.equal(pair.client.peerClosed, true);
    pair.client.connection.send(ascii('half-closed'));
    pair.client.connection.closeWrite();
    await carry(pair);
    assert.equal(latin1(pair.server.takePlaintext()), 'half-closed');
    assert.deepEqual([pair.client.connection.finished, pair.server.connection.finished], [true, true]);
  });

  test('asks for its work in this order, and for nothing else', async () => {
    const { pair } = await handshake();
    assert.deepEqual(effectsOf(pair.server.effects), ['choose-certificate', 'respond', 'sign']);
    const [question, , signing] = pair.server.effects;
    assert.ok(question?.effect === 'choose-certificate' && signing?.effect === 'sign');
    assert.equal(question.role, 'server');
    assert.equal(question.serverName, 'localhost');
    assert.equal(question.ocspRequested, true);
    assert.ok(question.schemes.every((scheme) => !scheme.startsWith('rsa_pkcs1')));
    assert.equal(signing.content.version, 'TLSv1.3');
    assert.equal(signing.content.role, 'server');
  });

  test('exports the same keying material on both sides, and updates keys from both', async () => {
    const { pair } = await handshake();
    const exported = (context: Bytes) =>
      [pair.client, pair.server].map(({ connection }) => connection.exportKeyingMaterial('EXPERIMENTAL', context, 42));
    const [a, b] = exported(EMPTY);
    assert.deepEqual(a, b);
    assert.notDeepEqual(exported(ascii('context'))[0], a);
    for (const side of [pair.server, pair.client]) {
      side.connection.updateKeys();
      await carry(pair);
      pair.client.connection.send(ascii('c'));
      pair.server.connection.send(ascii('s'));
      await carry(pair);
    }
    assert.equal(latin1(pair.server.takePlaintext()), 'cc');
    assert.equal(latin1(pair.client.takePlaintext()), 'ss');
  });

  test('says its secrets only when asked to', async () => {
    const silent = await handshake();
    assert.deepEqual([silent.pair.client.keyLog, silent.pair.server.keyLog], [[], []]);
    const { pair } = await handshake({ client: { insecureKeyLog: true }, server: { insecureKeyLog: true } });
    assert.equal(pair.server.keyLog.length, 5);
    assert.deepEqual([...pair.client.keyLog].sort(), [...pair.server.keyLog].sort());
    for (const line of pair.server.keyLog) assert.match(line, /^[A-Z_0]+ [0-9a-f]{64} [0-9a-f]{64}$/);
  });

  test('puts its flight out in one piece, a change_cipher_spec behind its first message', async () => {
    const { client, server } = pair13();
    await server.start();
    await client.start();
    await server.receive(client.takeNetwork());
    const [flight, ...others] = server.takeNetworkOutputs();
    assert.deepEqual(others, []);
    const types: number[] = [];
    for (
      let at = 0;
      flight !== undefined && at < flight.length;
      at += 5 + (flight[at + 3] as number) * 256 + (flight[at + 4] as number)
    )
      types.push(flight[at] as number);
    assert.deepEqual(types, [22, 20, 23]);
  });
});

describe('a server', () => {
  test('chooses the group that it likes best, with a HelloRetryRequest if there is no share of it', async () => {
    const groups = ['secp256r1', 'x25519'] as const;
    const asked = await handshake({ server: { groups } });
    assert.deepEqual([asked.client.group, asked.client.helloRetryRequest], ['secp256r1', true]);
    const had = await handshake({ client: { keyShareGroups: ['x25519', 'secp256r1'] }, server: { groups } });
    assert.deepEqual([had.client.group, had.server.helloRetryRequest], ['secp256r1', false]);
    const only = await handshake({ client: { groups: ['x25519'] }, server: { groups } });
    assert.deepEqual([only.server.group, only.server.helloRetryRequest], ['x25519', false]);
  });
});

describe('a certificate', () => {
  const ocspResponse = ascii('a response');
  const stapled = { ...heldCredential(), ocspResponse };

  test('comes with its staple if the client wants one', async () => {
    for (const requestOcsp of [true, false]) {
      const { pair } = await handshake({ client: { requestOcsp }, serverKeys: softwareKeys([stapled]) });
      const verification = pair.client.effects.find(({ effect }) => effect === 'verify-certificate');
      assert.ok(verification?.effect === 'verify-certificate');
      assert.deepEqual(verification.ocspResponse, requestOcsp ? ocspResponse : undefined);
    }
  });

  test('goes compressed where its holder has it so, with the staple and without', async () => {
    const chain = new Array(8).fill(stapled.chain[0] as Bytes);
    const compressed = [true, false].map((withStaple) => {
      const body = certificateBody({ ...stapled, chain, key: '' }, withStaple);
      return {
        algorithm: 'brotli' as const,
        stapled: withStaple,
        uncompressedBytes: body.length,
        compressed: new Uint8Array(brotliCompressSync(body)),
      };
    });
    const serverKeys = softwareKeys([{ ...stapled, chain, compressed }]);
    const flightBytes = async (certificateCompressions: ('brotli' | 'zlib')[], requestOcsp: boolean) => {
      let bytes = 0;
      const { pair } = await handshake({
        client: { certificateCompressions, requestOcsp },
        serverKeys,
        toClient: (flight) => {
          bytes += flight.length;
          return [flight];
        },
      });
      const verification = pair.client.effects.find(({ effect }) => effect === 'verify-certificate');
      assert.ok(verification?.effect === 'verify-certificate');
      assert.equal(verification.chain.length, 8);
      assert.deepEqual(verification.ocspResponse, requestOcsp ? ocspResponse : undefined);
      return bytes;
    };
    for (const requestOcsp of [true, false])
      assert.ok((await flightBytes(['brotli'], requestOcsp)) * 3 < (await flightBytes(['zlib'], requestOcsp)));
  });

  test('of the client is asked for, and may be missing if it is optional', async () => {
    const serverAsks = { server: { clientCertificate: 'optional' as const } };
    const none = await handshake(serverAsks);
    assert.equal(none.server.peer, null);
    for (const kind of ['p256', 'ed25519', 'rsa-2048', 'p384'] as const) {
      const clientKeys = softwareKeys([heldCredential(kind, 'client')]);
      const { server, pair } = await handshake({ ...serverAsks, clientKeys });
      assert.equal(server.peer?.subject, 'CN=client');
      assert.ok(server.signatureScheme !== null);
      assert.deepEqual(effectsOf(pair.client.effects).slice(-2), ['choose-certificate', 'sign']);
    }
  });

  test('of the client is chosen by what the server says that it takes', async () => {
    const issuer = ascii('the issuer');
    const clientKeys = softwareKeys([
      heldCredential('p256', 'one'),
      { ...heldCredential('p256', 'two'), issuers: [issuer] },
    ]);
    const { server, pair } = await handshake({
      clientKeys,
      server: { clientCertificate: 'required', certificateAuthorities: [issuer] },
    });
    assert.equal(server.peer?.subject, 'CN=two');
    const question = pair.client.effects.find(({ effect }) => effect === 'choose-certificate');
    assert.ok(question?.effect === 'choose-certificate');
    assert.deepEqual(question.authorities, [issuer]);
    assert.equal(question.role, 'client');
  });

  test("that the holder will not give: the failure is the holder's", async () => {
    const { client, server } = await converse13({ serverKeys: NO_KEYS });
    assert.equal(server.failure?.why, 'no-common-signature-scheme');
    assert.equal(client.failure?.detail, 'handshake_failure');
  });
});

describe('tickets', () => {
  const base: Sides13 = { client: { keepTickets: true }, server: { ticketLifetimeSeconds: 3600 } };
  const issued = async (sides: Sides13 = base): Promise<Ticket[]> => (await handshake(sides)).pair.client.tickets;
  const resume = (ticket: Ticket | undefined, sides: Sides13 = base): Sides13 => ({
    ...sides,
    client: { ...base.client, ...sides.client, session: ticket ?? null },
    server: { ...base.server, ...sides.server },
  });

  test('are as many as configured, in one record, and none for who cannot use them', async () => {
    for (const ticketCount of [0, 1, 2, LIMITS.ticketsIssued]) {
      const { pair } = await handshake({ ...base, server: { ...base.server, ticketCount } });
      assert.equal(pair.client.tickets.length, ticketCount);
      assert.equal(
        new Set(pair.client.tickets.map(({ resumptionSecret }) => resumptionSecret.join())).size,
        ticketCount,
      );
      for (const { lifetimeSeconds } of pair.client.tickets) assert.equal(lifetimeSeconds, 3600);
    }
    const { pair } = await handshake({ server: base.server ?? {} });
    assert.ok(!effectsOf(pair.server.effects).includes('seal-ticket'));
  });

  test('resume: no certificate, no signature, the same facts', async () => {
    const [ticket] = await issued();
    const { pair, client, server } = await handshake(resume(ticket));
    assert.deepEqual([client.resumed, server.resumed], [true, true]);
    assert.deepEqual(effectsOf(pair.server.effects), ['open-ticket', 'respond', 'seal-ticket', 'seal-ticket']);
    assert.deepEqual(effectsOf(pair.client.effects), ['agree']);
    assert.deepEqual(client.peer, ticket?.peer);
    assert.equal(pair.client.tickets.length, 2);
    const again = await handshake(resume(pair.client.tickets[0]));
    assert.equal(again.client.resumed, true);
  });

  test('resume through a HelloRetryRequest too, with state and without', async () => {
    const [ticket] = await issued();
    for (const statelessRetry of [false, true]) {
      const sides = resume(ticket, { client: { keyShareGroups: [] }, server: { statelessRetry } });
      const { client } = await handshake(sides);
      assert.deepEqual([client.resumed, client.helloRetryRequest], [true, true]);
    }
  });

  test("bring a client's identity back, as long as its certificate lives", async () => {
    const clientKeys = softwareKeys([heldCredential('p256', 'client')]);
    const sides: Sides13 = { ...base, clientKeys, server: { ...base.server, clientCertificate: 'required' } };
    const [ticket] = await issued(sides);
    const { server } = await handshake(resume(ticket, sides));
    assert.deepEqual([server.resumed, server.peer?.subject], [true, 'CN=client']);
    const anonymous = await handshake(resume(ticket, base));
    assert.equal(anonymous.server.resumed, false);
    const [ofNobody] = await issued();
    const asked = await handshake(resume(ofNobody, sides));
    assert.deepEqual([asked.server.resumed, asked.server.peer?.subject], [false, 'CN=client']);
  });

  test('with a secret that is not theirs: bad-binder, decrypt_error', async () => {
    const [ticket] = await issued();
    assert.ok(ticket !== undefined);
    const forged = { ...ticket, resumptionSecret: new Uint8Array(32) };
    const { client, server } = await converse13(resume(forged));
    assert.equal(server.failure?.why, 'bad-binder');
    assert.equal(client.failure?.detail, 'decrypt_error');
  });

  test('that the holder has no mind to seal are not given, and the connection goes on', async () => {
    const keys = softwareKeys([heldCredential()]);
    const unwilling: KeyHolder = {
      ...keys,
      sealTicket: () => ({ answer: 'refused', failure: { kind: 'internal', why: 'internal-error' } }),
    };
    const { pair } = await handshake({ ...base, serverKeys: unwilling });
    assert.equal(pair.client.tickets.length, 0);
    pair.client.connection.send(ascii('still here'));
    await carry(pair);
    assert.equal(latin1(pair.server.takePlaintext()), 'still here');
  });

  test('do not follow a close_notify', async () => {
    const keys = softwareKeys([heldCredential()]);
    const { client, server } = pair13({
      ...base,
      serverKeys: {
        ...keys,
        sealTicket: (effect) => {
          if (server.connection.phase === 'open') server.connection.closeWrite();
          return keys.sealTicket(effect);
        },
      },
    });
    await server.start();
    await client.start();
    await carry({ client, server });
    assert.equal(client.failure, undefined);
    assert.deepEqual([client.peerClosed, client.tickets.length], [true, 0]);
  });
});

describe('records', () => {
  test('are no longer than the other side takes', async () => {
    const lengths = (bytes: Bytes): number[] => {
      const found: number[] = [];
      for (let at = 0; at < bytes.length; at += 5 + (found.at(-1) as number))
        found.push((bytes[at + 3] as number) * 256 + (bytes[at + 4] as number));
      return found;
    };
    const { pair } = await handshake({ client: { recordSizeLimit: 100 }, server: { recordSizeLimit: 200 } });
    pair.server.connection.send(new Uint8Array(1000));
    pair.client.connection.send(new Uint8Array(1000));
    await pair.server.settle();
    await pair.client.settle();
    const toClient = pair.server.takeNetwork();
    const toServer = pair.client.takeNetwork();
    assert.equal(Math.max(...lengths(toClient)), 100 + 16);
    assert.equal(Math.max(...lengths(toServer)), 200 + 16);
    await pair.client.receive(toClient);
    await pair.server.receive(toServer);
    assert.deepEqual([pair.client.takePlaintext().length, pair.server.takePlaintext().length], [1000, 1000]);
  });

  test('are padded as the policy says', async () => {
    const { pair } = await handshake({ server: { padding: padToMultipleOf(256) }, client: { padding: () => 1e9 } });
    for (const length of [1, 255, 256, 1000]) {
      pair.server.connection.send(new Uint8Array(length));
      await pair.server.settle();
      const record = pair.server.takeNetwork();
      assert.equal((record.length - 5 - 16) % 256, 0);
      await pair.client.receive(record);
      assert.equal(pair.client.takePlaintext().length, length);
    }
    pair.client.connection.send(ascii('x'));
    await pair.client.settle();
    const full = pair.client.takeNetwork();
    assert.equal(full.length, 5 + LIMITS.plaintextBytes + 1 + 16);
    await pair.server.receive(full);
    assert.equal(latin1(pair.server.takePlaintext()), 'x');
  });

  test('may arrive in any pieces', async () => {
    for (const pieceBytes of [1, 7, 100]) {
      const pieces = (bytes: Bytes): Bytes[] =>
        Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, index) =>
          bytes.slice(index * pieceBytes, (index + 1) * pieceBytes),
        );
      await handshake({ toServer: pieces, toClient: pieces, server: { groups: ['secp256r1'] } });
    }
  });

  test('with a flipped bit end the connection, whichever it is', async () => {
    const { pair: whole } = await handshake();
    assert.equal(whole.server.failure, undefined);
    for (let at = 0; at < 80; at += 3) {
      let flight = 0;
      const { server } = await converse13({
        toServer: (bytes) => {
          flight += 1;
          if (flight !== 2) return [bytes];
          // Behind the change_cipher_spec, which has no protection.
          const changed = bytes.slice();
          const position = 6 + 5 + (at % (bytes.length - 11));
          changed[position] = (changed[position] as number) ^ (1 << (at % 8));
          return [changed];
        },
      });
      assert.equal(server.failure?.why, 'bad-record-mac');
    }
  });
});

test('a HelloRetryRequest without state is answered on a connection that has never seen the client', async () => {
  const sides: Sides13 = { client: { keyShareGroups: [] }, server: { statelessRetry: true } };
  const { client, server: first } = pair13(sides);
  const second = pair13(sides).server;
  await first.start();
  await second.start();
  await client.start();
  await first.receive(client.takeNetwork());
  await client.receive(first.takeNetwork());
  await carry({ client, server: second });
  assert.equal(client.failure, undefined);
  assert.deepEqual([client.session?.helloRetryRequest, second.session?.helloRetryRequest], [true, true]);
});

test('configurations that cannot work are found before a byte is sent', () => {
  const good = defaultServerConfig(nodeCrypto, () => 0);
  const bad: readonly Partial<typeof good>[] = [
    { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' },
    { suites: [] },
    { groups: [] },
    { groups: ['x25519', 'x25519'] },
    { signatureSchemes: [] },
    { signatureSchemes: ['rsa_pkcs1_sha256'], clientCertificate: 'optional' },
    { alpn: [''] },
    { recordSizeLimit: 63 },
    { maxFragment: 0 },
    { recordsPerKey: 1 },
    { ticketCount: LIMITS.ticketsIssued + 1 },
    { ticketLifetimeSeconds: LIMITS.ticketLifetimeSeconds + 1 },
  ];
  assert.equal(new ServerConnection(good, nodeCrypto).phase, 'idle');
  for (const change of bad)
    assert.throws(() => new ServerConnection({ ...good, ...change }, nodeCrypto), RangeError, JSON.stringify(change));
});
