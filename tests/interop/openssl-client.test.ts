import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import type { NamedGroup } from '../../src/crypto/provider.ts';
import type { ProtocolVersion } from '../../src/engine/connection.ts';
import { fingerprintOf, numberedStream } from '../support/numbered-stream.ts';
import type { PeerCommand } from '../support/peer-process.ts';
import { scratchPath } from '../support/scratch.ts';
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
import type { ServerOptions } from './endpoint/options.ts';
import { Endpoint } from './endpoint.ts';
import { ClientProcess, type Run } from './run-client.ts';
import { MIB, opensslName12, SUITES_12, SUITES_13, TEST_LIMIT_MS, withCommand } from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

const GROUPS: Readonly<Record<string, string>> = {
  x25519: 'X25519',
  secp256r1: 'prime256v1',
  secp384r1: 'secp384r1',
  secp521r1: 'secp521r1',
};

const SCHEMES = {
  'p256': 'ecdsa_secp256r1_sha256',
  'p384': 'ecdsa_secp384r1_sha384',
  'p521': 'ecdsa_secp521r1_sha512',
  'ed25519': 'ed25519',
  'rsa-2048': 'rsa_pss_rsae_sha256',
  'rsa-pss-2048': 'rsa_pss_pss_sha256',
} as const;

const openssl: ClientPeer = {
  connect,
  suites: [...SUITES_13, ...SUITES_12],
  groups: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
  keys: {
    'p256': 'ECDSA SHA256',
    'p384': 'ECDSA SHA384',
    'p521': 'ECDSA SHA512',
    'ed25519': 'ed25519',
    'rsa-2048': 'RSA-PSS SHA256',
    'rsa-pss-2048': 'RSA-PSS SHA256',
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
};

async function connect(options: ConnectOptions): Promise<Report> {
  if (options.again !== true) return reportOf([await sClient(options)]);
  const session = scratchPath('session');
  const first = await sClient(options, ['-sess_out', session]);
  const second = await sClient(options, existsSync(session) ? ['-sess_in', session] : []);
  return reportOf([first, second]);
}

async function sClient(options: ConnectOptions, more: readonly string[] = []): Promise<Run> {
  const client = new ClientProcess(command(options, more));
  await client.write([Buffer.from('facts\n')]);
  return client.ending;
}

function command(
  { port, trusted, name, version, suites = [], groups, alpn, certificate }: ConnectOptions,
  more: readonly string[],
): PeerCommand {
  const args = [
    ...['s_client', '-connect', `127.0.0.1:${port}`, '-servername', name],
    ...['-CAfile', trusted, '-verify_return_error', '-verify_hostname', name],
    ...(version === undefined ? [] : [version === 'TLSv1.3' ? '-tls1_3' : '-tls1_2']),
    ...suites.flatMap((suite) =>
      suite.includes('_WITH_') ? ['-cipher', opensslName12(suite)] : ['-ciphersuites', suite],
    ),
    ...(groups === undefined ? [] : ['-groups', groups.map((group) => GROUPS[group]).join(':')]),
    ...(alpn === undefined ? [] : ['-alpn', alpn.join(',')]),
    ...(certificate === undefined
      ? []
      : ['-cert', certificate.leaf, '-cert_chain', certificate.chain, '-key', certificate.key]),
    ...more,
  ];
  return { program: 'openssl', args, comesFrom: 'the package openssl' };
}

function reportOf(runs: readonly Run[]): Report {
  const outputs = runs.map(({ stdout, stderr }) => stdout.toString('latin1') + stderr);
  return { seen: outputs.map(seenIn), output: outputs.join(''), code: runs.at(-1)?.code ?? null };
}

function seenIn(output: string): Seen {
  const [, isNew, version, cipher] = /^(New|Reused), (TLSv1\.\d), Cipher is (\S+)/m.exec(output) ?? [];
  const [, type, curve] = /^Server Temp Key: (\w+)(?:, (\w+))?, \d+ bits/m.exec(output) ?? [];
  const alpn = /^ALPN protocol: (\S+)$/m.exec(output)?.[1];
  return {
    version,
    suite: [...SUITES_13, ...SUITES_12].find((suite) => suite === cipher || opensslName12(suite) === cipher),
    group: Object.keys(GROUPS).find((group) => GROUPS[group] === (type === 'ECDH' ? curve : type)) as NamedGroup,
    signature: [/^Peer signature type: (\S+)/m, /^Peer signing digest: (\S+)/m]
      .flatMap((pattern) => pattern.exec(output)?.[1] ?? [])
      .map(signatureType)
      .join(' '),
    alpn: alpn ?? (output.includes('No ALPN negotiated') ? null : undefined),
    resumed: isNew === undefined ? undefined : isNew === 'Reused',
    server: /^subject=CN = (\S+)$/m.exec(output)?.[1],
    extendedMasterSecret: version === 'TLSv1.2' ? output.includes('Extended master secret: yes') : undefined,
  };
}

/** OpenSSL 3.5 names the scheme, older versions the kind of key. */
function signatureType(printed: string): string {
  if (printed.startsWith('ecdsa_')) return 'ECDSA';
  return printed.startsWith('rsa_pss_') ? 'RSA-PSS' : printed;
}

describe('OpenSSL s_client', () => {
  describeClient(openssl);

  /** A server with that much of its own, and s_client on its way to it. */
  async function start(
    server: Partial<ServerOptions>,
    more: readonly string[],
    version?: ProtocolVersion,
    at: Endpoint = endpoint,
  ) {
    const listener = await at.listen({ certificates: [localServer()], ...server });
    const options = { port: listener.port, trusted: localServer().ca, name: 'localhost' };
    const client = new ClientProcess(command(version === undefined ? options : { ...options, version }, more));
    return { client, outcome: listener.outcome };
  }

  const withJit = new Endpoint({ jit: true });

  for (const version of ['TLSv1.3', 'TLSv1.2'] as const)
    test(`${version}: 64 MiB each way at once`, async () => {
      const { client, outcome } = await start({}, ['-quiet', '-no_ign_eof'], version, withJit);
      const bytes = 64 * MIB;
      await client.write(withCommand('echo', numberedStream(bytes)));
      await client.until(({ stdoutBytes }) => stdoutBytes >= bytes);
      client.endInput();
      expect(fingerprintOf([(await client.ending).stdout])).toBe(fingerprintOf(numberedStream(bytes)));
      expect(await outcome()).toMatchObject({ session: { version }, failure: null, peerClosed: true });
    });

  for (const key of ['p256', 'p384', 'p521', 'ed25519', 'rsa-2048', 'rsa-pss-2048'] as const)
    for (const version of ['TLSv1.3', 'TLSv1.2'] as const)
      test(`${version}: a client certificate of ${key}`, async () => {
        // In TLS 1.2 a scheme says nothing of the curve (RFC 8422 section 5.1.3): OpenSSL takes the first of ours with ECDSA.
        const isEcdsa = version === 'TLSv1.2' && /^p\d/.test(key);
        const signatureScheme = SCHEMES[isEcdsa ? 'p256' : key];
        const { outcomes } = await meet(
          openssl,
          { version, certificate: localClient(key) },
          { clientCertificate: 'required' },
        );
        expect(outcomes).toMatchObject([{ failure: null, session: { version, signatureScheme } }]);
      });

  test('key updates of the client, asking for ours and not', async () => {
    const messages = scratchPath('messages');
    const { client, outcome } = await start({}, ['-brief', '-msg', '-msgfile', messages]);
    await client.write(withCommand('echo'));
    let sent = 0;
    for (const letter of ['K', 'k', 'K', 'K', 'k', 'k']) {
      // s_client takes a read of its stdin that begins with such a letter as a command: once all before is back, it is one.
      await client.write(numberedStream(MIB));
      sent += MIB;
      await client.until(({ stdoutBytes }) => stdoutBytes >= sent);
      const updates = client.stderr.match(/KEYUPDATE/g)?.length ?? 0;
      await client.write([Buffer.from(`${letter}\n`)]);
      await client.until(({ stderr }) => (stderr.match(/KEYUPDATE/g)?.length ?? 0) > updates);
    }
    await client.write(numberedStream(MIB));
    await client.until(({ stdoutBytes }) => stdoutBytes >= sent + MIB);
    client.endInput();
    const expected = Array.from({ length: 7 }, () => [...numberedStream(MIB)]).flat();
    expect(fingerprintOf([(await client.ending).stdout])).toBe(fingerprintOf(expected));
    expect(await outcome()).toMatchObject({ failure: null, peerClosed: true });
    // Three asked for one of ours each.
    expect(readFileSync(messages, 'latin1').match(/^<<< .*KeyUpdate/gm)?.length).toBe(3);
  });

  test('small records, as the client asks by max_fragment_length: ignored, as we do not have it', async () => {
    const { client, outcome } = await start({}, ['-quiet', '-no_ign_eof', '-maxfraglen', '512']);
    await client.write(withCommand('download 100000'));
    const { stdout } = await client.ending;
    expect(fingerprintOf([stdout])).toBe(fingerprintOf(numberedStream(100_000)));
    expect(await outcome()).toMatchObject({ failure: null });
  });

  describe('TLS 1.2', () => {
    test('a renegotiation is refused, and does no harm', async () => {
      const { client, outcome } = await start({}, [], 'TLSv1.2');
      await client.write(withCommand('echo', [Buffer.from('before\n')]));
      await client.until(({ output }) => output.includes('before'));
      await client.write([Buffer.from('R\n')]);
      const { stdout, stderr } = await client.ending;
      expect(stdout.toString('latin1') + stderr).toContain('no renegotiation');
      expect(await outcome()).toMatchObject({ failure: { why: 'renegotiation-refused' } });
    });

    test('TLS_FALLBACK_SCSV from a client that could do better', async () => {
      const { client, outcome } = await start({}, ['-fallback_scsv'], 'TLSv1.2');
      expect((await client.ending).stderr).toContain('alert inappropriate fallback');
      expect(await outcome()).toMatchObject({ session: null, failure: { why: 'inappropriate-fallback' } });
    });

    test('TLS_FALLBACK_SCSV where TLS 1.2 is the best', async () => {
      const { client, outcome } = await start({ version: 'TLSv1.2' }, ['-quiet', '-fallback_scsv'], 'TLSv1.2');
      await client.write(withCommand('facts'));
      await client.ending;
      expect(await outcome()).toMatchObject({ session: { version: 'TLSv1.2' }, failure: null });
    });

    test('a certificate on a curve that the client does not have (RFC 8422 section 5.1)', async () => {
      const server = { certificates: [localServer('p521')] };
      const { client, outcome } = await start(server, ['-groups', 'X25519:P-256'], 'TLSv1.2');
      expect((await client.ending).stderr).toContain('alert handshake failure');
      expect(await outcome()).toMatchObject({ session: null, failure: { why: 'no-common-signature-scheme' } });
    });

    test('the client says that it has extended_master_secret and secure renegotiation', async () => {
      const { report } = await meet(openssl, { version: 'TLSv1.2' });
      expect(report.output).toContain('Secure Renegotiation IS supported');
      expect(report.output).toContain('Extended master secret: yes');
    });
  });

  for (const version of ['-tls1_1', '-tls1'])
    test(`${version} is refused`, async () => {
      const { client, outcome } = await start({}, [version, '-cipher', 'DEFAULT@SECLEVEL=0']);
      expect((await client.ending).stderr).toContain('alert protocol version');
      expect(await outcome()).toMatchObject({ session: null, failure: { why: 'version-not-supported' } });
    });

  test('suites that we do not have are refused', async () => {
    const { client, outcome } = await start({}, ['-cipher', 'AES128-SHA:ECDHE-ECDSA-AES128-SHA'], 'TLSv1.2');
    expect((await client.ending).stderr).toContain('alert handshake failure');
    expect(await outcome()).toMatchObject({ session: null, failure: { why: 'no-common-suite' } });
  });
});
