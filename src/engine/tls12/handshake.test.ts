import assert from 'node:assert/strict';
import { test } from 'node:test';
import { carry, type Pair } from '../../../tests/support/carry.ts';
import { serverCertificate, type TestCertificate } from '../../../tests/support/certificates.ts';
import type { KeyKind } from '../../../tests/support/keys.ts';
import { softwareKeys } from '../../../tests/support/software-keys.ts';
import { ALL_TLS12_SUITES, converse12, NOW_MS, type Sides } from '../../../tests/support/tls12.ts';
import { ascii, type Bytes, concat, EMPTY, equal, latin1 } from '../../core/bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import { TLS12_SUITES } from '../../crypto/cipher-suites.ts';
import type { NamedGroup, SignatureScheme } from '../../crypto/provider.ts';
import { decodeClientHello } from '../codec/messages.ts';
import { EXTENSION } from '../codec/registry.ts';
import type { Ticket } from '../connection.ts';
import type { MachineState } from '../machine.ts';

const certificates = new Map<KeyKind, TestCertificate>();

function keysOf(kind: KeyKind, changes: { schemes?: SignatureScheme[]; ocspResponse?: Bytes } = {}) {
  const certificate = certificates.get(kind) ?? serverCertificate(undefined, { dns: ['localhost'] }, { key: kind });
  certificates.set(kind, certificate);
  return softwareKeys([{ chain: [certificate.der], privatePem: certificate.key.privatePem, ...changes }]);
}

/** Good in both versions. */
const BOTH: SignatureScheme[] = ['ecdsa_secp256r1_sha256', 'rsa_pss_rsae_sha256'];

const ECDSA = { serverKeys: keysOf('p256') };

function succeeded({ client, server }: Pair): void {
  assert.deepEqual([client.failure, server.failure], [undefined, undefined]);
  assert.ok(client.session !== undefined && server.session !== undefined);
  const { peer: _, signatureScheme: _scheme, ...ours } = client.session;
  const { peer: _peer, signatureScheme: _theirs, ...theirs } = server.session;
  assert.deepEqual(ours, theirs);
  assert.equal(ours.version, 'TLSv1.2');
}

async function speak(pair: Pair): Promise<void> {
  const { client, server } = pair;
  const long = new Uint8Array(40_000).fill(7);
  client.connection.send(ascii('ping'));
  server.connection.send(long);
  await carry(pair);
  assert.equal(latin1(server.takePlaintext()), 'ping');
  assert.ok(equal(client.takePlaintext(), long));
  for (const context of [null, EMPTY, ascii('context')])
    assert.deepEqual(
      client.connection.exportKeyingMaterial('EXPORTER-test', context, 40),
      server.connection.exportKeyingMaterial('EXPORTER-test', context, 40),
    );
  assert.notDeepEqual(
    client.connection.exportKeyingMaterial('EXPORTER-test', null, 40),
    client.connection.exportKeyingMaterial('EXPORTER-test', EMPTY, 40),
  );
  assert.throws(() => client.connection.exportKeyingMaterial('master secret', null, 48), RangeError);
  client.connection.updateKeys();
  client.connection.closeWrite();
  await carry(pair);
  assert.equal(server.peerClosed, true);
  server.connection.closeWrite();
  await carry(pair);
  assert.deepEqual([client.connection.finished, server.connection.finished], [true, true]);
  succeeded(pair);
}

for (const suite of ALL_TLS12_SUITES)
  test(`full handshake, data and exporters with ${suite}`, async () => {
    const serverKeys = keysOf(TLS12_SUITES[suite].authentication === 'rsa' ? 'rsa-2048' : 'p256');
    const pair = await converse12({ client: { tls12Suites: [suite] }, serverKeys });
    succeeded(pair);
    assert.equal(pair.client.session?.suite, suite);
    await speak(pair);
  });

for (const group of ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'] satisfies NamedGroup[])
  test(`agreement on ${group}`, async () => {
    const pair = await converse12({ server: { groups: [group] }, ...ECDSA });
    succeeded(pair);
    assert.equal(pair.client.session?.group, group);
  });

const SIGNATURES: readonly [KeyKind, SignatureScheme][] = [
  ['p256', 'ecdsa_secp256r1_sha256'],
  ['p384', 'ecdsa_secp384r1_sha384'],
  ['p384', 'ecdsa_secp256r1_sha256'],
  ['p521', 'ecdsa_secp521r1_sha512'],
  ['ed25519', 'ed25519'],
  ['rsa-2048', 'rsa_pss_rsae_sha256'],
  ['rsa-2048', 'rsa_pkcs1_sha256'],
  ['rsa-2048', 'rsa_pkcs1_sha512'],
];

for (const [kind, scheme] of SIGNATURES) {
  test(`a server signs by ${kind} as ${scheme}`, async () => {
    const pair = await converse12({ serverKeys: keysOf(kind, { schemes: [scheme] }) });
    succeeded(pair);
    assert.equal(pair.client.session?.signatureScheme, scheme);
  });

  test(`a client signs by ${kind} as ${scheme}`, async () => {
    const clientKeys = keysOf(kind, { schemes: [scheme] });
    const pair = await converse12({ server: { clientCertificate: 'required' }, clientKeys, ...ECDSA });
    succeeded(pair);
    assert.equal(pair.server.session?.signatureScheme, scheme);
    assert.notEqual(pair.server.session?.peer, null);
    await speak(pair);
  });
}

test('a key on another curve than the one scheme that the peer takes signs as that, on a curve of the peer', async () => {
  const signatureSchemes: SignatureScheme[] = ['ecdsa_secp256r1_sha256'];
  const p384 = keysOf('p384');
  const server = await converse12({ client: { signatureSchemes }, serverKeys: p384 });
  succeeded(server);
  assert.equal(server.client.session?.signatureScheme, 'ecdsa_secp256r1_sha256');
  const asks = { signatureSchemes, clientCertificate: 'required' } as const;
  const client = await converse12({ server: asks, clientKeys: p384, ...ECDSA });
  succeeded(client);
  assert.equal(client.server.session?.signatureScheme, 'ecdsa_secp256r1_sha256');
  const elsewhere = { signatureSchemes, groups: ['x25519', 'secp256r1'] } satisfies Sides['client'];
  const refused = await converse12({ client: elsewhere, serverKeys: p384 });
  assert.equal(refused.server.failure?.why, 'no-common-signature-scheme');
});

test('a client without a certificate is let in where one is optional, and only there', async () => {
  const optional = await converse12({ server: { clientCertificate: 'optional' }, ...ECDSA });
  succeeded(optional);
  assert.equal(optional.server.session?.peer, null);
  const required = await converse12({ server: { clientCertificate: 'required' }, ...ECDSA });
  assert.equal(required.server.failure?.why, 'tls12-client-certificate-missing');
  assert.deepEqual(required.client.failure?.detail, 'handshake_failure');
});

test('a stapled response reaches the verifier, if it was asked for', async () => {
  for (const requestOcsp of [true, false]) {
    const serverKeys = keysOf('p256', { ocspResponse: ascii('staple') });
    const pair = await converse12({ client: { requestOcsp }, serverKeys });
    succeeded(pair);
    const verification = pair.client.effects.find((effect) => effect.effect === 'verify-certificate');
    assert.deepEqual(verification?.ocspResponse, requestOcsp ? ascii('staple') : undefined);
  }
});

test('a server may promise a stapled response and leave it out', async () => {
  const serverKeys = keysOf('p256', { ocspResponse: ascii('staple') });
  const { client } = await converse12({
    serverKeys,
    tamperServer: (action) => (action.action === 'send' && action.message[0] === 22 ? [] : [action]),
  });
  // The transcripts differ now, so it ends at the Finished: but not before.
  assert.equal(
    client.effects.some((effect) => effect.effect === 'respond'),
    true,
  );
});

test('ALPN: the server prefers, and a client that offers nothing in common is refused', async () => {
  const both = await converse12({ client: { alpn: ['a', 'b'] }, server: { alpn: ['b', 'a'] }, ...ECDSA });
  succeeded(both);
  assert.equal(both.client.session?.alpn, 'b');
  const none = await converse12({ client: { alpn: ['a'] }, server: { alpn: ['b'] }, ...ECDSA });
  assert.equal(none.server.failure?.why, 'no-common-alpn');
  assert.equal(none.client.failure?.detail, 'no_application_protocol');
});

test('record_size_limit holds for both directions, without a type byte', async () => {
  const sizes: number[] = [];
  const pair = await converse12({ client: { recordSizeLimit: 100 }, server: { recordSizeLimit: 64 }, ...ECDSA });
  succeeded(pair);
  for (const [from, to, limit] of [
    [pair.server, pair.client, 100],
    [pair.client, pair.server, 64],
  ] as const) {
    from.connection.send(new Uint8Array(1000));
    await from.settle();
    const bytes = from.takeNetwork();
    for (let at = 0; at < bytes.length; ) {
      const bodyBytes = ((bytes[at + 3] as number) << 8) | (bytes[at + 4] as number);
      sizes.push(bodyBytes - 24 - limit);
      at += 5 + bodyBytes;
    }
    await to.receive(bytes);
    assert.equal(to.takePlaintext().length, 1000);
  }
  assert.equal(Math.max(...sizes), 0);
});

test('bytes may come one at a time', async () => {
  const pair = await converse12({ pieceBytes: 1, ...ECDSA });
  await speak(pair);
});

async function ticketFrom(sides: Sides): Promise<Ticket> {
  const pair = await converse12(sides);
  succeeded(pair);
  assert.equal(pair.client.session?.resumed, false);
  return pair.client.tickets[0] as Ticket;
}

const FITTING: Sides = {
  client: { alpn: ['one', 'two'], certificatePolicy: 'public' },
  server: { alpn: ['one'], certificatePolicy: 'anyone' },
  ...ECDSA,
};

test('a ticket resumes without a signature, with a new ticket that ages with the first', async () => {
  const session = await ticketFrom(FITTING);
  assert.equal(session.lifetimeSeconds, 7200);
  const later = NOW_MS + 1_000_000;
  const resumed = await converse12({
    ...FITTING,
    client: { ...FITTING.client, session, now: () => later },
    server: { ...FITTING.server, now: () => later },
  });
  succeeded(resumed);
  const facts = resumed.client.session;
  assert.deepEqual([facts?.resumed, facts?.group, facts?.signatureScheme], [true, 'x25519', 'ecdsa_secp256r1_sha256']);
  assert.deepEqual(facts?.peer, session.peer);
  assert.deepEqual(
    resumed.client.effects.map(({ effect }) => effect),
    [],
  );
  assert.deepEqual(
    resumed.server.effects.map(({ effect }) => effect),
    ['open-ticket', 'seal-ticket'],
  );
  const [renewed] = resumed.client.tickets;
  assert.equal(renewed?.receivedAtMs, session.receivedAtMs);
  assert.equal(renewed?.lifetimeSeconds, 7200);
  await speak(resumed);
});

test('the client certificate of the full handshake counts for resumptions', async () => {
  const mutual: Sides = { server: { clientCertificate: 'required' }, clientKeys: keysOf('ed25519'), ...ECDSA };
  const session = await ticketFrom(mutual);
  const resumed = await converse12({ ...mutual, client: { session } });
  succeeded(resumed);
  assert.equal(resumed.server.session?.resumed, true);
  assert.equal(resumed.server.session?.peer?.subject, 'CN=localhost');
});

test('what is sealed and is no session of TLS 1.2 is not resumed', async () => {
  const session = await ticketFrom(FITTING);
  const sealed = (plaintext: Bytes) =>
    ECDSA.serverKeys.sealTicket({ effect: 'seal-ticket', purpose: 'ticket', plaintext }) as { ticket: Bytes };
  const older = Uint8Array.of(3, 3, 0xc0, 0x2b, 0, 0, 2, 0x7b, 0x7d);
  for (const plaintext of [EMPTY, ascii('\x01\x03\x04 other'), older, concat(Uint8Array.of(1), older)]) {
    const { ticket } = sealed(plaintext);
    const pair = await converse12({ ...FITTING, client: { ...FITTING.client, session: { ...session, ticket } } });
    succeeded(pair);
    assert.equal(pair.client.session?.resumed, false);
  }
});

test('a keeper of ticket keys that refuses costs the ticket, not the connection', async () => {
  const refuses = { answer: 'refused', failure: { kind: 'internal', why: 'internal-error' } } as const;
  const pair = await converse12({ serverKeys: { ...ECDSA.serverKeys, sealTicket: () => refuses } });
  succeeded(pair);
  assert.deepEqual(pair.client.tickets, []);
  await speak(pair);
});

test('a client that repeats what failed with a newer version says so, and is refused where that is there', async () => {
  const fallback = { fallback: true, maxVersion: 'TLSv1.2' } as const;
  const old = await converse12({ client: fallback, ...ECDSA });
  succeeded(old);
  const both = await converse12({ client: fallback, server: { maxVersion: 'TLSv1.3' }, ...ECDSA });
  assert.equal(both.server.failure?.why, 'inappropriate-fallback');
  assert.equal(both.client.failure?.detail, 'inappropriate_fallback');
});

test('a client that wants no tickets says nothing of them', async () => {
  const pair = await converse12({ client: { keepTickets: false }, ...ECDSA });
  succeeded(pair);
  assert.equal(
    pair.server.effects.some(({ effect }) => effect === 'seal-ticket'),
    false,
  );
  assert.deepEqual(pair.client.tickets, []);
});

test('a week after the full handshake its secret is used no more', async () => {
  const week = LIMITS.ticketLifetimeSeconds * 1000;
  const server = { ticketLifetimeSeconds: LIMITS.ticketLifetimeSeconds };
  const first = await ticketFrom({ server, ...ECDSA });
  const almost = () => NOW_MS + week - 2000;
  const second = await converse12({
    client: { session: first, now: almost },
    server: { ...server, now: almost },
    ...ECDSA,
  });
  succeeded(second);
  assert.equal(second.client.session?.resumed, true);
  const over = () => NOW_MS + week;
  const third = await converse12({
    client: { session: second.client.tickets[0] as Ticket, now: over },
    server: { ...server, now: over },
    ...ECDSA,
  });
  succeeded(third);
  assert.equal(third.client.session?.resumed, false);
});

test('the secrets of each state are overwritten when both sides are closed', async () => {
  const secrets: Bytes[] = [];
  const watchClient = (state: MachineState) => {
    for (const secret of Object.values(state.secrets)) if (secret instanceof Uint8Array) secrets.push(secret);
  };
  const pair = await converse12({ watchClient, ...ECDSA });
  assert.equal(
    secrets.every((secret) => secret.some((byte) => byte !== 0)),
    true,
  );
  await speak(pair);
  assert.ok(secrets.length > 0);
  assert.equal(
    secrets.every((secret) => secret.every((byte) => byte === 0)),
    true,
  );
  // The ticket's copy is the caller's.
  assert.equal(
    pair.client.tickets[0]?.resumptionSecret.some((byte) => byte !== 0),
    true,
  );
});

test('TLS 1.2 is for those who share no newer version', async () => {
  const versions = [
    ['TLSv1.2', 'TLSv1.2'],
    ['TLSv1.2', 'TLSv1.3'],
    ['TLSv1.3', 'TLSv1.3'],
  ] as const;
  for (const [clientLeast, clientMost] of versions)
    for (const [serverLeast, serverMost] of versions) {
      const pair = await converse12({
        client: { minVersion: clientLeast, maxVersion: clientMost, signatureSchemes: BOTH },
        server: { minVersion: serverLeast, maxVersion: serverMost, signatureSchemes: BOTH },
        ...ECDSA,
      });
      const least = [clientLeast, serverLeast].includes('TLSv1.3') ? 'TLSv1.3' : 'TLSv1.2';
      const most = [clientMost, serverMost].includes('TLSv1.2') ? 'TLSv1.2' : 'TLSv1.3';
      if (least <= most) {
        assert.deepEqual([pair.client.session?.version, pair.server.session?.version], [most, most]);
      } else {
        assert.equal(pair.server.failure?.why, 'version-not-supported');
        assert.equal(pair.client.failure?.detail, 'protocol_version');
      }
    }
});

test('the key log has the master secret, for who asks loudly', async () => {
  const loud = await converse12({ client: { insecureKeyLog: true }, server: { insecureKeyLog: true }, ...ECDSA });
  succeeded(loud);
  assert.deepEqual(loud.client.keyLog, loud.server.keyLog);
  assert.match(loud.client.keyLog.join(), /^CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}$/);
  const silent = await converse12(ECDSA);
  assert.deepEqual([...silent.client.keyLog, ...silent.server.keyLog], []);
});

test('the offer of 1.2 alone has nothing of 1.3 in it', async () => {
  const offered: Bytes[] = [];
  const pair = await converse12({
    client: { maxVersion: 'TLSv1.2', grease: false, keepTickets: false },
    ...ECDSA,
    tamperClient: (action) => {
      if (action.action === 'send') offered.push(action.message);
      return [action];
    },
  });
  succeeded(pair);
  const hello = decodeClientHello((offered[0] as Bytes).subarray(4));
  assert.equal(hello.sessionId.length, 0);
  assert.deepEqual(
    [...hello.extensions.keys()].sort((a, b) => a - b),
    [
      EXTENSION.server_name,
      EXTENSION.status_request,
      EXTENSION.supported_groups,
      EXTENSION.ec_point_formats,
      EXTENSION.signature_algorithms,
      EXTENSION.extended_master_secret,
      EXTENSION.record_size_limit,
      EXTENSION.renegotiation_info,
    ],
  );
});
