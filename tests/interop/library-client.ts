import { describe, expect, test } from 'bun:test';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import type { ProtocolVersion } from '../../src/engine/connection.ts';
import { fingerprintOf, numberedStream } from '../support/numbered-stream.ts';
import type { PeerCommand } from '../support/peer-process.ts';
import { localServer } from '../support/test-pki.ts';
import { type ClientPeer, type ConnectOptions, describeClient, localClient, meet, type Seen } from './client-suite.ts';
import { Endpoint } from './endpoint.ts';
import { type Run, runClient } from './run-client.ts';
import { MIB, opensslName12, SUITES_12, SUITES_13 } from './suite.ts';

/** A program of `peers/` as a client, with words behind its own. */
export type Program = (words: readonly string[]) => PeerCommand;

/** All that a client of `peers/` can be asked for. */
export function describeLibraryClient(program: Program, peer: Omit<ClientPeer, 'connect'>): void {
  const client: ClientPeer = {
    ...peer,
    connect: async (options) => {
      const { code, stdout, stderr } = await run(program, options, 'facts');
      const text = stdout.toString();
      return { seen: [...text.matchAll(/^version=.*$/gm)].map(([line]) => seenIn(line)), output: text + stderr, code };
    },
  };
  describe('as a client', () => {
    describeClient(client);

    for (const key of Object.keys(peer.keys) as (keyof typeof peer.keys)[])
      for (const version of key === 'p256' ? [] : VERSIONS)
        test(`${version}: a client certificate of ${key}`, async () => {
          const certificate = localClient(key);
          const { outcomes } = await meet(client, { version, certificate }, { clientCertificate: 'required' });
          expect(outcomes).toMatchObject([{ failure: null, session: { version, peer: { verified: true } } }]);
        });

    const withJit = new Endpoint({ jit: true });
    for (const version of VERSIONS) describeTransfers(program, version, withJit);
  });
}

const VERSIONS: readonly ProtocolVersion[] = ['TLSv1.3', 'TLSv1.2'];

function describeTransfers(program: Program, version: ProtocolVersion, endpoint: Endpoint): void {
  const bytes = 64 * MIB;
  const fingerprint = fingerprintOf(numberedStream(bytes));

  async function transfer(command: string, ...more: string[]) {
    const listener = await endpoint.listen({ certificates: [localServer()] });
    const options = { port: listener.port, trusted: localServer().ca, name: 'localhost', version };
    const { stdout, stderr } = await run(program, options, command, ...more);
    const outcome = await listener.outcome();
    expect({ outcome, stderr }).toMatchObject({ outcome: { session: { version }, failure: null, peerClosed: true } });
    return { outcome, stdout: stdout.toString() };
  }

  describe(`${version}: 64 MiB`, () => {
    test('each way at once', async () => {
      const { stdout } = await transfer('echo', `bytes=${bytes}`);
      expect(stdout).toEndWith(`received ${fingerprint}\n`);
    });

    test('down', async () => {
      const { stdout } = await transfer(`download ${bytes}`);
      expect(stdout).toEndWith(`received ${fingerprint}\n`);
    });

    test('up, half-closed, and then the answer', async () => {
      const { stdout, outcome } = await transfer('upload', `bytes=${bytes}`);
      expect(outcome.received).toBe(fingerprint);
      expect(stdout).toEndWith(`received ${fingerprintOf([Buffer.from(`${fingerprint}\n`)])}\n`);
    });
  });
}

function run(
  program: Program,
  { port, trusted, name, version, suites, groups, alpn, certificate, again }: ConnectOptions,
  command: string,
  ...more: string[]
): Promise<Run> {
  return runClient(
    program([
      ...[`port=${port}`, `trusted=${trusted}`, `name=${name}`, `command=${command}`],
      ...(version === undefined ? [] : [`version=${version}`]),
      ...(suites === undefined ? [] : [`suites=${suites.join(',')}`]),
      ...(groups === undefined ? [] : [`groups=${groups.join(',')}`]),
      ...(alpn === undefined ? [] : [`alpn=${alpn.join(',')}`]),
      ...(certificate === undefined ? [] : [`chain=${certificate.chain}`, `key=${certificate.key}`]),
      ...(again === true ? ['connections=2'] : []),
      ...more,
    ]),
  );
}

function seenIn(line: string): Seen {
  const words = new Map(line.split(' ').map((word) => word.split('=', 2) as [string, string]));
  const [cipher, group, alpn] = [words.get('suite'), words.get('group'), words.get('alpn')];
  return {
    version: words.get('version'),
    suite: [...SUITES_13, ...SUITES_12].find((suite) => suite === cipher || opensslName12(suite) === cipher),
    // By their names in the library, which may have another case.
    group: nodeCrypto.groups.find((name) => name.toLowerCase() === group?.toLowerCase()),
    alpn: alpn === '-' ? null : alpn,
    resumed: words.get('resumed') === 'yes',
    server: words.get('server'),
  };
}
