import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { acceptAnyCertificate, type ConnectionDriver } from '../../tests/support/connection-driver.ts';
import { converse13, heldCredential, type Sides13 } from '../../tests/support/pair13.ts';
import { softwareKeys } from '../../tests/support/software-keys.ts';
import { LIMITS } from '../core/limits.ts';
import type { CertificateVerifier } from './answer.ts';
import type { ProtocolVersion, SessionFacts, Ticket } from './connection.ts';

const NOW_MS = 1_700_000_000_000;
const LIFETIME_SECONDS = 7200;
/** The certificates of the tests end before their tickets do. */
const NOT_AFTER_SECONDS = NOW_MS / 1000 + 3600;
const at = (seconds: number) => ({ now: () => NOW_MS + 1000 * seconds });

const SERVER_KEYS = softwareKeys([heldCredential()]);
const CLIENT_KEYS = softwareKeys([heldCredential('ed25519', 'client')]);

/** Accepts, with that end of validity. */
function until(notAfterSeconds: number): CertificateVerifier {
  return async (chain, staple, publicName) => {
    const answer = await acceptAnyCertificate(chain, staple, publicName);
    return answer.answer === 'certificate-accepted'
      ? { ...answer, identity: { ...answer.identity, notAfterSeconds } }
      : answer;
  };
}

/** What is changed between the handshake that a ticket came from and the one that it is kept for. */
interface Change extends Sides13 {
  /** Whose judgement it is: a client does not send a ticket that does not fit. */
  readonly judge: 'client' | 'server';
  /** The handshake that the ticket comes from, where it differs. */
  readonly first?: Sides13;
  /** What the client takes its ticket for, so that the server is who judges. */
  readonly ticket?: Partial<Ticket>;
}

const withoutClientCertificate = (): Sides13 => ({ clientKeys: softwareKeys([]) });

const CHANGES: Readonly<Record<string, Change>> = {
  'another name': { judge: 'client', client: { serverName: 'other.example' } },
  'another name, as the server sees it': {
    judge: 'server',
    client: { serverName: 'other.example' },
    ticket: { serverName: 'other.example' },
  },
  'no name': { judge: 'client', client: { serverName: null } },
  'no name, as the server sees it': { judge: 'server', client: { serverName: null }, ticket: { serverName: null } },
  'another protocol': { judge: 'client', client: { alpn: ['b'] } },
  'another protocol, by the offer': { judge: 'server', client: { alpn: ['b'] }, ticket: { alpn: 'b' } },
  "another protocol, by the server's choice": { judge: 'server', server: { alpn: ['b', 'a'] } },
  'no protocol any more': { judge: 'client', client: { alpn: [] } },
  'no protocol any more, as the server sees it': { judge: 'server', client: { alpn: [] }, ticket: { alpn: null } },
  'a protocol where there was none': {
    judge: 'client',
    first: { client: { alpn: [] } },
  },
  'a protocol where there was none, as the server sees it': {
    judge: 'server',
    first: { client: { alpn: [] } },
    ticket: { alpn: 'a' },
  },
  'another way to judge servers': { judge: 'client', client: { certificatePolicy: 'other' } },
  'another way to judge clients': { judge: 'server', server: { certificatePolicy: 'other' } },
  'a client certificate is required, and there was none': {
    judge: 'server',
    first: withoutClientCertificate(),
    server: { clientCertificate: 'required' },
  },
  'no client certificate is wanted, and there was one': { judge: 'server', server: { clientCertificate: 'none' } },
  "the server's certificate has ended": {
    judge: 'client',
    clientVerifier: until(NOT_AFTER_SECONDS),
    client: at(3600),
    server: at(3600),
  },
  "the client's certificate has ended": {
    judge: 'server',
    serverVerifier: until(NOT_AFTER_SECONDS),
    client: at(3600),
    server: at(3600),
  },
  'the ticket is too old for the client': { judge: 'client', client: at(LIFETIME_SECONDS) },
  'the ticket is too old for the server': { judge: 'server', server: at(LIFETIME_SECONDS) },
  'the ticket is of the future for the client': { judge: 'client', client: at(-1) },
  'the ticket is of the future for the server': { judge: 'server', server: at(-1) },
  'another key seals tickets': { judge: 'server', serverKeys: softwareKeys([heldCredential()]) },
};

/** Changes of the suites, which each version has of its own. */
const SUITES: Readonly<Record<ProtocolVersion, Readonly<Record<string, Change>>>> = {
  'TLSv1.3': {
    'the client offers its suite no more': { judge: 'client', client: { suites: ['TLS_AES_256_GCM_SHA384'] } },
    'the server takes no suite of its hash': { judge: 'server', server: { suites: ['TLS_AES_256_GCM_SHA384'] } },
  },
  'TLSv1.2': {
    'the client offers its suite no more': {
      judge: 'client',
      client: { tls12Suites: ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'] },
    },
    'the server takes its suite no more': {
      judge: 'server',
      server: { tls12Suites: ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'] },
    },
  },
};

for (const version of ['TLSv1.3', 'TLSv1.2'] as const)
  describe(`a ticket of ${version}`, () => {
    test('resumes where nothing has changed: with no signature, and what was proved remembered', async () => {
      for (const clientCertificate of ['optional', 'required'] as const) {
        const [ticket, first] = await ticketOf(version, {}, { server: { clientCertificate } });
        const sides = { server: { clientCertificate }, client: { session: ticket, ...at(60) } };
        const { client, server } = await both(version, sides, { server: at(60) });
        assert.deepEqual([client.session?.resumed, server.session?.resumed], [true, true]);
        assert.deepEqual(proved(client.session), proved(first.client.session));
        assert.deepEqual(proved(server.session), proved(first.server.session));
        assert.equal(server.session?.signatureScheme, 'ed25519');
        assert.equal(server.session?.peer?.subject, 'CN=client');
        assert.ok([...client.effects, ...server.effects].every(({ effect }) => effect !== 'sign'));
      }
    });

    test('resumes also without a name, a protocol and a client certificate, where there were none', async () => {
      const bare: Sides13 = { ...withoutClientCertificate(), client: { serverName: null, alpn: [] } };
      for (const clientCertificate of ['none', 'optional'] as const) {
        const sides = { ...bare, server: { clientCertificate } };
        const [session] = await ticketOf(version, sides);
        const { client, server } = await both(version, sides, { client: { session } });
        assert.deepEqual([client.session?.resumed, server.session?.resumed], [true, true]);
        assert.deepEqual([server.session?.peer, server.session?.signatureScheme], [null, null]);
      }
    });

    test('is not made for a client with more of a name than a ticket holds; the connection is as good as any', async () => {
      const called = (subject: string): CertificateVerifier => {
        return async (chain, staple, publicName) => {
          const answer = await acceptAnyCertificate(chain, staple, publicName);
          return answer.answer === 'certificate-accepted'
            ? { ...answer, identity: { ...answer.identity, subject } }
            : answer;
        };
      };
      const sides = { client: { keepTickets: true }, server: { clientCertificate: 'required' } } as const;
      for (const letters of [LIMITS.sessionTermsBytes - 1000, LIMITS.sessionTermsBytes, 2 ** 16, 2 ** 20]) {
        const { client, server } = await both(version, { ...sides, serverVerifier: called('x'.repeat(letters)) }, {});
        assert.deepEqual([client.failure, server.failure], [undefined, undefined]);
        assert.equal(server.session?.peer?.subject.length, letters);
        assert.equal(client.tickets.length > 0, letters < LIMITS.sessionTermsBytes);
      }
    });

    for (const [name, change] of Object.entries({ ...CHANGES, ...SUITES[version] }))
      test(`makes a full handshake where ${name}`, async () => {
        const { judge, first = {}, ticket: taken, ...now } = change;
        const { clientVerifier, serverVerifier } = now;
        const verifiers = {
          ...(clientVerifier === undefined ? {} : { clientVerifier }),
          ...(serverVerifier === undefined ? {} : { serverVerifier }),
        };
        const [ticket] = await ticketOf(version, first, verifiers);
        const { client, server } = await both(version, now, { client: { session: { ...ticket, ...taken } } });
        assert.deepEqual([client.session?.resumed, server.session?.resumed], [false, false]);
        const opened = server.effects.some(({ effect }) => effect === 'open-ticket');
        assert.equal(opened, judge === 'server');
      });

    test('is neither taken nor given by a server that has none', async () => {
      const [session] = await ticketOf(version);
      const off = { server: { ticketLifetimeSeconds: 0 } };
      const { client, server } = await both(version, off, { client: { session } });
      assert.deepEqual([client.session?.resumed, client.tickets.length], [false, 0]);
      assert.ok(server.effects.every(({ effect }) => effect !== 'open-ticket' && effect !== 'seal-ticket'));
    });

    test('is of no use to a connection of the other version', async () => {
      const [session] = await ticketOf(version);
      const other = version === 'TLSv1.3' ? 'TLSv1.2' : 'TLSv1.3';
      const { client, server } = await both(other, { client: { session } });
      assert.deepEqual([client.session?.resumed, client.session?.version], [false, other]);
      assert.ok(server.effects.every(({ effect }) => effect !== 'open-ticket'));
    });
  });

/** What the full handshake settled, which a resumption repeats. */
function proved(session: SessionFacts | undefined) {
  const { peer, signatureScheme, alpn, serverName, group } = session as SessionFacts;
  return { peer, signatureScheme, alpn, serverName, group };
}

/** A full handshake that comes to a ticket. */
async function ticketOf(
  version: ProtocolVersion,
  ...changes: Sides13[]
): Promise<[Ticket, Awaited<ReturnType<typeof both>>]> {
  const pair = await both(version, ...changes);
  assert.equal(pair.client.session?.resumed, false);
  const [ticket] = pair.client.tickets;
  assert.ok(ticket !== undefined);
  return [ticket, pair];
}

/** A handshake that succeeds: names, protocols, policies, a certificate of the client; with `changes`. */
async function both(
  version: ProtocolVersion,
  ...changes: Sides13[]
): Promise<{ readonly client: ConnectionDriver; readonly server: ConnectionDriver }> {
  const versions = { minVersion: version, maxVersion: version };
  const alpn = ['a', 'b'];
  let sides: Sides13 = {
    client: { ...versions, alpn, certificatePolicy: 'servers', keepTickets: true },
    server: {
      ...versions,
      alpn,
      certificatePolicy: 'clients',
      clientCertificate: 'optional',
      ticketLifetimeSeconds: LIFETIME_SECONDS,
    },
    clientKeys: CLIENT_KEYS,
    serverKeys: SERVER_KEYS,
  };
  for (const change of changes)
    sides = {
      ...sides,
      ...change,
      client: { ...sides.client, ...change.client },
      server: { ...sides.server, ...change.server },
    };
  const { client, server } = await converse13(sides);
  assert.deepEqual([client.failure, server.failure], [undefined, undefined]);
  return { client, server };
}
