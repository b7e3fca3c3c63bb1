/** What each implementation of `Connection` does in a conversation that goes well, whoever is at the other end. */
import { describe, expect, test } from 'bun:test';
import { equal } from '../../src/core/bytes.ts';
import type { Ticket } from '../../src/engine/connection.ts';
import { carry, inPieces, type Pair } from '../support/carry.ts';
import { serverCertificate } from '../support/certificates.ts';
import { ISSUING_CA } from '../support/test-pki.ts';
import { BACKENDS, converse, held, openSsl, pairOf, type Scene, VERSIONS } from './backends.ts';

const SCENES: readonly Scene[] = VERSIONS.flatMap((version) =>
  BACKENDS.flatMap((client) => BACKENDS.map((server) => ({ version, client, server }))),
);

const SIZES = [1, 100, 2 ** 14, 2 ** 14 + 1, 300_000];

function numbered(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + seed + (index >> 8)) & 0xff);
}

function expectOpen({ client, server }: Pair): void {
  expect([client.failure, server.failure]).toEqual([undefined, undefined]);
  expect([client.connection.phase, server.connection.phase]).toEqual(['open', 'open']);
}

async function expectEcho(pair: Pair, length: number, pieceBytes = length): Promise<void> {
  pair.client.connection.send(numbered(length));
  pair.server.connection.send(numbered(length, 1));
  await carry(pair, inPieces(pieceBytes));
  expect(equal(pair.server.takePlaintext(), numbered(length))).toBe(true);
  expect(equal(pair.client.takePlaintext(), numbered(length, 1))).toBe(true);
}

describe.each(SCENES)('$version, client $client, server $server:', (scene) => {
  const tls13 = scene.version === 'TLSv1.3';

  test('a handshake leaves both ends open, and of one mind on what was agreed', async () => {
    const pair = pairOf(scene);
    expect([pair.client.connection.phase, pair.server.connection.phase]).toEqual(['idle', 'idle']);
    await converse(pair);
    expectOpen(pair);
    const { peer, signatureScheme, ...agreed } = pair.client.session ?? { peer: null, signatureScheme: null };
    expect(agreed as object).toEqual({
      version: scene.version,
      suite: tls13 ? 'TLS_AES_128_GCM_SHA256' : 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
      group: 'x25519',
      alpn: null,
      serverName: 'a.test',
      resumed: false,
      helloRetryRequest: false,
      ech: 'not-offered',
    });
    expect(signatureScheme).toBe('ecdsa_secp256r1_sha256');
    expect(peer).toMatchObject({ verified: true, subject: 'CN=a.test' });
    expect(pair.server.session as object).toEqual({ ...agreed, peer: null, signatureScheme: null });
  });

  test('the client is told that it is open once, after the verdict and before any data', async () => {
    const pair = await converse(pairOf(scene));
    pair.server.connection.send(numbered(10));
    await carry(pair);
    const { log } = pair.client;
    expect(log.filter((kind) => kind === 'open')).toHaveLength(1);
    expect(log.lastIndexOf('effect')).toBeLessThan(log.indexOf('open'));
    expect(log.indexOf('open')).toBeLessThan(log.indexOf('plaintext'));
    expect(pair.client.effects.filter(({ effect }) => effect === 'verify-certificate')).toHaveLength(1);
  });

  test('the verdict is asked for with the chain as it was sent', async () => {
    const leaf = serverCertificate(ISSUING_CA, { dns: ['a.test'] });
    const credential = held(leaf);
    const pair = await converse(pairOf(scene, { serverCredentials: [credential] }));
    const effect = pair.client.effects.find(({ effect }) => effect === 'verify-certificate');
    expect(effect).toEqual({ effect: 'verify-certificate', chain: credential.chain, publicName: null });
  });

  test('data goes both ways at once, in records that hold it all', async () => {
    const pair = await converse(pairOf(scene));
    for (const size of SIZES) await expectEcho(pair, size);
    pair.client.connection.send(new Uint8Array(0));
    await carry(pair);
    expect(pair.server.takePlaintext()).toHaveLength(0);
    expectOpen(pair);
  });

  test('byte by byte it is the same', async () => {
    const pair = await converse(pairOf(scene), 1);
    expectOpen(pair);
    for (const size of [1, 100, 17_000]) await expectEcho(pair, size, 1);
    pair.client.connection.closeWrite();
    pair.server.connection.closeWrite();
    await carry(pair, inPieces(1));
    expect([pair.client.connection.finished, pair.server.connection.finished]).toEqual([true, true]);
  });

  test('in one piece with the end it is the same', async () => {
    const pair = await converse(pairOf(scene));
    for (let index = 0; index < 50; index++) pair.client.connection.send(numbered(1000, index));
    pair.client.connection.closeWrite();
    await carry(pair);
    expect(pair.server.takePlaintext()).toHaveLength(50_000);
    expect(pair.server.peerClosed).toBe(true);
  });

  test.each(['client', 'server'] as const)(
    'after close_notify of the %s the other direction goes on',
    async (first) => {
      const pair = await converse(pairOf(scene));
      const [closing, going] = first === 'client' ? [pair.client, pair.server] : [pair.server, pair.client];
      closing.connection.closeWrite();
      closing.connection.closeWrite(); // a second one says nothing
      await carry(pair);
      expect([going.peerClosed, closing.peerClosed]).toEqual([true, false]);
      expect([going.connection.finished, closing.connection.finished]).toEqual([false, false]);
      expect(() => closing.connection.send(numbered(1))).toThrow(/after closeWrite/);
      going.connection.send(numbered(40_000));
      await carry(pair);
      expect(equal(closing.takePlaintext(), numbered(40_000))).toBe(true);
      going.connection.receiveEnd(); // as the end of the stream, it is no truncation
      going.connection.closeWrite();
      await carry(pair);
      expect([going.connection.finished, closing.connection.finished]).toEqual([true, true]);
      expect([going.failure, closing.failure]).toEqual([undefined, undefined]);
    },
  );

  test('what comes behind a close_notify is ignored', async () => {
    const pair = await converse(pairOf(scene));
    pair.client.connection.closeWrite();
    await carry(pair);
    await pair.server.receive(numbered(100));
    expect(pair.server.unreadBytes).toBe(0);
    expect(pair.server.failure).toBeUndefined();
    await expect(carry(pair)).resolves.toBeUndefined();
  });

  test('keys are updated by either side, under data, if the version has it', async () => {
    const pair = await converse(pairOf(scene));
    for (const side of [pair.client, pair.server, pair.client]) {
      side.connection.updateKeys();
      await side.settle();
      const update = side.takeNetwork();
      expect(update.length > 0).toBe(tls13);
      const other = side === pair.client ? pair.server : pair.client;
      if (update.length > 0) await other.receive(update);
      await expectEcho(pair, 20_000);
    }
    expectOpen(pair);
  });

  test('whoever has closed says nothing more, also when asked for new keys', async () => {
    const pair = await converse(pairOf(scene));
    pair.client.connection.closeWrite();
    await carry(pair);
    for (let round = 0; round < 3; round++) {
      pair.server.connection.updateKeys();
      pair.server.connection.send(numbered(20_000, round));
      await pair.server.settle();
      await pair.client.receive(pair.server.takeNetwork());
      expect(equal(pair.client.takePlaintext(), numbered(20_000, round))).toBe(true);
      expect(pair.client.takeNetwork()).toHaveLength(0);
    }
    pair.server.connection.closeWrite();
    await carry(pair);
    expect([pair.client.connection.finished, pair.client.failure]).toEqual([true, undefined]);
  });

  test('a protocol is agreed on by the preference of the server', async () => {
    const pair = await converse(
      pairOf(scene, {
        clientConfig: { alpn: ['h2', 'imap', 'http/1.1'] },
        serverConfig: { alpn: ['pop3', 'http/1.1', 'h2'] },
      }),
    );
    expectOpen(pair);
    expect([pair.client.session?.alpn, pair.server.session?.alpn]).toEqual(['http/1.1', 'http/1.1']);
  });

  test('a protocol that only one of them speaks of is none', async () => {
    for (const differences of [{ clientConfig: { alpn: ['h2'] } }, { serverConfig: { alpn: ['h2'] } }]) {
      const pair = await converse(pairOf(scene, differences));
      expectOpen(pair);
      expect([pair.client.session?.alpn, pair.server.session?.alpn]).toEqual([null, null]);
    }
  });

  test('the server chooses its certificate by the name and the schemes of the client', async () => {
    const credentials = ['x.test', 'a.test', 'b.test'].map((name) =>
      held(serverCertificate(ISSUING_CA, { dns: [name] }), { names: [name] }),
    );
    const pair = await converse(
      pairOf(scene, {
        serverCredentials: credentials,
        clientConfig: { serverName: 'b.test', alpn: ['h2', 'h3'], signatureSchemes: ['ecdsa_secp256r1_sha256'] },
      }),
    );
    expectOpen(pair);
    expect(pair.server.effects).toContainEqual(
      expect.objectContaining({
        effect: 'choose-certificate',
        role: 'server',
        serverName: 'b.test',
        version: scene.version,
        alpnOffered: expect.arrayContaining(['h2', 'h3']),
        schemes: ['ecdsa_secp256r1_sha256'],
      }),
    );
    expect(pair.client.session?.peer?.subject).toBe('CN=b.test');
    expect(pair.server.session?.serverName).toBe('b.test');
  });

  test('a stapled response goes to a client that asks, and to the verdict', async () => {
    const ocspResponse = numbered(500);
    const serverCredentials = [{ ...held(serverCertificate(ISSUING_CA, { dns: ['a.test'] })), ocspResponse }];
    for (const requestOcsp of [true, false]) {
      const pair = await converse(pairOf(scene, { serverCredentials, clientConfig: { requestOcsp } }));
      expectOpen(pair);
      const effect = pair.client.effects.find(({ effect }) => effect === 'verify-certificate');
      // Of TLS 1.2, OpenSSL wants the verdict before it reads the message with the response.
      const tooLate = scene.client === 'openssl' && !tls13;
      const expected = requestOcsp && !tooLate ? ocspResponse : undefined;
      expect(effect?.effect === 'verify-certificate' && effect.ocspResponse).toEqual(expected as Uint8Array);
      const asked = pair.server.effects.find(({ effect }) => effect === 'choose-certificate');
      expect(asked).toMatchObject({ ocspRequested: requestOcsp });
    }
  });

  test('without a name there is none', async () => {
    const pair = await converse(pairOf(scene, { clientConfig: { serverName: null } }));
    expectOpen(pair);
    expect([pair.client.session?.serverName, pair.server.session?.serverName]).toEqual([null, null]);
  });

  test.each(['p384', 'rsa-2048', 'ed25519'] as const)('a server with a key of %s', async (key) => {
    const leaf = serverCertificate(ISSUING_CA, { dns: ['a.test'] }, { key });
    const pair = await converse(pairOf(scene, { serverCredentials: [held(leaf)] }));
    expectOpen(pair);
    // In TLS 1.2 an ECDSA scheme names only its hash, and OpenSSL likes SHA-256 with any curve.
    const schemes = {
      'p384': /^ecdsa_secp(?:384r1_sha384|256r1_sha256)$/,
      'rsa-2048': /^rsa_pss_rsae_sha256$/,
      'ed25519': /^ed25519$/,
    };
    expect(pair.client.session?.signatureScheme).toMatch(schemes[key]);
  });

  test.each(['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'] as const)('%s, or its like', async (suite) => {
    const tls12Suite = suite.includes('CHACHA20')
      ? 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256'
      : 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384';
    const pair = await converse(pairOf(scene, { clientConfig: { suites: [suite], tls12Suites: [tls12Suite] } }));
    expectOpen(pair);
    expect(pair.client.session?.suite).toBe(tls13 ? suite : tls12Suite);
    expect(pair.server.session?.suite).toBe(tls13 ? suite : tls12Suite);
    await expectEcho(pair, 1000);
  });

  test('a group that the server does not have costs a hello retry request, if the version has it', async () => {
    const pair = await converse(
      pairOf(scene, {
        clientConfig: { groups: ['x25519', 'secp256r1', 'secp384r1'], keyShareGroups: ['x25519'] },
        serverConfig: { groups: ['secp384r1'] },
      }),
    );
    expectOpen(pair);
    for (const { session } of [pair.client, pair.server])
      expect(session).toMatchObject({ group: 'secp384r1', helloRetryRequest: tls13 });
  });

  test('the hybrid group is taken where both have it: OpenSSL from 3.5 on, and no TLS 1.2', async () => {
    const groups = ['X25519MLKEM768', 'x25519', 'secp256r1'] as const;
    const clientConfig = { groups, keyShareGroups: [groups[0], groups[1]] };
    const pair = await converse(pairOf(scene, { clientConfig, serverConfig: { groups } }));
    expectOpen(pair);
    const all = [scene.client, scene.server].every((name) => name === 'tlsify' || openSsl.version >= 0x30500000);
    const group = tls13 && all ? 'X25519MLKEM768' : 'x25519';
    expect([pair.client.session?.group, pair.server.session?.group]).toEqual([group, group]);
  });

  test('both ends export the same keys, others for another label, context or length', async () => {
    const pair = await converse(pairOf(scene));
    const [client, server] = [pair.client.connection, pair.server.connection];
    const seen = new Set<string>();
    for (const [label, context, length] of [
      ['EXPORTER-one', null, 32],
      ['EXPORTER-two', null, 32],
      ['EXPORTER-one', numbered(5), 32],
      ['EXPORTER-one', numbered(5), 64],
    ] as const) {
      const keys = client.exportKeyingMaterial(label, context, length);
      expect(keys).toHaveLength(length);
      expect(server.exportKeyingMaterial(label, context, length)).toEqual(keys);
      seen.add(keys.toHex());
    }
    expect(seen.size).toBe(4);
    // RFC 8446 section 7.5 has none for an empty context and for no context; RFC 5705 section 4 has two.
    const [none, empty] = [null, new Uint8Array(0)].map((context) =>
      client.exportKeyingMaterial('EXPORTER-x', context, 16),
    );
    expect(equal(none as Uint8Array, empty as Uint8Array)).toBe(tls13);
  });

  test('a session is resumed with its ticket, for the same name and policy', async () => {
    const keeping = { clientConfig: { keepTickets: true }, serverConfig: { ticketLifetimeSeconds: 7200 } };
    const first = await converse(pairOf(scene, keeping));
    expectOpen(first);
    const ticket = first.client.tickets[0] as Ticket;
    expect(ticket).toMatchObject({ version: scene.version, serverName: 'a.test', peer: { subject: 'CN=a.test' } });
    const again = (clientConfig: object) =>
      converse(
        pairOf(scene, { ...keeping, clientConfig: { ...keeping.clientConfig, session: ticket, ...clientConfig } }),
      );
    const second = await again({});
    expectOpen(second);
    expect([second.client.session?.resumed, second.server.session?.resumed]).toEqual([true, true]);
    expect(second.client.session).toMatchObject({ group: 'x25519', peer: ticket.peer });
    expect(second.client.session?.signatureScheme).toBe('ecdsa_secp256r1_sha256');
    expect(second.server.session).toMatchObject({ group: 'x25519', peer: null, signatureScheme: null });
    expect(second.client.effects.some(({ effect }) => effect === 'verify-certificate')).toBe(false);
    await expectEcho(second, 1000);
    for (const other of [{ serverName: 'other.test' }, { certificatePolicy: 'other' }, { session: null }]) {
      const third = await again(other);
      expectOpen(third);
      expect([third.client.session?.resumed, third.server.session?.resumed]).toEqual([false, false]);
      expect(third.client.effects.some(({ effect }) => effect === 'verify-certificate')).toBe(true);
    }
  });

  test('nobody gives or keeps tickets unasked', async () => {
    const pair = await converse(pairOf(scene));
    await expectEcho(pair, 10);
    expect(pair.client.tickets).toEqual([]);
  });
});

test('a ticket of one backend is no ticket for the other', async () => {
  const keeping = { clientConfig: { keepTickets: true }, serverConfig: { ticketLifetimeSeconds: 7200 } };
  for (const version of VERSIONS)
    for (const [client, other] of [
      ['tlsify', 'openssl'],
      ['openssl', 'tlsify'],
    ] as const) {
      const first = await converse(pairOf({ version, client, server: 'tlsify' }, keeping));
      const session = first.client.tickets[0] as Ticket;
      const clientConfig = { ...keeping.clientConfig, session };
      const second = await converse(pairOf({ version, client: other, server: 'tlsify' }, { ...keeping, clientConfig }));
      expectOpen(second);
      expect(second.client.session?.resumed).toBe(false);
    }
});
