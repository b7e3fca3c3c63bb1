/**
 * CPU time of verifying a server's chain: `bun bench/verify.ts`. Without the JIT, as the processes of single connections run, compiled
 * with bytecode: first in a fresh process (cold), then over and over (warm), beside the signature checks alone and beside the comparable
 * steps of `crypto.X509Certificate`. Then the worst that a sender can make of a chain, one row for each bound in `core/limits.ts`.
 * The best of ten processes each. Compare ratios of one run, never microseconds of two.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHAINS } from './verify-chains.ts';
import type { MeasureInput, Measures } from './verify-measure.ts';

const WITHOUT_JIT = { BUN_JSC_useJIT: '0', BUN_JSC_useConcurrentGC: '0', BUN_JSC_numberOfGCMarkers: '1' };
const PROCESSES = 10;

const COLUMNS = {
  openUs: 'open the store',
  coldUs: 'cold',
  warmUs: 'warm',
  signaturesUs: 'signatures',
  nodeUs: 'X509Certificate',
} as const satisfies Partial<Record<keyof Measures, string>>;

const scratch = mkdtempSync(join(tmpdir(), 'tlsify-bench-verify-'));
try {
  const program = join(scratch, 'measure');
  const source = join(import.meta.dir, 'verify-measure.ts');
  const compile = ['build', '--compile', '--bytecode', '--minify', source, '--outfile', program];
  const built = Bun.spawnSync([process.execPath, ...compile]);
  if (!built.success) throw new Error(String(built.stderr));

  console.log(`microseconds of CPU: ${Object.values(COLUMNS).join(', ')}\n`);
  for (const [name, make] of Object.entries(CHAINS)) {
    const { chain, anchors, ocspResponse, revocationList } = make();
    const [ca, input, list] = ['ca.pem', 'input.json', 'list.der'].map((name) => join(scratch, name)) as [
      string,
      string,
      string,
    ];
    if (revocationList !== undefined) writeFileSync(list, revocationList);
    writeFileSync(ca, anchors.map(({ pem }) => pem).join(''));
    const ders = chain.map(({ der }) => Buffer.from(der).toString('base64'));
    const staple = ocspResponse === undefined ? null : Buffer.from(ocspResponse).toString('base64');
    const crl = revocationList === undefined ? null : list;
    writeFileSync(input, JSON.stringify({ chain: ders, staple, crl, ca, cache: scratch } satisfies MeasureInput));
    const runs = Array.from({ length: PROCESSES }, () => run(program, input));
    const best = (Object.keys(COLUMNS) as (keyof typeof COLUMNS)[]).map((column) =>
      String(Math.round(Math.min(...runs.map((measures) => measures[column])))).padStart(7),
    );
    console.log(`${best.join('')}  ${name}: ${runs[0]?.outcome}`);
  }
} finally {
  rmSync(scratch, { recursive: true });
}

function run(program: string, input: string): Measures {
  const child = Bun.spawnSync([program, input], { env: { ...process.env, ...WITHOUT_JIT } });
  if (!child.success) throw new Error(String(child.stderr));
  return JSON.parse(String(child.stdout)) as Measures;
}
