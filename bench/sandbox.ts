/**
 * What the sandbox costs a process that has just started: `bun bench/sandbox.ts [RUNS]` compiles a program that does nothing but
 * apply it, as tlsify is compiled, and prints the median time of each step in microseconds.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { SandboxReport } from '../src/isolation/sandbox.ts';
import { RUNTIME_SETTINGS } from '../src/os/runtime.ts';

const ROOT = resolve(import.meta.dir, '..');

/** Prints its report and the whole time; level by argument. */
const PROGRAM = `
import { applySandbox } from '${ROOT}/src/isolation/sandbox.ts';
const holder = { exports: {} };
process.dlopen(holder, '${ROOT}/build/tlsify-os.node');
const native = holder.exports;
const descriptors = [
  { fd: 0, reads: true, writes: false },
  { fd: 1, reads: false, writes: true },
  { fd: 2, reads: false, writes: true },
];
const startMs = native.monotonicMs();
const report = applySandbox(native, { level: process.argv[2], descriptors });
const tookMs = native.monotonicMs() - startMs;
const bytes = new TextEncoder().encode(JSON.stringify({ ...report, tookMs }));
native.write(1, bytes, 0, bytes.length);
native.exit(0);
`;

const runs = Number(process.argv[2] ?? 40);
const directory = mkdtempSync(join(tmpdir(), 'tlsify-bench-'));
const program = join(directory, 'program');
await Bun.write(`${program}.ts`, PROGRAM);
const built = Bun.spawnSync(
  [process.execPath, 'build', '--compile', '--bytecode', '--minify', `${program}.ts`, '--outfile', program],
  { stdout: 'ignore', stderr: 'inherit' },
);
if (built.exitCode !== 0) process.exit(1);
for (const level of ['standard', 'strict']) printLevel(level);
rmSync(directory, { recursive: true });

function printLevel(level: string): void {
  const times = new Map<string, number[]>();
  for (let run = 0; run < runs; run++) {
    const { stdout } = Bun.spawnSync([program, level], { env: { ...process.env, ...RUNTIME_SETTINGS } });
    const { applied, missing, tookMs } = JSON.parse(stdout.toString()) as SandboxReport & { readonly tookMs: number };
    if (missing.length > 0) console.error(`missing: ${missing.map(({ mechanism }) => mechanism).join(', ')}`);
    for (const { mechanism, tookMs: stepMs } of [...applied, { mechanism: 'all', tookMs }])
      times.set(mechanism, [...(times.get(mechanism) ?? []), stepMs]);
  }
  for (const [mechanism, all] of times) {
    const median = all.sort((a, b) => a - b)[all.length >> 1] as number;
    console.log(`${level.padEnd(10)}${mechanism.padEnd(22)}${Math.round(1000 * median)} µs`);
  }
}
