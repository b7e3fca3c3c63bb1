import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { NamedGroup } from '../../src/crypto/provider.ts';
import { fingerprintOf, numberedStream } from '../support/numbered-stream.ts';
import type { PeerCommand } from '../support/peer-process.ts';
import { localServer } from '../support/test-pki.ts';
import {
  type ClientPeer,
  type ConnectOptions,
  describeClient,
  localClient,
  meet,
  type Report,
  type Seen,
} from './client-suite.ts';
import { Endpoint } from './endpoint.ts';
import { ClientProcess, runClient } from './run-client.ts';
import { MIB, opensslName12, SUITES_12, SUITES_13, TEST_LIMIT_MS } from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

const GROUPS: Readonly<Partial<Record<NamedGroup, string>>> = {
  x25519: 'X25519',
  secp256r1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};

const curl: ClientPeer = {
  connect,
  suites: [...SUITES_13, ...SUITES_12],
  groups: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
  keys: {
    'p256': undefined,
    'p384': undefined,
    'p521': undefined,
    'ed25519': undefined,
    'rsa-2048': undefined,
    'rsa-pss-2048': undefined,
  },
  groups12: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
  keys12: ['p256', 'p384', 'p521', 'ed25519', 'rsa-2048', 'rsa-pss-2048'],
  alerts: {
    certificate_required: /alert certificate required/,
    handshake_failure: /alert handshake failure/,
    no_application_protocol: /alert no application protocol/,
    unrecognized_name: /unrecognized name/,
    protocol_version: /alert protocol version/,
  },
  noAlpn: true, // it always offers h2 and http/1.1
  noResumption12: true,
};

async function connect(options: ConnectOptions): Promise<Report> {
  // With two addresses to get, it connects twice, as the answer to the first closes the connection.
  const url = `https://${options.name}:${options.port}/facts`;
  const urls = options.again === true ? [url, url] : [url];
  const { code, stdout, stderr } = await runClient(command(options, urls));
  // Curl 8 says `Connected` only behind the handshake.
  const connections = stderr.split(/^\* {3}Trying /m).slice(1);
  return { seen: connections.map(seenIn), output: stdout.toString('latin1') + stderr, code };
}

function command(
  { port, trusted, name, version, suites = [], groups, certificate }: ConnectOptions,
  more: readonly string[],
): PeerCommand {
  return {
    program: 'curl',
    args: [
      ...['--verbose', '--no-progress-meter', '--cacert', trusted, '--resolve', `${name}:${port}:127.0.0.1`],
      ...(version === undefined ? [] : version === 'TLSv1.3' ? ['--tlsv1.3'] : ['--tls-max', '1.2']),
      ...suites.flatMap((suite) =>
        suite.includes('_WITH_') ? ['--ciphers', opensslName12(suite)] : ['--tls13-ciphers', suite],
      ),
      ...(groups === undefined ? [] : ['--curves', groups.map((group) => GROUPS[group]).join(':')]),
      ...(certificate === undefined ? [] : ['--cert', certificate.chain, '--key', certificate.key]),
      ...more,
    ],
    comesFrom: 'the package curl',
  };
}

function seenIn(output: string): Seen {
  const [, version, cipher] = /^\* SSL connection using (TLSv1\.\d) \/ (\S+)/m.exec(output) ?? [];
  return {
    version,
    suite: [...SUITES_13, ...SUITES_12].find((suite) => suite === cipher || opensslName12(suite) === cipher),
    alpn: /^\* ALPN: server accepted (\S+)/m.exec(output)?.[1],
    resumed: version === undefined ? undefined : /^\* SSL re-?using session /m.test(output),
    server: /^\* {2}subject: CN=(\S+)/m.exec(output)?.[1],
  };
}

describe('curl', () => {
  describeClient(curl);

  test('ALPN: the one of its two that we speak', async () => {
    const { report, outcomes } = await meet(curl, {}, { alpn: ['imap', 'http/1.1'] });
    expect(outcomes).toMatchObject([{ failure: null, session: { alpn: 'http/1.1' } }]);
    expect(report.seen).toMatchObject([{ alpn: 'http/1.1' }]);
  });

  test('ALPN: nothing in common', async () => {
    const { report, outcomes } = await meet(curl, {}, { alpn: ['imap'] });
    expect(outcomes).toMatchObject([{ session: null, failure: { why: 'no-common-alpn' } }]);
    expect(report.output).toMatch(curl.alerts.no_application_protocol);
  });

  for (const key of ['p384', 'p521', 'ed25519', 'rsa-2048', 'rsa-pss-2048'] as const)
    test(`a client certificate of ${key}`, async () => {
      const certificate = localClient(key);
      const { outcomes } = await meet(curl, { certificate }, { clientCertificate: 'required' });
      expect(outcomes).toMatchObject([{ failure: null, session: { peer: { verified: true } } }]);
    });

  const withJit = new Endpoint({ jit: true });

  for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
    test(`${version}: downloads 64 MiB`, async () => {
      const listener = await withJit.listen({ certificates: [localServer()], alpn: ['http/1.1'] });
      const options = { port: listener.port, trusted: localServer().ca, name: 'localhost', version };
      const url = `https://localhost:${listener.port}/stream/${64 * MIB}`;
      const { code, stdout } = await runClient(command(options, [url]));
      expect(code).toBe(0);
      expect(fingerprintOf([stdout])).toBe(fingerprintOf(numberedStream(64 * MIB)));
      expect(await listener.outcome()).toMatchObject({ failure: null, session: { version } });
    });

    test(`${version}: uploads 64 MiB`, async () => {
      const listener = await withJit.listen({ certificates: [localServer()], alpn: ['http/1.1'] });
      const options = { port: listener.port, trusted: localServer().ca, name: 'localhost', version };
      const url = `https://localhost:${listener.port}/upload`;
      const headers = ['-H', 'Expect:', '-H', 'Transfer-Encoding:', '-H', `Content-Length: ${64 * MIB}`];
      const client = new ClientProcess(command(options, ['-T', '-', ...headers, url]));
      await client.write(numberedStream(64 * MIB));
      client.endInput();
      const received = fingerprintOf(numberedStream(64 * MIB));
      expect(await client.ending).toMatchObject({ code: 0 });
      expect(await listener.outcome()).toMatchObject({ failure: null, session: { version }, received });
    });
  }
});
