import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import { encodeAddress } from '../../src/os/addresses.ts';
import { AF, O, SOCK } from '../../src/os/constants.ts';
import { loadNative } from '../../src/os/load.ts';
import { RUNTIME_SETTINGS } from '../../src/os/runtime.ts';
import { PeerProcess } from '../support/peer-process.ts';
import { localServer } from '../support/test-pki.ts';
import { readAll, type StatusLine } from '../support/tlsify-process.ts';

const ROOT = resolve(import.meta.dir, '../..');
const COMMAND = process.env.TLSIFY_TEST_COMMAND ?? resolve(ROOT, 'bin/tlsify');
const native = loadNative();
const { ca, chain, leaf, key } = localServer();

let echo: PeerProcess;
beforeAll(async () => {
  echo = await PeerProcess.start((port) => ({
    program: 'openssl',
    args: [
      ...['s_server', '-quiet', '-rev', '-tls1_3', '-accept', `127.0.0.1:${port}`],
      ...['-cert', leaf, '-cert_chain', chain, '-key', key],
    ],
    comesFrom: 'the package openssl',
  }));
});
afterAll(() => echo.stop());

/** A socket that is connected to the server, blocking, as a program would hand it over. */
function dialled(): number {
  const socket = native.socket(AF.INET, SOCK.STREAM, 0);
  const address = Uint8Array.of(127, 0, 0, 1);
  const connected = native.connect(socket, encodeAddress({ family: 'ip', address, port: echo.port, scope: 0 }));
  if (connected !== 0) throw new Error('cannot connect');
  return socket;
}

/** Runs with descriptors 3 (a socket) and, as pipes to this process that are sockets, 4 and 5. */
async function run(args: readonly string[], talk: (child: ChildProcess) => Promise<string>, program = COMMAND) {
  const socket = dialled();
  const flags = native.getStatusFlags(socket);
  const child = spawn(program, [...args], {
    env: { ...process.env, SSL_CERT_FILE: ca },
    stdio: ['pipe', 'pipe', 'pipe', socket, 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const stderr = readAll(child.stderr as Duplex);
  const said = await talk(child);
  const [code] = await ended;
  const unchanged = native.getStatusFlags(socket) === flags && (flags & O.NONBLOCK) === 0;
  native.close(socket);
  return { code, said, unchanged, stderr: (await stderr).toString() };
}

/** The stream to one of the descriptors behind standard error. */
function extra(child: ChildProcess, fd: number): Duplex {
  return (child.stdio as readonly unknown[])[fd] as Duplex;
}

/** Asks on one stream, and reads the other to its end. */
async function ask(to: Duplex, from: Duplex): Promise<string> {
  to.end('hello\n');
  return (await readAll(from)).toString();
}

test('--net-fd: a socket that the caller has connected, whose flags stay as they are', async () => {
  const result = await run(['connect', '--net-fd', '3', '--name', 'localhost'], (child) =>
    ask(child.stdin as Duplex, child.stdout as Duplex),
  );
  expect(result).toEqual({ code: 0, said: 'olleh\n', unchanged: true, stderr: '' });
});

test('--app-fd: one descriptor for both directions; its end and ours are half-closes', async () => {
  const result = await run(['connect', '--net-fd=3', '--app-fd=4', '--name=localhost', '--sandbox=strict'], (child) =>
    ask(extra(child, 4), extra(child, 4)),
  );
  expect(result).toEqual({ code: 0, said: 'olleh\n', unchanged: true, stderr: '' });
});

test('--status-fd: what a program needs to know, in lines of JSON', async () => {
  let lines: StatusLine[] = [];
  const args = ['connect', '--net-fd', '3', '--name', 'localhost', '--status-fd', '5', '--alpn', 'x'];
  const result = await run(args, async (child) => {
    const status = readAll(extra(child, 5));
    const said = await ask(child.stdin as Duplex, child.stdout as Duplex);
    lines = (await status)
      .toString()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as StatusLine);
    return said;
  });
  expect(result.code).toBe(0);
  expect(lines).toEqual([
    {
      event: 'ready',
      version: 'TLSv1.3',
      suite: expect.stringMatching(/^TLS_[A-Z0-9_]+$/),
      group: expect.stringMatching(/^(X25519MLKEM768|x25519)$/),
      signatureScheme: 'ecdsa_secp256r1_sha256',
      alpn: null,
      serverName: 'localhost',
      resumed: false,
      helloRetryRequest: false,
      ech: 'grease',
      backend: 'tlsify',
      peer: {
        verified: true,
        matched: ['dns:localhost'],
        subject: 'CN=localhost',
        spkiSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        certificateSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        notAfterSeconds: expect.any(Number),
      },
      address: `127.0.0.1:${echo.port}`,
      sandbox: 'standard',
      sandboxMissing: [],
    },
    { event: 'closed', sentBytes: 6, receivedBytes: 6, exit: 0 },
  ]);
});

test('--sandbox-without: the status line says what is missing', async () => {
  // A user namespace that maps no other user than root: there is nobody to become.
  const args = ['connect', '--net-fd=3', '--name=localhost', '--status-fd=5', '--sandbox-without=credentials'];
  const talk = async (child: ChildProcess) => {
    const status = readAll(extra(child, 5));
    await ask(child.stdin as Duplex, child.stdout as Duplex);
    return (await status).toString().split('\n')[0] as string;
  };
  const result = await run(['--map-root-user', COMMAND, ...args], talk, 'unshare');
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(result.said)).toMatchObject({ sandbox: 'standard', sandboxMissing: ['credentials'] });
});

test('a failure has a line too, with its code and the advice', async () => {
  const args = ['connect', '--quiet', '--net-fd', '3', '--name', 'elsewhere.test', '--status-fd', '5'];
  const result = await run(args, async (child) => (await readAll(extra(child, 5))).toString());
  expect(result).toMatchObject({ code: 77, stderr: '' });
  expect(JSON.parse(result.said)).toMatchObject({
    event: 'failed',
    why: 'certificate-name-mismatch',
    kind: 'certificate-rejected',
    detail: expect.stringContaining('dns:elsewhere.test'),
    advice: expect.stringContaining('--name'),
    exit: 77,
  });
});

describe('a descriptor is refused before anything is dialled', () => {
  const refusal = (options: readonly string[], redirections = '') => {
    const command = ['connect', '127.0.0.1:1', ...options];
    const { status, stderr } = spawnSync('sh', ['-c', `exec "$0" "$@" ${redirections}`, COMMAND, ...command], {
      encoding: 'utf8',
    });
    return `${status} ${stderr.split('\n')[0]}`;
  };

  test('that is open the wrong way round', () => {
    expect(refusal([], '</dev/null >/dev/null')).toMatch(/^69 /);
    expect(refusal([], '0>/dev/null')).toMatch(/^64 .*standard input.*open for writing only/);
    expect(refusal([], '1</dev/null')).toMatch(/^64 .*standard output.*open for reading only/);
    expect(refusal(['--app-fd=5'], '5</dev/null')).toMatch(/^64 .*--app-fd.*open for reading only/);
    expect(refusal(['--app-fd=5'], '5>/dev/null')).toMatch(/^64 .*--app-fd.*open for writing only/);
    expect(refusal(['--status-fd=5'], '5</dev/null')).toMatch(/^64 .*--status-fd.*open for reading only/);
  });

  test.each([3, 4, 5, 6])('%d, that only the runtime may have opened', (fd) => {
    for (const option of ['--app-fd', '--status-fd']) expect(refusal([`${option}=${fd}`])).toMatch(/^64 /);
  });

  test.each([
    ['datagrams', SOCK.DGRAM],
    ['packets', SOCK.SEQPACKET],
  ])('that is a socket of %s, not of a stream', async (_, type) => {
    const pair = new Int32Array(2);
    expect(native.socketpair(AF.UNIX, type, pair)).toBe(0);
    for (const options of [
      ['--net-fd=3', '--name=localhost'],
      ['--app-fd=3', '127.0.0.1:1'],
    ]) {
      const child = spawn(COMMAND, ['connect', ...options], { stdio: ['ignore', 'ignore', 'pipe', pair[0] as number] });
      const stderr = readAll(child.stderr as Duplex);
      expect(await once(child, 'exit')).toEqual([64, null]);
      expect((await stderr).toString()).toMatch(/(?:--net-fd 3: not a stream socket|--app-fd .*: not a stream)/);
    }
    for (const fd of pair) native.close(fd);
  });

  test('for the status, that is one of the data', async () => {
    for (const [options, other] of [
      [['--status-fd=0'], 'standard input'],
      [['--status-fd=1'], 'standard output'],
      [['--status-fd=5', '--app-fd=5'], '--app-fd'],
    ] as const)
      expect(refusal(options)).toContain(`64 tlsify: --status-fd ${options[0].at(-1)} is the same as ${other}`);
    const args = ['connect', '--net-fd=3', '--status-fd=3', '--name=localhost'];
    const network = spawnSync(COMMAND, args, { encoding: 'utf8' });
    expect(`${network.status} ${network.stderr}`).toMatch(/^64 .*the same as --net-fd\ntlsify: .* --status-fd 3 3>/);
    // Standard output is not of the data then, and standard error is for whoever wants both there.
    expect(refusal(['--status-fd=1', '--app-fd=5'], '5<>/dev/null')).toMatch(/^69 /);
    expect(refusal(['--status-fd=2'], '</dev/null')).toMatch(/^69 /);
  });

  test('that is standard error, for the network', async () => {
    const socket = dialled();
    const stdio = ['ignore', 'ignore', socket, 'pipe'] as const;
    const args = ['connect', '--net-fd=2', '--name=localhost', '--status-fd=3'];
    const child = spawn(COMMAND, args, { stdio: [...stdio] });
    const status = readAll(extra(child, 3));
    expect(await once(child, 'exit')).toEqual([64, null]);
    expect(JSON.parse((await status).toString())).toMatchObject({ why: 'descriptor-unusable' });
    native.close(socket);
  });
});

test('ssl_client: the socket on 3, the name behind -n, and nothing said to the server at the end of the input', async () => {
  const talk = (child: ChildProcess) => {
    const answer = readAll(child.stdout as Duplex);
    (child.stdin as Duplex).write('hello\n');
    return new Promise<string>((done) => {
      // The answer comes while the input is open; then all of the application goes away.
      (child.stdout as Duplex).once('data', (chunk: Buffer) => {
        child.stdin?.destroy();
        child.stdout?.destroy();
        answer.catch(() => {});
        done(chunk.toString());
      });
    });
  };
  const result = await run(['ssl_client', '-s3', '-n', 'localhost'], talk);
  expect(result).toEqual({ code: 0, said: 'olleh\n', unchanged: true, stderr: '' });
});

test('the launcher of a checkout has the settings of the runtime', () => {
  const launcher = readFileSync(resolve(ROOT, 'bin/tlsify'), 'utf8');
  for (const [name, value] of Object.entries(RUNTIME_SETTINGS)) expect(launcher).toContain(`${name}=${value}`);
});
