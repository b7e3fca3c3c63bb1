/**
 * `npm run fuzz [-- TARGET [SECONDS [SEED]]]`: mutates seeds for that long, one target or all of them, and prints the input of the
 * first finding. The ordinary tests make a fixed number of runs with a fixed seed.
 */
import { type Bytes, EMPTY, hex } from '../../src/core/bytes.ts';
import { Dice, mutate } from './mutate.ts';
import { TARGETS, type Target } from './targets.ts';

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
  for (let runs = 0; goOn(runs); runs++) {
    const [first, second] = [target.seeds, target.seeds].map((seeds) => seeds[dice.throw(seeds.length)] ?? EMPTY);
    const input =
      runs < target.seeds.length ? (target.seeds[runs] as Bytes) : mutate(first as Bytes, second as Bytes, dice);
    try {
      await target.run(input);
    } catch (error) {
      return { input, error };
    }
  }
  return undefined;
}

async function main([only, seconds = '60', seed = String(Date.now())]: readonly string[]): Promise<void> {
  for (const [name, target] of Object.entries(TARGETS)) {
    if (only !== undefined && only !== name) continue;
    const end = Date.now() + Number(seconds) * 1000;
    let count = 0;
    const finding = await fuzz(target, Number(seed), (runs) => {
      count = runs;
      return Date.now() < end;
    });
    console.log(`${name}: ${count} runs, seed ${seed}`);
    if (finding === undefined) continue;
    console.error(finding.error, `\ninput: ${hex(finding.input)}`);
    process.exitCode = 1;
  }
}

if (import.meta.main) await main(process.argv.slice(2));
