import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SessionFacts } from '../../src/engine/connection.ts';
import { serverCertificate } from '../support/certificates.ts';
import { fingerprintOf, numberedStream } from '../support/numbered-stream.ts';
import { scratchPath } from '../support/scratch.ts';
import { filesOf, ISSUING_CA, LOCAL_NAMES, localServer } from '../support/test-pki.ts';
import { endpoint } from './client-suite.ts';
import type { ServerOptions } from './endpoint/options.ts';
import type { Listener } from './endpoint.ts';
import { nssDatabase } from './nss-database.ts';
import { runClient } from './run-client.ts';
import { MIB, TEST_LIMIT_MS } from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

/** Chromium looks for trust in the database of the home folder: there the test root is a CA, and nothing else is different. */
const home = scratchPath('home');
mkdirSync(join(home, '.pki'), { recursive: true });
nssDatabase({ trusted: localServer().ca }, join(home, '.pki/nssdb'));

interface Visit {
  /** The page as Chromium has it in the end. */
  readonly dom: string;
  /** What its own log says of handshakes. */
  readonly log: readonly LogEvent[];
  /** The facts in the page. */
  readonly sessions: readonly SessionFacts[];
  readonly listener: Listener;
}

interface LogEvent {
  readonly type: string;
  readonly params: Readonly<Record<string, unknown>>;
}

async function visit(server: Partial<ServerOptions> = {}, path = '/facts', host = 'localhost'): Promise<Visit> {
  const listener = await endpoint.listen({ certificates: [localServer()], alpn: ['http/1.1'], ...server });
  const log = scratchPath('net-log');
  const { stdout } = await runClient({
    program: 'chromium',
    args: [
      ...[
        '--headless',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        '--no-first-run',
        '--disable-background-networking',
      ],
      // Its own sandbox does not work as root; what it does in TLS is the same.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      ...[`--user-data-dir=${scratchPath('chromium')}`, `--log-net-log=${log}`],
      ...['--host-resolver-rules=MAP * 127.0.0.1', '--dump-dom', `https://${host}:${listener.port}${path}`],
    ],
    env: { HOME: home },
    comesFrom: 'the package chromium',
  });
  const dom = stdout.toString();
  const sessions = [...dom.matchAll(/<pre>(\{.*?\})<\/pre>/g)].map(
    (match) => JSON.parse(match[1] ?? '') as SessionFacts,
  );
  return { dom, log: eventsIn(log), sessions, listener };
}

function eventsIn(path: string): LogEvent[] {
  const { constants, events } = JSON.parse(readFileSync(path, 'utf8')) as {
    readonly constants: { readonly logEventTypes: Readonly<Record<string, number>> };
    readonly events: readonly { readonly type: number; readonly params?: Readonly<Record<string, unknown>> }[];
  };
  const names = new Map(Object.entries(constants.logEventTypes).map(([name, number]) => [number, name]));
  return events.map(({ type, params = {} }) => ({ type: names.get(type) ?? '', params }));
}

/** What Chromium says of a handshake of its that came to its end. */
function handshake({ log }: Visit): Readonly<Record<string, unknown>> | undefined {
  return log.find(({ type, params }) => type === 'SSL_CONNECT' && 'cipher_suite' in params)?.params;
}

const VERSIONS = { 'TLSv1.3': 'TLS 1.3', 'TLSv1.2': 'TLS 1.2' } as const;

/** Code points, as in the registry. */
const GROUPS = { X25519MLKEM768: 0x11ec, x25519: 0x1d, secp256r1: 0x17, secp384r1: 0x18 } as const;

/** A page of a server, whose handshake was as `session` says; Chromium's log says the same. */
async function expectPage(
  server: Partial<ServerOptions>,
  session: Partial<SessionFacts>,
  theirs: Readonly<Record<string, unknown>> = {},
): Promise<Visit> {
  const seen = await visit(server);
  expect(seen.sessions).toMatchObject([session]);
  const { version = 'TLSv1.3' } = session;
  expect(handshake(seen)).toMatchObject({ version: VERSIONS[version], next_proto: 'http/1.1', ...theirs });
  return seen;
}

describe('Chromium loads a page', () => {
  test('as it is: TLS 1.3 with a hybrid group', () =>
    expectPage(
      {},
      {
        version: 'TLSv1.3',
        group: 'X25519MLKEM768',
        helloRetryRequest: false,
        alpn: 'http/1.1',
        serverName: 'localhost',
      },
      { key_exchange_group: GROUPS.X25519MLKEM768 },
    ));

  for (const group of ['x25519', 'secp256r1', 'secp384r1'] as const)
    for (const statelessRetry of group === 'secp384r1' ? [false, true] : [false])
      test(`group ${group}${statelessRetry ? ', retry in a cookie' : ''}`, () =>
        expectPage(
          { groups: [group], statelessRetry },
          { version: 'TLSv1.3', group, helloRetryRequest: group !== 'x25519' },
          { key_exchange_group: GROUPS[group] },
        ));

  for (const [suite, code] of [
    ['TLS_AES_128_GCM_SHA256', 0x1301],
    ['TLS_AES_256_GCM_SHA384', 0x1302],
    ['TLS_CHACHA20_POLY1305_SHA256', 0x1303],
  ] as const)
    test(`suite ${suite}`, () =>
      expectPage({ suites: [suite], version: 'TLSv1.3' }, { suite }, { cipher_suite: code }));

  for (const [key, scheme] of [
    ['p384', 0x0503],
    ['rsa-2048', 0x0804],
  ] as const)
    test(`${key} certificate`, () =>
      expectPage({ certificates: [localServer(key)] }, {}, { peer_signature_algorithm: scheme }));

  test('certificates compressed with brotli', async () => {
    const [COMPRESSED_CERTIFICATE, CERTIFICATE]: readonly number[] = [25, 11];
    for (const [server, type] of [
      [{ compress: 'brotli' }, COMPRESSED_CERTIFICATE],
      [{}, CERTIFICATE],
    ] as const) {
      const { log } = await expectPage(server, { version: 'TLSv1.3' });
      const received = log.filter((event) => event.type === 'SSL_HANDSHAKE_MESSAGE_RECEIVED');
      const types = new Set(received.map(({ params }) => Number(params.type)));
      expect([COMPRESSED_CERTIFICATE, CERTIFICATE].filter((candidate) => types.has(Number(candidate)))).toEqual([type]);
    }
  });

  for (const version of ['TLSv1.3', 'TLSv1.2'] as const)
    test(`${version}: later connections resume the session`, async () => {
      const { sessions } = await visit({ tickets: true, version }, '/four');
      expect(sessions[0]).toMatchObject({ version, resumed: false });
      expect(sessions[3]).toMatchObject({ version, resumed: true });
    });

  for (const [suite, code] of [
    ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 0xc02b],
    ['TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', 0xcca9],
    ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 0xc02f],
  ] as const)
    test(`TLS 1.2, suite ${suite}`, () =>
      expectPage(
        {
          version: 'TLSv1.2',
          suites: [suite],
          certificates: [localServer(suite.includes('_RSA_') ? 'rsa-2048' : 'p256')],
        },
        { version: 'TLSv1.2', suite },
        { cipher_suite: code },
      ));

  test('of the name that it asks for', async () => {
    const other = filesOf(serverCertificate(ISSUING_CA, { dns: ['other.example'] }));
    const certificates = [
      { ...localServer(), names: ['localhost'] },
      { ...other, names: ['other.example'] },
    ];
    const { sessions } = await visit({ certificates }, '/facts', 'other.example');
    expect(sessions).toMatchObject([{ serverName: 'other.example' }]);
  });

  test('of 1 MiB', async () => {
    const { dom } = await visit({}, `/stream/${MIB}`);
    const text = /<pre[^>]*>([^<]*)<\/pre>/.exec(dom)?.[1] ?? '';
    expect(fingerprintOf([Buffer.from(text)])).toBe(fingerprintOf(numberedStream(MIB)));
  });
});

describe('Chromium loads no page', () => {
  /** It also tries hosts of its own, which are not there. */
  const errorsOf = ({ log }: Visit): unknown[] =>
    log.filter(({ type }) => type === 'SSL_CONNECT_JOB_CONNECT').map(({ params }) => params.net_error);

  test('from a server whose CA it does not know', async () => {
    const stranger = filesOf(serverCertificate(undefined, LOCAL_NAMES));
    const seen = await visit({ certificates: [stranger] });
    expect(seen.sessions).toEqual([]);
    expect(errorsOf(seen)).toContain(ERR_CERT_AUTHORITY_INVALID);
  });

  test('from a server without its protocols', async () => {
    const seen = await visit({ alpn: ['imap'] });
    expect(seen.sessions).toEqual([]);
    expect(await seen.listener.outcome()).toMatchObject({ failure: { why: 'no-common-alpn' } });
  });

  test('from a server that has no certificate for the name', async () => {
    const seen = await visit({ certificates: [{ ...localServer(), names: ['other.example'] }] });
    expect(seen.sessions).toEqual([]);
    expect(errorsOf(seen)).toContain(ERR_SSL_UNRECOGNIZED_NAME_ALERT);
    expect(await seen.listener.outcome()).toMatchObject({ failure: { why: 'unrecognized-name' } });
  });

  const ERR_CERT_AUTHORITY_INVALID = -202;
  const ERR_SSL_UNRECOGNIZED_NAME_ALERT = -159;
});
