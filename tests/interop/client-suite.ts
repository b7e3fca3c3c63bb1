import { describe, expect, test } from 'bun:test';
import type { Why } from '../../src/core/failures.ts';
import type { NamedGroup } from '../../src/crypto/provider.ts';
import type { ProtocolVersion } from '../../src/engine/connection.ts';
import { clientCertificate, type ServerFiles, serverCertificate } from '../support/certificates.ts';
import type { KeyKind } from '../support/keys.ts';
import { filesOf, ISSUING_CA, localServer } from '../support/test-pki.ts';
import { CLIENT_NAME, type Outcome, type ServerOptions } from './endpoint/options.ts';
import { Endpoint } from './endpoint.ts';

/** What a client of another implementation is to do; it speaks to 127.0.0.1, trusts the test root and no other. */
export interface ConnectOptions {
  readonly port: number;
  /** PEM file of the CA. */
  readonly trusted: string;
  /** Server name, and what the certificate must be for. */
  readonly name: string;
  /** The only one to offer; default: both. */
  readonly version?: ProtocolVersion;
  readonly suites?: readonly string[];
  readonly groups?: readonly NamedGroup[];
  readonly alpn?: readonly string[];
  readonly certificate?: ServerFiles;
  /** Connect once more, with the session of the first connection. */
  readonly again?: boolean;
}

/** What the client says of a connection; a part of it, if it tells no more. */
export interface Seen {
  readonly version?: string | undefined;
  readonly suite?: string | undefined;
  readonly group?: string | undefined;
  /** How the server signed, in the client's words. */
  readonly signature?: string | undefined;
  readonly alpn?: string | null | undefined;
  readonly resumed?: boolean | undefined;
  /** Common name of the server's certificate. */
  readonly server?: string | undefined;
  readonly extendedMasterSecret?: boolean | undefined;
}

export interface Report {
  /** One for each connection that was made. */
  readonly seen: readonly Seen[];
  /** All that it printed, what the server answered among it. */
  readonly output: string;
  readonly code: number | null;
}

export interface ClientPeer {
  /** Connects, sends `facts`, and reads to the end. */
  readonly connect: (options: ConnectOptions) => Promise<Report>;
  /** Those that can be asked for one by one, of both versions. */
  readonly suites: readonly string[];
  readonly groups: readonly NamedGroup[];
  /** Of which it sends a share if left alone, or does not offer them: not for a retry. Default: X25519, and its hybrid. */
  readonly shares?: readonly NamedGroup[];
  /** With {@link Seen.signature}, where it says so. */
  readonly keys: Readonly<Partial<Record<KeyKind, string | undefined>>>;
  readonly groups12: readonly NamedGroup[];
  readonly keys12: readonly KeyKind[];
  /** What it prints of an alert. */
  readonly alerts: Readonly<Record<Alert, RegExp>>;
  /** Files of a certificate for localhost that it takes. Default: {@link localServer}. */
  readonly certificateOf?: (key: KeyKind) => ServerFiles;
  /** Closes TCP without a close_notify of its own once it has the server's, against RFC 8446 section 6.1: to us, a truncation. */
  readonly endsBare?: boolean;
  /** Asked to resume, it waits for a ticket for ever. */
  readonly waitsForTickets?: boolean;
  /** Does not offer ALPN, or not what it is told. */
  readonly noAlpn?: boolean;
  /** Asks for no ticket of TLS 1.2. */
  readonly noResumption12?: boolean;
}

export type Alert =
  | 'certificate_required'
  | 'handshake_failure'
  | 'no_application_protocol'
  | 'unrecognized_name'
  | 'protocol_version';

/** One process for all tests of a file. */
export const endpoint = new Endpoint();

/** Clients that trust the test root verify that the server has this name. */
const LOCALHOST = 'localhost';
/** With dots: Java sends no others by SNI. */
const NAMES = ['one.example', 'two.example'];

const clients = new Map<KeyKind, ServerFiles>();

/** Files of a client's certificate that our server accepts. */
export function localClient(key: KeyKind = 'p256'): ServerFiles {
  const files = clients.get(key) ?? filesOf(clientCertificate(ISSUING_CA, { dns: [CLIENT_NAME] }, { key }));
  clients.set(key, files);
  return files;
}

/** A server with one certificate, connected to once; with how both sides saw it. */
export async function meet(
  peer: Pick<ClientPeer, 'connect'>,
  client: Partial<ConnectOptions> = {},
  server: Partial<ServerOptions> = {},
): Promise<{ readonly report: Report; readonly outcomes: readonly Outcome[] }> {
  const { ca } = localServer();
  const listener = await endpoint.listen({ certificates: [localServer()], trusted: ca, ...server });
  const report = await peer.connect({ port: listener.port, trusted: ca, name: LOCALHOST, ...client });
  const outcomes = [await listener.outcome()];
  if (client.again === true) outcomes.push(await listener.outcome());
  return { report, outcomes };
}

/** Meets, and expects a handshake with those facts at both ends, and data both ways. */
async function expectMeeting(
  peer: ClientPeer,
  client: Partial<ConnectOptions>,
  server: Partial<ServerOptions>,
  ours: Readonly<Record<string, unknown>>,
  theirs: Seen = {},
): Promise<void> {
  const { report, outcomes } = await meet(peer, client, server);
  const [outcome] = outcomes;
  expect({ outcome, ...report }).toMatchObject({ outcome: { failure: endOf(peer), session: ours } });
  // The client has read, unchanged, what we said of the session.
  expect(report.output).toContain(JSON.stringify(outcome?.session));
  const { version, suite, alpn } = outcome?.session ?? {};
  expectSeen(report.seen[0], { version, suite, alpn, ...theirs });
}

function endOf({ endsBare }: ClientPeer): null | { readonly why: Why } {
  return endsBare === true ? { why: 'truncated' } : null;
}

/** Whatever the client tells is what it should be. */
function expectSeen(seen: Seen | undefined, expected: Seen): void {
  expect(seen).toBeDefined();
  const told = Object.entries(expected).filter(([name]) => seen?.[name as keyof Seen] !== undefined);
  expect(seen).toMatchObject(Object.fromEntries(told));
}

/** All that every client is asked for. */
export function describeClient(peer: ClientPeer): void {
  const { certificateOf = localServer } = peer;
  describe('handshake', () => {
    for (const suite of peer.suites) test(`suite ${suite}`, () => expectSuite(peer, suite));
    for (const group of peer.groups)
      test(`group ${group}`, () =>
        expectMeeting(
          peer,
          { version: 'TLSv1.3', groups: [group] },
          {},
          { group, helloRetryRequest: false },
          { group },
        ));
    for (const [key, signature] of Object.entries(peer.keys) as [KeyKind, string | undefined][])
      test(`${key} certificate`, () =>
        expectMeeting(peer, {}, { certificates: [certificateOf(key)] }, { version: 'TLSv1.3' }, { signature }));
    for (const group of peer.groups12)
      test(`TLS 1.2, group ${group}`, () =>
        expectMeeting(
          peer,
          { version: 'TLSv1.2', groups: [group] },
          // With RSA: in TLS 1.2 the groups are also the curves that a certificate may have (RFC 8422 section 5.1).
          { certificates: [certificateOf('rsa-2048')] },
          { version: 'TLSv1.2', group },
          { group, extendedMasterSecret: true },
        ));
    for (const key of peer.keys12)
      test(`TLS 1.2, ${key} certificate`, () =>
        expectMeeting(peer, { version: 'TLSv1.2' }, { certificates: [certificateOf(key)] }, { version: 'TLSv1.2' }));
    test('a server of TLS 1.2 alone', () => expectMeeting(peer, {}, { version: 'TLSv1.2' }, { version: 'TLSv1.2' }));
  });
  describeRetries(peer);
  describeResumption(peer);
  describeClientCertificates(peer);
  describeNames(peer);
}

/** A suite of TLS 1.2 belongs to one kind of key. */
function expectSuite(peer: ClientPeer, suite: string): Promise<void> {
  const is13 = !suite.includes('_WITH_');
  const version = is13 ? 'TLSv1.3' : 'TLSv1.2';
  const certificates = [(peer.certificateOf ?? localServer)(suite.includes('_RSA_') ? 'rsa-2048' : 'p256')];
  return expectMeeting(peer, { suites: [suite], version }, { certificates }, { suite, version }, { suite, version });
}

function describeRetries(peer: ClientPeer): void {
  const shares = peer.shares ?? ['X25519MLKEM768', 'x25519'];
  const group = peer.groups.find((candidate) => !shares.includes(candidate));
  if (group === undefined) return;
  for (const statelessRetry of [false, true])
    test(`HelloRetryRequest for ${group}, ${statelessRetry ? 'all of it in the cookie' : 'remembered'}`, () =>
      expectMeeting(
        peer,
        { version: 'TLSv1.3' },
        { version: 'TLSv1.3', groups: [group], statelessRetry },
        { group, helloRetryRequest: true },
        { group },
      ));
}

function describeResumption(peer: ClientPeer): void {
  const versions: ProtocolVersion[] = peer.noResumption12 === true ? ['TLSv1.3'] : ['TLSv1.3', 'TLSv1.2'];
  for (const version of versions) {
    test(`${version}: resumes by ticket`, async () => {
      const { report, outcomes } = await meet(peer, { version, again: true }, { tickets: true });
      expect(outcomes).toMatchObject([
        { session: { version, resumed: false } },
        { failure: endOf(peer), session: { version, resumed: true } },
      ]);
      expectSeen(report.seen[0], { resumed: false });
      expectSeen(report.seen[1], { resumed: true });
    });

    if (peer.waitsForTickets === true) continue;
    test(`${version}: no tickets, no resumption`, async () => {
      const { outcomes } = await meet(peer, { version, again: true });
      expect(outcomes).toMatchObject([{ session: { resumed: false } }, { session: { resumed: false } }]);
    });
  }
}

function describeClientCertificates(peer: ClientPeer): void {
  for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
    describe(`${version}: client certificate`, () => {
      const identity = { peer: { verified: true, matched: [`dns:${CLIENT_NAME}`], subject: 'CN=client' } };
      for (const clientCertificate of ['required', 'optional'] as const)
        test(`${clientCertificate} and shown`, () =>
          expectMeeting(peer, { version, certificate: localClient() }, { clientCertificate }, identity));

      test('optional and not there', () =>
        expectMeeting(peer, { version }, { clientCertificate: 'optional' }, { peer: null }));

      test('required and not there', async () => {
        const { report, outcomes } = await meet(peer, { version }, { clientCertificate: 'required' });
        const alert = version === 'TLSv1.3' ? 'certificate_required' : 'handshake_failure';
        expect(outcomes).toMatchObject([{ session: null, failure: { kind: 'peer-incompatible' } }]);
        expect(report.output).toMatch(peer.alerts[alert]);
      });

      if (version === 'TLSv1.2' && peer.noResumption12 === true) return;
      test('still known after a resumption', async () => {
        const { outcomes } = await meet(
          peer,
          { version, certificate: localClient(), again: true },
          { clientCertificate: 'required', tickets: true },
        );
        expect(outcomes).toMatchObject([
          { session: { resumed: false, ...identity } },
          { session: { resumed: true, ...identity } },
        ]);
      });
    });
  }
}

function describeNames(peer: ClientPeer): void {
  const certificates = [
    ...NAMES.map((name) => ({ ...filesOf(serverCertificate(ISSUING_CA, { dns: [name] })), names: [name] })),
  ];
  for (const name of NAMES)
    test(`the certificate for the name asked for: ${name}`, () =>
      expectMeeting(peer, { name }, { certificates }, { serverName: name }, { server: name }));

  test('a name that the server does not have', async () => {
    const { report, outcomes } = await meet(peer, { name: 'unknown.example' }, { certificates });
    expect(outcomes).toMatchObject([{ session: null, failure: { why: 'unrecognized-name' } }]);
    expect(report.output).toMatch(peer.alerts.unrecognized_name);
  });

  if (peer.noAlpn !== true)
    describe('ALPN', () => {
      test('agreed, by our preference', () =>
        expectMeeting(
          peer,
          { alpn: ['http/1.1', 'imap'] },
          { alpn: ['imap', 'http/1.1'] },
          { alpn: 'imap' },
          { alpn: 'imap' },
        ));

      test('ignored by a server without', () =>
        expectMeeting(peer, { alpn: ['imap'] }, {}, { alpn: null }, { alpn: null }));

      test('nothing in common', async () => {
        const { report, outcomes } = await meet(peer, { alpn: ['http/1.1'] }, { alpn: ['imap'] });
        expect(outcomes).toMatchObject([{ session: null, failure: { why: 'no-common-alpn' } }]);
        expect(report.output).toMatch(peer.alerts.no_application_protocol);
      });
    });
}
