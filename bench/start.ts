/**
 * From exec to the first byte of the answer, on this machine: `npm run bench:start [ROUNDS]`. The compiled tlsify beside the clients that
 * people use today, in interleaved rounds against one server; each verifies the server's chain and its name. Then the parts of tlsify's
 * own start, from the times of a few system calls that only mark them (strace with --seccomp-bpf stops at no other).
 * Compare ratios of one run, never milliseconds of two.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PeerProcess } from '../tests/support/peer-process.ts';
import { localServer } from '../tests/support/test-pki.ts';

const TLSIFY = resolve(import.meta.dir, '../dist/tlsify');
const ROUNDS = Number(process.argv[2] ?? 40);
const REQUEST = 'GET / HTTP/1.0\r\n\r\n';
const { ca, chain, leaf, key } = localServer();

interface Run {
  readonly wallMs: number;
  readonly cpuMs: number;
}

type Client = (port: number) => readonly string[];

const CLIENTS: Readonly<Record<string, Client>> = {
  'tlsify connect': (port) => [TLSIFY, 'connect', `localhost:${port}`, '--no-system-ca', '--ca', ca],
  'tlsify connect --sandbox strict': (port) => [
    ...[TLSIFY, 'connect', `localhost:${port}`, '--no-system-ca', '--ca', ca, '--sandbox', 'strict'],
  ],
  'tlsify connect, the system store': (port) => [TLSIFY, 'connect', `localhost:${port}`, '--ca', ca],
  'openssl s_client -quiet': (port) => [
    ...['openssl', 's_client', '-quiet', '-connect', `localhost:${port}`, '-servername', 'localhost', '-CAfile', ca],
    ...['-no-CApath', '-no-CAstore', '-verify_return_error', '-verify_hostname', 'localhost'],
  ],
  'openssl s_client, the system store': (port) => [
    ...['openssl', 's_client', '-quiet', '-connect', `localhost:${port}`, '-servername', 'localhost'],
    ...['-CAfile', ca, '-verify_return_error', '-verify_hostname', 'localhost'],
  ],
  'gnutls-cli': (port) => ['gnutls-cli', '--logfile=/dev/null', `--x509cafile=${ca}`, '-p', String(port), 'localhost'],
  'socat': (port) => ['socat', '-', `OPENSSL:localhost:${port},cafile=${ca},openssl-min-proto-version=TLS1.3`],
};

const BASELINE = 'openssl s_client -quiet';

/** A store that the environment names instead of the system's may be a folder of some hundred files, and each is opened. */
const { SSL_CERT_FILE: _file, SSL_CERT_DIR: _directory, ...ENVIRONMENT } = process.env;

/** Runs to the first byte of the answer (wall), and to the end (CPU, of the process and what it started). */
async function time(command: readonly string[]): Promise<Run> {
  const start = performance.now();
  const child = Bun.spawn([...command], { env: ENVIRONMENT, stdin: 'pipe', stdout: 'pipe', stderr: 'ignore' });
  child.stdin.write(REQUEST);
  child.stdin.flush();
  const reader = child.stdout.getReader();
  let answer = '';
  let wallMs = Number.NaN;
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    if (answer === '') wallMs = performance.now() - start;
    answer += new TextDecoder().decode(piece.value);
  }
  if (!answer.startsWith('HTTP/1.0 200')) throw new Error(`no answer for ${command.join(' ')}`);
  child.stdin.end();
  await child.exited;
  return { wallMs, cpuMs: Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1000 };
}

/** The last system call of each part. They are made once, in this order, or the part is not there. */
const MARKS: readonly (readonly [string, RegExp])[] = [
  ['launcher', /execve\(".*\/tlsify-main"/],
  ['runtime, modules', /openat\(.*tlsify-os\.node"/],
  ['arguments', /(?:connect|clone3?|vfork)\(/],
  ['dialling, trust store', /unshare\(CLONE_VM\)/],
  ['sandbox', /seccomp\(SECCOMP_SET_MODE_FILTER/],
  ['handshake, answer', /(?:write|writev|pwritev2|sendmsg)\(1, /],
  ['end', /exit_group\(|\+\+\+ exited/],
];

/** Milliseconds of each part of one start. */
async function split(port: number): Promise<ReadonlyMap<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'tlsify-bench-'));
  const log = join(folder, 'strace');
  const calls = 'execve,openat,connect,clone,clone3,vfork,unshare,seccomp,write,writev,pwritev2,sendmsg,exit_group';
  const command = CLIENTS['tlsify connect']?.(port) as readonly string[];
  await time(['strace', '--seccomp-bpf', '-ttt', '-e', `trace=${calls}`, '-o', log, ...command]);
  const lines = readFileSync(log, 'utf8').split('\n');
  rmSync(folder, { recursive: true });
  const parts = new Map<string, number>();
  let at = 0;
  let before = timeOf(lines[0] ?? '');
  for (const [part, mark] of MARKS) {
    const found = lines.findIndex((line, index) => index > at && mark.test(line));
    if (found < 0) continue;
    const now = timeOf(lines[found] as string);
    parts.set(part, now - before);
    [at, before] = [found, now];
  }
  return parts;
}

/** strace -ttt: `SECONDS.MICROSECONDS call`. */
function timeOf(line: string): number {
  return Number(line.split(' ')[0]) * 1000;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

if (!existsSync(TLSIFY)) throw new Error('no dist/tlsify: run npm run build');
const server = await PeerProcess.start((port) => ({
  program: 'openssl',
  args: ['s_server', '-accept', `127.0.0.1:${port}`, '-www', '-cert', leaf, '-cert_chain', chain, '-key', key],
  comesFrom: 'the package openssl',
}));
const runs = new Map<string, Run[]>(Object.keys(CLIENTS).map((name) => [name, []]));
for (let round = -3; round < ROUNDS; round++)
  for (const [name, client] of Object.entries(CLIENTS)) {
    const run = await time(client(server.port));
    if (round >= 0) runs.get(name)?.push(run);
  }

const medianOf = (name: string, what: keyof Run) => median((runs.get(name) ?? []).map((run) => run[what]));
console.log(`exec to the first byte of the answer, medians of ${ROUNDS} interleaved rounds\n`);
console.log(
  `${'client'.padEnd(36)}${'wall ms'.padStart(9)}${'ratio'.padStart(7)}${'CPU ms'.padStart(9)}${'ratio'.padStart(7)}`,
);
for (const name of runs.keys()) {
  const cells = (['wallMs', 'cpuMs'] as const).map((what) => {
    const value = medianOf(name, what);
    return value.toFixed(1).padStart(9) + (value / medianOf(BASELINE, what)).toFixed(2).padStart(7);
  });
  console.log(name.padEnd(36) + cells.join(''));
}

const splits: ReadonlyMap<string, number>[] = [];
for (let round = 0; round < Math.ceil(ROUNDS / 2); round++) splits.push(await split(server.port));
console.log('\nparts of tlsify connect, wall ms, under strace\n');
for (const [part] of MARKS) {
  const values = splits.flatMap((parts) => parts.get(part) ?? []);
  if (values.length > 0) console.log(part.padEnd(36) + median(values).toFixed(1).padStart(9));
}
await server.stop();
