import { describe, expect, test } from 'bun:test';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { serverCertificate } from '../support/certificates.ts';
import { requireProgram } from '../support/peer-process.ts';
import { scratchPath } from '../support/scratch.ts';
import { filesOf, ISSUING_CA } from '../support/test-pki.ts';
import { readAll } from '../support/tlsify-process.ts';

const TLSIFY = process.env.TLSIFY_TEST_COMMAND ?? resolve(import.meta.dir, '../../bin/tlsify');

/**
 * A network of its own in which packets to 192.0.2.0/24 are swallowed, the name server is there, and a server listens on port 443
 * of both loopback addresses. The kernel tries a swallowed address for two minutes, and the resolver a dead name server for ten
 * seconds: what connects within the time limit did not wait for either.
 */
const NETWORK = `
set -e
ip link set lo up
ip route add 192.0.2.0/24 dev lo # it comes back, is for nobody, and is dropped
for file in hosts nsswitch.conf resolv.conf; do mount --bind "$FOLDER/$file" "/etc/$file"; done
openssl s_server -quiet -rev -tls1_3 -accept 443 -cert "$LEAF" -cert_chain "$CHAIN" -key "$KEY" </dev/null 2>/dev/null &
server=$!
trap 'kill $server' EXIT
until ss -ltn | grep -q :443; do :; done
printf 'hello\\n' | "$TLSIFY" connect --ca "$CA" "$@"
`;

/** For a name with an IPv4 address only, the IPv6 one is asked of the name server. */
const HOSTS = `
::1 both.test
127.0.0.1 both.test
127.0.0.1 dead-aaaa.test
192.0.2.66 hole-first.test
127.0.0.1 hole-first.test
192.0.2.66 hole.test
`;

const NAMES = ['both.test', 'dead-aaaa.test', 'hole-first.test'];

async function connectInNetwork(...args: string[]) {
  for (const [program, comesFrom] of [
    ['unshare', 'the package util-linux'],
    ['ip', 'the package iproute2'],
  ] as const)
    requireProgram(program, comesFrom);
  const folder = scratchPath('network');
  mkdirSync(folder);
  writeFileSync(join(folder, 'hosts'), HOSTS);
  writeFileSync(join(folder, 'nsswitch.conf'), 'hosts: files dns\n');
  writeFileSync(join(folder, 'resolv.conf'), 'nameserver 192.0.2.53\n');
  const { ca, chain, leaf, key } = filesOf(serverCertificate(ISSUING_CA, { dns: NAMES }));
  const namespaces = process.getuid?.() === 0 ? ['-mn'] : ['-cmn', '--keep-caps'];
  const child = spawn('unshare', [...namespaces, 'bash', '-c', NETWORK, 'bash', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
      ...{ TLSIFY, FOLDER: folder, CA: ca, CHAIN: chain, LEAF: leaf, KEY: key },
    },
  });
  const [stdout, stderr, [code]] = await Promise.all([
    readAll(child.stdout),
    readAll(child.stderr),
    once(child, 'exit'),
  ]);
  return { code: code as number | null, stdout: stdout.toString(), stderr: stderr.toString() };
}

describe('where packets vanish', () => {
  const answered = { code: 0, stdout: 'olleh\n', stderr: '' };

  test.each(NAMES)('%s is reached', async (name) => {
    expect(await connectInNetwork('--handshake-timeout', '9', `${name}:443`)).toEqual(answered);
  });

  test('a host of which nobody answers ends in time, with what was tried', async () => {
    expect(await connectInNetwork('--handshake-timeout', '1', 'hole.test:443')).toMatchObject({
      code: 75,
      stderr: expect.stringContaining('hole.test:443: no connection in time (no answer: 192.0.2.66:443)'),
    });
  });

  test('a name that only a dead name server could know ends in time', async () => {
    expect(await connectInNetwork('--handshake-timeout', '1', 'nowhere.test:443')).toMatchObject({
      code: 75,
      stderr: expect.stringContaining('nowhere.test:443: the name servers did not answer in time'),
    });
  });
});
