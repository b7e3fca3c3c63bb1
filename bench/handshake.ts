/**
 * What one handshake costs each role, ours beside node:tls of the same runtime in the same run, in one process and in memory:
 * `npm run bench:handshake [-- --json]`, or with `node`. CPU time in microseconds, of threads of the runtime too: the best of interleaved
 * rounds and, in brackets, their median. Forty handshakes go in step, so that the roles can be told apart. Neither side judges the
 * certificate (bench/verify.ts measures that); node:tls gives tickets in full handshakes too, where ours is told not to. What `calls`
 * and `floor` are, bench/floor.ts says. On Bun the last table has the first handshake of a process without the JIT, which is what
 * `tlsify connect` is.
 */
import { floor, Recorder, repeat } from './floor.ts';
import { type Cold, measureCold } from './handshake-cold.ts';
import { cpuMicros, type Figure, JIT_OFF, Rounds, ratio, runtimeName, shown, table } from './measure.ts';
import { contexts, end, handshake, sessionOf } from './node-tls.ts';
import { configurations, handshakes, PLAIN_ROLES, type Protocol } from './pair.ts';

const ROUNDS = 90;
const WARM_UP_ROUNDS = 40;
const ROUND_HANDSHAKES = 40;

interface Case {
  readonly name: string;
  readonly protocol: Protocol;
  readonly kind: 'full' | 'resumed';
}

const TLS13 = { version: 'TLSv1.3', suite: 'TLS_AES_128_GCM_SHA256', group: 'x25519' } as const;
const TLS12 = { version: 'TLSv1.2', suite: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', group: 'x25519' } as const;

const CASES: readonly Case[] = [
  { name: 'X25519', protocol: TLS13, kind: 'full' },
  { name: 'X25519, resumed', protocol: TLS13, kind: 'resumed' },
  { name: 'P-256', protocol: { ...TLS13, group: 'secp256r1' }, kind: 'full' },
  { name: 'X25519MLKEM768', protocol: { ...TLS13, group: 'X25519MLKEM768' }, kind: 'full' },
  { name: 'ChaCha20-Poly1305', protocol: { ...TLS13, suite: 'TLS_CHACHA20_POLY1305_SHA256' }, kind: 'full' },
  { name: 'TLS 1.2', protocol: TLS12, kind: 'full' },
  { name: 'TLS 1.2, resumed', protocol: TLS12, kind: 'resumed' },
];

/** Microseconds of CPU per handshake. node:tls does both roles in one, and cannot be split. */
interface Result {
  readonly case: string;
  readonly role: 'client' | 'server' | 'both';
  readonly ours: Figure | null;
  readonly calls: Figure | null;
  readonly floor: Figure | null;
  readonly nodeTls: Figure | null;
}

async function measure({ name, protocol, kind }: Case): Promise<readonly Result[]> {
  const config = configurations(protocol, kind === 'resumed');
  const tls = contexts(protocol);
  const recorder = new Recorder();
  let session: Buffer | undefined;
  if (kind === 'resumed') {
    const [first] = (await handshakes(1, config, PLAIN_ROLES)).clients;
    config.client = { ...config.client, session: first?.ticket ?? null };
    const pair = await handshake(tls);
    session = await sessionOf(pair);
    end(pair);
  }
  await handshakes(1, config, recorder.roles);
  const rounds = new Rounds(WARM_UP_ROUNDS);
  for (let round = 0; round < ROUNDS; round++) {
    const { clientMicros, serverMicros } = await handshakes(ROUND_HANDSHAKES, config, PLAIN_ROLES);
    rounds.add('ours client', clientMicros);
    rounds.add('ours server', serverMicros);
    rounds.add('ours both', clientMicros + serverMicros);
    for (const what of ['calls', 'floor'] as const) {
      let both = 0;
      for (const role of ['client', 'server'] as const) {
        const calls = what === 'calls' ? recorder[role] : floor(protocol, kind, role);
        const before = cpuMicros();
        await repeat(calls, ROUND_HANDSHAKES);
        const micros = (cpuMicros() - before) / ROUND_HANDSHAKES;
        rounds.add(`${what} ${role}`, micros);
        both += micros;
      }
      rounds.add(`${what} both`, both);
    }
    const before = cpuMicros();
    for (let index = 0; index < ROUND_HANDSHAKES; index++) end(await handshake(tls, session));
    rounds.add('node:tls both', (cpuMicros() - before) / ROUND_HANDSHAKES);
  }
  return (['client', 'server', 'both'] as const).map((role) => ({
    case: name,
    role,
    ours: rounds.figure(`ours ${role}`),
    calls: rounds.figure(`calls ${role}`),
    floor: rounds.figure(`floor ${role}`),
    nodeTls: rounds.figure(`node:tls ${role}`),
  }));
}

const json = process.argv.includes('--json');
const results: Result[] = [];
for (const testCase of CASES) results.push(...(await measure(testCase)));
const isBun = process.versions.bun !== undefined;
const withJit = process.env.BUN_JSC_useJIT !== JIT_OFF.BUN_JSC_useJIT;
const cold: readonly Cold[] = isBun && withJit ? await measureCold() : [];
if (json)
  console.log(JSON.stringify({ runtime: runtimeName(), unit: 'microseconds of CPU per handshake', results, cold }));
else {
  console.log(`${runtimeName()}: microseconds of CPU per handshake\n`);
  const rows = results.map(({ case: name, role, ours, calls, floor: least, nodeTls }) => [
    ...[`${name}, ${role}`, shown(ours), shown(calls), shown(least), ratio(ours, least)],
    ...[shown(nodeTls), ratio(ours, nodeTls)],
  ]);
  console.log(table([['', 'ours', 'calls', 'floor', 'ours/floor', 'node:tls', 'ours/node:tls'], ...rows]));
  if (cold.length > 0) {
    console.log('\nThe first handshake of a process, without the JIT\n');
    console.log(table([['', 'microseconds'], ...cold.map(({ subject, cpu }) => [subject, shown(cpu)])]));
  }
}
