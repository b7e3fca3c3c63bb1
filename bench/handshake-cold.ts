/**
 * The first handshake of a process: compiled with bytecode as what is shipped is, run without the JIT, many times. CPU time from the
 * making of the connection to its opening, of each role of ours, and of node:tls's both together.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuMicros, type Figure, JIT_OFF, Rounds } from './measure.ts';
import { contexts, end, handshake } from './node-tls.ts';
import { configurations, handshakes, PLAIN_ROLES } from './pair.ts';

const RUNS = 25;
const PROTOCOL = { version: 'TLSv1.3', suite: 'TLS_AES_128_GCM_SHA256', group: 'x25519' } as const;

/** Microseconds of one subject. */
export interface Cold {
  readonly subject: string;
  readonly cpu: Figure | null;
}

/** Compiles this file and runs it. Bun alone. */
export async function measureCold(): Promise<readonly Cold[]> {
  const { compile } = await import('../scripts/build.ts');
  const folder = mkdtempSync(join(tmpdir(), 'tlsify-bench-'));
  try {
    const program = join(folder, 'handshake-cold');
    await compile(import.meta.filename, program);
    const rounds = new Rounds(1);
    const subjects = new Set<string>();
    for (let run = 0; run < RUNS; run++)
      for (const whose of ['ours', 'node:tls']) {
        const { stdout } = Bun.spawnSync([program, whose], { env: { ...process.env, ...JIT_OFF } });
        for (const [subject, micros] of Object.entries(JSON.parse(stdout.toString()) as Record<string, number>)) {
          subjects.add(subject);
          rounds.add(subject, micros);
        }
      }
    return [...subjects].map((subject) => ({ subject, cpu: rounds.figure(subject) }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function oursOnce(): Promise<Record<string, number>> {
  const { clientMicros, serverMicros } = await handshakes(1, configurations(PROTOCOL, false), PLAIN_ROLES);
  return { 'our client': clientMicros, 'our server': serverMicros, 'ours, both': clientMicros + serverMicros };
}

async function nodeTlsOnce(): Promise<Record<string, number>> {
  const tls = contexts(PROTOCOL);
  const before = cpuMicros();
  end(await handshake(tls));
  return { 'node:tls, both': cpuMicros() - before };
}

if (import.meta.main) {
  console.log(JSON.stringify(process.argv[2] === 'ours' ? await oursOnce() : await nodeTlsOnce()));
  process.exit();
}
