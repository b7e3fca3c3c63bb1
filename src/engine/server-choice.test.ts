import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { clientHello, converse13, heldCredential, type Sides13, withExtensions } from '../../tests/support/pair13.ts';
import { softwareKeys } from '../../tests/support/software-keys.ts';
import { ascii } from '../core/bytes.ts';
import type { Tls12SuiteName, Tls13SuiteName } from '../crypto/cipher-suites.ts';
import { nodeCrypto } from '../crypto-node/provider.ts';
import type { KeyHolder } from './answer.ts';
import { encodeCodePoints } from './codec/extensions.ts';
import { decodeClientHello } from './codec/messages.ts';
import { EXTENSION } from './codec/registry.ts';
import type { ProtocolVersion } from './connection.ts';
import { readClientOffer } from './server/client-offer.ts';
import { defaultServerConfig } from './server-config.ts';
import { readClientOffer as readClientOffer12 } from './tls12/server/client-offer.ts';

const P256 = heldCredential('p256');
const ED25519 = heldCredential('ed25519');
const RSA = heldCredential('rsa-2048');

/** Both sides speak that version and no other. */
function only(version: ProtocolVersion, sides: Sides13): Sides13 {
  const versions = { minVersion: version, maxVersion: version };
  return {
    serverKeys: softwareKeys([P256]),
    ...sides,
    client: { ...versions, ...sides.client },
    server: { ...versions, ...sides.server },
  };
}

/** What a handshake that must succeed comes to. */
async function agreed(version: ProtocolVersion, sides: Sides13) {
  const { client, server } = await converse13(only(version, sides));
  assert.deepEqual([client.failure, server.failure], [undefined, undefined]);
  assert.ok(client.session !== undefined && client.session.version === version);
  return { session: client.session, client, server };
}

/** Why a handshake that must not succeed ends, and the alert. */
async function refused(version: ProtocolVersion, sides: Sides13) {
  const { client, server } = await converse13(only(version, sides));
  return [server.failure?.why, client.failure?.detail];
}

/** The suites of each version with AES in 256 and 128 bits and with ChaCha20, in the server's order. */
const SUITES = {
  'TLSv1.3': ['TLS_AES_256_GCM_SHA384', 'TLS_AES_128_GCM_SHA256', 'TLS_CHACHA20_POLY1305_SHA256'],
  'TLSv1.2': [
    'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
    'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
    'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
  ],
} as const;

function suitesOf(version: ProtocolVersion, ...indexes: number[]) {
  return version === 'TLSv1.3'
    ? { suites: indexes.map((index) => SUITES[version][index] as Tls13SuiteName) }
    : { tls12Suites: indexes.map((index) => SUITES[version][index] as Tls12SuiteName) };
}

for (const version of ['TLSv1.3', 'TLSv1.2'] as const)
  describe(`a server of ${version} chooses`, () => {
    test('the suite that it likes best, but ChaCha20 for a client that likes that best', async () => {
      for (const [ours, theirs, chosen] of [
        [[0, 1, 2], [1, 0, 2], 0],
        [[0, 1, 2], [1, 2, 0], 0],
        [[1, 0, 2], [0, 1], 1],
        [[0, 1, 2], [1], 1],
        [[0, 1, 2], [2, 1, 0], 2],
        [[0, 1], [2, 1, 0], 0],
      ] as const) {
        const sides = { client: suitesOf(version, ...theirs), server: suitesOf(version, ...ours) };
        assert.equal((await agreed(version, sides)).session.suite, SUITES[version][chosen]);
      }
      const nothing = { client: suitesOf(version, 0), server: suitesOf(version, 1, 2) };
      assert.deepEqual(await refused(version, nothing), ['no-common-suite', 'handshake_failure']);
    });

    test('the group that it likes best of those of the client', async () => {
      const groups = ['secp384r1', 'x25519', 'secp256r1'] as const;
      for (const [theirs, chosen] of [
        [['x25519', 'secp256r1', 'secp384r1'], 'secp384r1'],
        [['secp256r1', 'x25519'], 'x25519'],
        [['secp256r1'], 'secp256r1'],
      ] as const) {
        const sides = { client: { groups: theirs, keyShareGroups: [theirs[0]] }, server: { groups } };
        assert.equal((await agreed(version, sides)).session.group, chosen);
      }
    });

    test('among certificates by the name that is asked for', async () => {
      const serverKeys = softwareKeys([
        { ...heldCredential('p256', 'a.example'), names: ['a.example'] },
        { ...heldCredential('p256', '*.b.example'), names: ['b.example', '*.b.example'] },
      ]);
      for (const [serverName, subject] of [
        ['a.example', 'CN=a.example'],
        ['A.EXAMPLE', 'CN=a.example'],
        ['www.b.example', 'CN=*.b.example'],
      ] as const) {
        const { session } = await agreed(version, { client: { serverName }, serverKeys });
        assert.equal(session.peer?.subject, subject);
      }
      assert.deepEqual(await refused(version, { client: { serverName: 'c.example' }, serverKeys }), [
        'unrecognized-name',
        'unrecognized_name',
      ]);
      const nameless = await agreed(version, { client: { serverName: null }, serverKeys });
      assert.equal(nameless.session.peer?.subject, 'CN=a.example');
    });

    test('among certificates by what the client can verify, for one name of several keys too', async () => {
      const serverKeys = softwareKeys([P256, ED25519, RSA].map((held) => ({ ...held, names: ['localhost'] })));
      for (const scheme of ['ecdsa_secp256r1_sha256', 'ed25519', 'rsa_pss_rsae_sha256'] as const) {
        const { session } = await agreed(version, { client: { signatureSchemes: [scheme] }, serverKeys });
        assert.equal(session.signatureScheme, scheme);
      }
      const sides = {
        client: { signatureSchemes: ['rsa_pss_rsae_sha256'] as const },
        serverKeys: softwareKeys([P256]),
      };
      assert.deepEqual(await refused(version, sides), ['no-common-signature-scheme', 'handshake_failure']);
    });

    test('among certificates by the CAs that the client trusts, if one fits', async () => {
      const [known, unknown] = [ascii('the CA that it trusts'), ascii('another')];
      const serverKeys = softwareKeys([
        { ...heldCredential('p256', 'one'), issuers: [unknown] },
        { ...heldCredential('p256', 'two'), issuers: [known] },
      ]);
      for (const [certificateAuthorities, subject] of [
        [[known], 'CN=two'],
        [[ascii('a third'), known], 'CN=two'],
        [[ascii('a third')], 'CN=one'],
        [[], 'CN=one'],
      ] as const) {
        // The extension is one of TLS 1.3, which a client of both versions offers; 1.2 takes it as a hint.
        const maxVersion = 'TLSv1.3' as const;
        const { session } = await agreed(version, { client: { certificateAuthorities, maxVersion }, serverKeys });
        assert.equal(session.peer?.subject, subject);
      }
    });

    test('the protocol that it likes best, and none means no_application_protocol', async () => {
      const both = await agreed(version, { client: { alpn: ['a', 'b'] }, server: { alpn: ['b', 'a'] } });
      assert.deepEqual([both.session.alpn, both.server.session?.alpn], ['b', 'b']);
      const ignored = await agreed(version, { client: { alpn: ['a'] } });
      assert.equal(ignored.session.alpn, null);
      const nothing = { client: { alpn: ['a'] }, server: { alpn: ['b'] } };
      assert.deepEqual(await refused(version, nothing), ['no-common-alpn', 'no_application_protocol']);
    });

    test('by a question that says all that the client has said', async () => {
      const sides = { client: { alpn: ['h2', 'http/1.1'], requestOcsp: true, serverName: 'Name.Example' } };
      const { server } = await agreed(version, sides);
      const question = server.effects.find(({ effect }) => effect === 'choose-certificate');
      assert.ok(question?.effect === 'choose-certificate');
      const { role, serverName, alpnOffered, ocspRequested, authorities } = question;
      assert.deepEqual([role, serverName, ocspRequested, authorities], ['server', 'name.example', true, []]);
      // Behind a reserved value, which the client sends too.
      assert.deepEqual(alpnOffered.slice(-2), ['h2', 'http/1.1']);
      assert.ok(question.schemes.includes('ecdsa_secp256r1_sha256'));
    });
  });

for (const version of ['TLSv1.3', 'TLSv1.2'] as const)
  test(`a ticket of ${version} is good once, where its keeper opens each once`, async () => {
    const keys = softwareKeys([P256]);
    const used = new Set<string>();
    const serverKeys: KeyHolder = {
      ...keys,
      openTicket(effect) {
        const name = effect.ticket.join();
        if (used.has(name)) return { answer: 'ticket-opened', plaintext: null };
        used.add(name);
        return keys.openTicket(effect);
      },
    };
    const sides = { serverKeys, client: { keepTickets: true }, server: { ticketLifetimeSeconds: 3600 } };
    const session = (await agreed(version, sides)).client.tickets[0] ?? null;
    assert.ok(session !== null);
    const again = { ...sides, client: { ...sides.client, session } };
    const first = await agreed(version, again);
    const second = await agreed(version, again);
    assert.deepEqual([first.session.resumed, second.session.resumed], [true, false]);
    // Each connection brings another, so that who uses each once never runs out.
    const next = { ...sides, client: { ...sides.client, session: first.client.tickets[0] ?? null } };
    assert.equal((await agreed(version, next)).session.resumed, true);
  });

test('a list that says the same a thousand times says it once, so that nothing is compared a million times', async () => {
  const times = (...codes: number[]) => new Array<number[]>(1000).fill(codes).flat();
  const lists = {
    [EXTENSION.signature_algorithms]: times(0x0807, 0x0403),
    [EXTENSION.supported_groups]: times(0x001d),
  };
  const bodies = Object.entries(lists).map(([code, list]) => [code, encodeCodePoints(list)]);
  const record = await clientHello(
    (hello) => ({ ...withExtensions(hello, Object.fromEntries(bodies)), cipherSuites: times(0x1301, 0xc02b) }),
    { minVersion: 'TLSv1.2' },
  );
  const hello = decodeClientHello(record.subarray(9));
  const expected = { groups: ['x25519'], schemes: ['ed25519', 'ecdsa_secp256r1_sha256'] };
  const { suites, groups, schemes, certificateSchemes } = readClientOffer(hello, 'not-offered');
  assert.deepEqual({ groups, schemes }, expected);
  assert.deepEqual([suites, certificateSchemes], [['TLS_AES_128_GCM_SHA256'], expected.schemes]);
  const offer12 = readClientOffer12(defaultServerConfig(nodeCrypto, Date.now), hello);
  assert.deepEqual({ groups: offer12.groups, schemes: offer12.schemes }, expected);
  assert.deepEqual(offer12.suites, ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256']);
});
