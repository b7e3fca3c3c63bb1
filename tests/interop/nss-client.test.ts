import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { keyUsage } from '../support/certificate-extensions.ts';
import { type ServerFiles, serverCertificate } from '../support/certificates.ts';
import { fingerprintOf, numberedStream } from '../support/numbered-stream.ts';
import type { PeerCommand } from '../support/peer-process.ts';
import { scratchPath } from '../support/scratch.ts';
import { filesOf, ISSUING_CA, LOCAL_NAMES, localServer } from '../support/test-pki.ts';
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
import { NSS_GROUPS, nssDatabase, nssSuites } from './nss-database.ts';
import { runClient } from './run-client.ts';
import { MIB, SUITES_12, SUITES_13, TEST_LIMIT_MS } from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

/** For RSA it wants keyEncipherment even where RFC 8446 section 4.4.2.2 asks for digitalSignature alone. */
const rsaServer = filesOf(
  serverCertificate(ISSUING_CA, LOCAL_NAMES, {
    key: 'rsa-2048',
    extensions: { keyUsage: keyUsage(['digitalSignature', 'keyEncipherment']) },
  }),
);

const nss: ClientPeer = {
  connect,
  certificateOf: (key) => (key === 'rsa-2048' ? rsaServer : localServer(key)),
  suites: [...SUITES_13, ...SUITES_12],
  groups: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
  shares: ['x25519'],
  keys: {
    'p256': 'ecdsa_secp256r1_sha256',
    'p384': 'ecdsa_secp384r1_sha384',
    'p521': 'ecdsa_secp521r1_sha512',
    'rsa-2048': 'rsa_pss_rsae_sha256',
  },
  groups12: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
  keys12: ['p256', 'p384', 'p521', 'rsa-2048'],
  alerts: {
    certificate_required: /SSL_ERROR_RX_CERTIFICATE_REQUIRED_ALERT/,
    handshake_failure: /SSL_ERROR_HANDSHAKE_FAILURE_ALERT/,
    no_application_protocol: /SSL_ERROR_NEXT_PROTOCOL_NO_PROTOCOL/,
    unrecognized_name: /SSL_ERROR_UNRECOGNIZED_NAME_ALERT/,
    protocol_version: /SSL_ERROR_PROTOCOL_VERSION_ALERT/,
  },
  noAlpn: true, // tstclnt has no option for it
};

async function connect(options: ConnectOptions): Promise<Report> {
  const { code, stdout, stderr } = await runClient(
    command(options, 'facts', options.again === true ? ['-L', '2'] : []),
  );
  const output = stdout.toString('latin1') + stderr;
  return {
    seen: output
      .split(/^tstclnt: connect: /m)
      .slice(1)
      .map(seenIn),
    output,
    code,
  };
}

/** tstclnt ends with its input only if that is a file. */
function command(
  { port, trusted, name, version, suites, groups, certificate }: ConnectOptions,
  request: string,
  more: readonly string[] = [],
): PeerCommand {
  const input = scratchPath('request');
  writeFileSync(input, `${request}\n`);
  const [lowest, highest] = version === undefined ? ['tls1.2', 'tls1.3'] : [wordOf(version), wordOf(version)];
  return {
    program: 'tstclnt',
    args: [
      ...['-h', '127.0.0.1', '-p', String(port), '-a', name, '-d', databaseFor(trusted, certificate)],
      // Client first, tickets, middlebox compatibility, extended master secret.
      ...['-v', '-f', '-u', '-e', '-G', '-V', `${lowest}:${highest}`, '-A', input],
      ...(certificate === undefined ? [] : ['-n', 'peer']),
      ...(suites === undefined ? [] : ['-c', nssSuites(suites)]),
      ...(groups === undefined ? [] : ['-I', groups.map((group) => NSS_GROUPS[group]).join(',')]),
      ...more,
    ],
    comesFrom: 'the package libnss3-tools',
  };
}

function wordOf(version: string): string {
  return version.replace('v', '').toLowerCase();
}

const databases = new Map<ServerFiles | undefined, string>();

function databaseFor(trusted: string, certificate: ServerFiles | undefined): string {
  const made = databases.get(certificate) ?? nssDatabase({ trusted, ...(certificate && { certificate }) });
  databases.set(certificate, made);
  return made;
}

function seenIn(output: string): Seen {
  const version = /SSL version 3\.(\d) using/.exec(output)?.[1];
  return {
    version: version === undefined ? undefined : `TLSv1.${Number(version) - 1}`,
    signature: /Signature Scheme: (\S+)/.exec(output)?.[1],
    resumed: version === undefined ? undefined : /^[1-9]\d* stateless resumes$/m.test(output),
    server: /^subject DN: CN=(\S+)$/m.exec(output)?.[1],
    extendedMasterSecret: /Extended Master Secret: (\w+)/.exec(output)?.[1] === 'Yes',
  };
}

describe('NSS tstclnt', () => {
  describeClient(nss);

  for (const version of ['TLSv1.3', 'TLSv1.2'] as const)
    test(`${version}: downloads 8 MiB`, async () => {
      const listener = await endpoint.listen({ certificates: [localServer()] });
      const options = { port: listener.port, trusted: localServer().ca, name: 'localhost', version };
      const { args, ...rest } = command(options, `download ${8 * MIB}`);
      const { stdout } = await runClient({ ...rest, args: args.filter((word) => word !== '-v') });
      expect(fingerprintOf([stdout.subarray(0, 8 * MIB)])).toBe(fingerprintOf(numberedStream(8 * MIB)));
      expect(await listener.outcome()).toMatchObject({ session: { version } });
    });

  for (const key of ['p384', 'p521', 'rsa-2048'] as const)
    for (const version of ['TLSv1.3', 'TLSv1.2'] as const)
      test(`${version}: a client certificate of ${key}`, async () => {
        const certificate = localClient(key);
        const { outcomes } = await meet(nss, { version, certificate }, { clientCertificate: 'required' });
        expect(outcomes).toMatchObject([{ session: { version, peer: { verified: true } } }]);
      });

  test('a renegotiation is refused', async () => {
    const listener = await endpoint.listen({ certificates: [localServer()] });
    const options = { port: listener.port, trusted: localServer().ca, name: 'localhost', version: 'TLSv1.2' } as const;
    const { stderr } = await runClient(command(options, 'echo', ['-r', '1']));
    expect(stderr).toContain('SSL_ERROR_NO_RENEGOTIATION_ALERT');
    expect(await listener.outcome()).toMatchObject({ failure: { why: 'renegotiation-refused' } });
  });

  test('TLS_FALLBACK_SCSV from a client that could do better', async () => {
    const listener = await endpoint.listen({ certificates: [localServer()] });
    const options = { port: listener.port, trusted: localServer().ca, name: 'localhost', version: 'TLSv1.2' } as const;
    const { stderr } = await runClient(command(options, 'facts', ['-K']));
    expect(stderr).toContain('SSL_ERROR_INAPPROPRIATE_FALLBACK_ALERT');
    expect(await listener.outcome()).toMatchObject({ failure: { why: 'inappropriate-fallback' } });
  });

  test('GREASE of Encrypted Client Hello is ignored', async () => {
    const listener = await endpoint.listen({ certificates: [localServer()] });
    const options = { port: listener.port, trusted: localServer().ca, name: 'localhost', version: 'TLSv1.3' } as const;
    const { stdout } = await runClient(command(options, 'facts', ['-i', '100']));
    const outcome = await listener.outcome();
    expect(outcome).toMatchObject({ session: { version: 'TLSv1.3', serverName: 'localhost' } });
    expect(stdout.toString()).toContain(JSON.stringify(outcome.session));
  });
});
