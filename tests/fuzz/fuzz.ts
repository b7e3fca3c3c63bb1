/**
 * `npm run fuzz [-- [TARGET|all] [SECONDS] [FOLDER]]`: mutates seeds, SECONDS in all, divided among the targets (default: all of
 * them, a minute each). The first finding of a target ends its share; its input is written to FOLDER (default: build/findings). A file in
 * place of SECONDS is run as it is. The ordinary tests make a fixed number of runs with a fixed seed.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bytes, EMPTY } from '../../src/core/bytes.ts';
import { Dice, mutate } from './mutate.ts';
import type { Target } from './target.ts';
import { TARGETS } from './targets.ts';

/** An input that a target did not survive. */
export interface Finding {
  readonly input: Bytes;
  readonly error: unknown;
}

/** Runs while `goOn` says so, with the number of runs so far. @returns the first finding */
export async function fuzz(
  target: Target,
  seed: number,
  goOn: (runs: number) => boolean,
): Promise<Finding | undefined> {
  const dice = new Dice(seed);
  const change = target.mutate ?? mutate;
  for (let runs = 0; goOn(runs); runs++) {
    const [first, second] = [target.seeds, target.seeds].map((seeds) => seeds[dice.throw(seeds.length)] ?? EMPTY);
    const input =
      runs < target.seeds.length ? (target.seeds[runs] as Bytes) : change(first as Bytes, second as Bytes, dice);
    try {
      await target.run(input);
    } catch (error) {
      return { input, error };
    }
  }
  return undefined;
}

async function main([only = 'all', amount, folder = 'build/findings']: readonly string[]): Promise<void> {
  const chosen = Object.entries(TARGETS).filter(([name]) => only === 'all' || name === only);
  if (chosen.length === 0) throw new Error(`no target "${only}"; there are:\n  ${Object.keys(TARGETS).join('\n  ')}`);
  if (amount !== undefined && !/^\d+$/.test(amount)) {
    for (const [, target] of chosen) await target.run(new Uint8Array(readFileSync(amount)));
    return;
  }
  const seconds = amount === undefined ? 60 : Number(amount) / chosen.length;
  let findings = 0;
  for (const [index, [name, target]] of chosen.entries()) {
    const seed = Date.now() >>> 0;
    const end = Date.now() + seconds * 1000;
    let count = 0;
    const finding = await fuzz(target, seed, (runs) => {
      count = runs;
      return Date.now() < end;
    });
    console.log(`${index + 1} of ${chosen.length}, ${name}: ${count} runs, seed ${seed}`);
    if (finding === undefined) continue;
    findings += 1;
    const file = join(folder, `${name.replace(/\W+/g, '-')}.${seed}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, finding.input);
    console.error(finding.error, `\na finding: npm run fuzz -- '${name}' ${file}`);
  }
  console.log(`${findings} findings`);
  process.exitCode = findings === 0 ? 0 : 1;
}

if (import.meta.main) await main(process.argv.slice(2));
