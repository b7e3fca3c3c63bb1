import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { ProtocolVersion } from '../../src/engine/connection.ts';
import { fingerprintOf, numberedStream } from '../support/numbered-stream.ts';
import type { PeerCommand } from '../support/peer-process.ts';
import { localServer } from '../support/test-pki.ts';
import {
  type ClientPeer,
  type ConnectOptions,
  describeClient,
  endpoint,
  localClient,
  meet,
  type Report,
  type Seen,
} from './client-suite.ts';
import { Endpoint } from './endpoint.ts';
import { GNUTLS_GROUPS, gnutlsCipher } from './gnutls-names.ts';
import { ClientProcess } from './run-client.ts';
import { MIB, SUITES_12, SUITES_13, TEST_LIMIT_MS, withCommand } from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

const gnutls: ClientPeer = {
  connect,
  endsBare: true,
  waitsForTickets: true,
  suites: [...SUITES_13, ...SUITES_12],
  groups: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
  shares: ['x25519', 'secp256r1'],
  keys: {
    'p256': 'ECDSA-SECP256R1-SHA256',
    'p384': 'ECDSA-SECP384R1-SHA384',
    'p521': 'ECDSA-SECP521R1-SHA512',
    'ed25519': 'EdDSA-Ed25519',
    'rsa-2048': 'RSA-PSS-RSAE-SHA256',
    'rsa-pss-2048': 'RSA-PSS-SHA256',
  },
  groups12: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
  keys12: ['p256', 'p384', 'p521', 'ed25519', 'rsa-2048', 'rsa-pss-2048'],
  alerts: {
    certificate_required: /alert \[116\]/,
    handshake_failure: /alert \[40\]: Handshake failed/,
    no_application_protocol: /alert \[120\]/,
    unrecognized_name: /alert \[112\]/,
    protocol_version: /alert \[70\]/,
  },
};

async function connect(options: ConnectOptions): Promise<Report> {
  const client = new ClientProcess(
    command(
      options,
      options.again === true ? ['--resume', ...(options.version === 'TLSv1.2' ? [] : ['--waitresumption'])] : [],
    ),
  );
  await client.write([Buffer.from('facts\n')]);
  const { code, stdout, stderr } = await client.ending;
  const output = stdout.toString('latin1') + stderr;
  return { seen: output.split('- Connecting again').map(seenIn), output, code };
}

function command(
  { port, trusted, name, version, suites, groups, alpn, certificate }: ConnectOptions,
  more: readonly string[] = [],
): PeerCommand {
  const priority = [
    version === undefined ? 'NORMAL' : `NORMAL:-VERS-ALL:+VERS-${version.replace('v', '')}`,
    ...(suites === undefined ? [] : ['-CIPHER-ALL', ...suites.map((suite) => `+${gnutlsCipher(suite)}`)]),
    ...(groups === undefined ? [] : ['-GROUP-ALL', ...groups.map((group) => `+${GNUTLS_GROUPS[group]}`)]),
  ];
  return {
    program: 'gnutls-cli',
    args: [
      ...['--x509cafile', trusted, '--priority', priority.join(':'), '--port', String(port)],
      ...['--sni-hostname', name, '--verify-hostname', name],
      ...(alpn ?? []).flatMap((protocol) => ['--alpn', protocol]),
      ...(certificate === undefined ? [] : ['--x509certfile', certificate.chain, '--x509keyfile', certificate.key]),
      ...more,
      '127.0.0.1',
    ],
    comesFrom: 'the package gnutls-bin',
  };
}

const KIB64 = 2 ** 16;

function seenIn(output: string): Seen {
  const [, version, , group, signature, cipher] =
    /^- Description: \(TLS(1\.\d)-X\.509\)-(?:\((ECDHE)-(\w+)\))?-?(?:\(([\w-]+)\)-)?\(([\w-]+)\)$/m.exec(output) ?? [];
  const alpn = /^- Application protocol: (\S+)$/m.exec(output)?.[1];
  const is13 = version === '1.3';
  return {
    version: version === undefined ? undefined : `TLSv${version}`,
    suite: SUITES_13.find((suite) => is13 && gnutlsCipher(suite) === cipher),
    group: Object.keys(GNUTLS_GROUPS).find((name) => GNUTLS_GROUPS[name] === `GROUP-${group}`),
    signature,
    alpn: alpn ?? (output.includes('Handshake was completed') ? null : undefined),
    resumed: version === undefined ? undefined : output.includes('*** This is a resumed session'),
    server: /subject `CN=([^']+)'/.exec(output)?.[1],
    extendedMasterSecret: is13 ? undefined : output.includes('extended master secret'),
  };
}

describe('GnuTLS gnutls-cli', () => {
  describeClient(gnutls);

  const withJit = new Endpoint({ jit: true });

  async function start(version: ProtocolVersion, more: readonly string[] = []) {
    const listener = await withJit.listen({ certificates: [localServer()] });
    const options = { port: listener.port, trusted: localServer().ca, name: 'localhost', version };
    return {
      client: new ClientProcess(command(options, ['--logfile', '/dev/null', ...more])),
      outcome: listener.outcome,
    };
  }

  for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
    // One after the other, as it does not read while it writes, and it prints byte after byte.
    test(`${version}: downloads 256 KiB`, async () => {
      const { client, outcome } = await start(version);
      await client.write(withCommand(`download ${256 * 1024}`));
      expect(fingerprintOf([(await client.ending).stdout])).toBe(fingerprintOf(numberedStream(256 * 1024)));
      expect(await outcome()).toMatchObject({ session: { version } });
    });

    test(`${version}: uploads 64 MiB, half-closes, and gets the answer`, async () => {
      const { client, outcome } = await start(version);
      await client.write(withCommand('upload', numberedStream(64 * MIB)));
      client.endInput();
      const expected = fingerprintOf(numberedStream(64 * MIB));
      expect((await client.ending).stdout.toString()).toBe(`${expected}\n`);
      expect(await outcome()).toMatchObject({
        session: { version },
        failure: null,
        peerClosed: true,
        received: expected,
      });
    });
  }

  test('key updates of the client', async () => {
    const { client, outcome } = await start('TLSv1.3', ['--inline-commands']);
    await client.write(withCommand('echo'));
    let sent = 0;
    for (let times = 0; times < 4; times++) {
      await client.write(numberedStream(KIB64));
      sent += KIB64;
      await client.until(({ stdoutBytes }) => stdoutBytes >= sent);
      await client.write([Buffer.from('^rekey^\n')]);
    }
    client.endInput();
    await client.ending;
    expect(await outcome()).toMatchObject({ failure: null });
  });

  test('small records, as the client asks by record_size_limit', async () => {
    const { client, outcome } = await start('TLSv1.3', ['--recordsize', '512']);
    await client.write(withCommand(`download ${KIB64}`));
    expect(fingerprintOf([(await client.ending).stdout])).toBe(fingerprintOf(numberedStream(KIB64)));
    expect(await outcome()).toMatchObject({ session: {} });
  });

  for (const key of ['p384', 'p521', 'ed25519', 'rsa-2048', 'rsa-pss-2048'] as const)
    for (const version of ['TLSv1.3', 'TLSv1.2'] as const)
      test(`${version}: a client certificate of ${key}`, async () => {
        const certificate = localClient(key);
        const { outcomes } = await meet(gnutls, { version, certificate }, { clientCertificate: 'required' });
        expect(outcomes).toMatchObject([{ session: { version, peer: { verified: true } } }]);
      });

  test('a client without extended_master_secret is refused', async () => {
    const priority = 'NORMAL:-VERS-ALL:+VERS-TLS1.2:%NO_SESSION_HASH';
    const listener = await endpoint.listen({ certificates: [localServer()] });
    const { program, args, comesFrom } = command({ port: listener.port, trusted: localServer().ca, name: 'localhost' });
    const client = new ClientProcess({ program, args: [...args, '--priority', priority], comesFrom });
    await client.ending;
    expect(client.output).toMatch(gnutls.alerts.handshake_failure);
    expect(await listener.outcome()).toMatchObject({ failure: { why: 'extended-master-secret-missing' } });
  });
});
