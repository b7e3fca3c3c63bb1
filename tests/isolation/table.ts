/**
 * Prints the probe's results as a table: `bun tests/isolation/table.ts [USER]`, USER being a number to be instead of root. A cell says
 * what became of the attempt; the last column, which mechanisms stop it without the help of another.
 */
import { CONFINEMENTS, type Confinement, LEVELS } from './confinement.ts';
import { probe } from './probe.ts';
import type { AttemptResult, ProberResult } from './prober.ts';

const LAYERS = CONFINEMENTS.filter((confinement) => !LEVELS.some((level) => level === confinement));

function printTable(result: ProberResult): void {
  for (const [group, attempts] of Map.groupBy(result.attempts, (attempt) => attempt.group)) {
    console.log(`\n### ${group}\n\n| attempt | off | standard | strict | stopped alone by |\n|---|---|---|---|---|`);
    for (const attempt of attempts) {
      const cells = LEVELS.map((level) => attempt.outcomes[level]);
      console.log(`| ${[attempt.name, ...cells, layersOf(attempt)].join(' | ')} |`);
    }
  }
}

function layersOf({ outcomes }: AttemptResult): string {
  if (outcomes.off !== 'allowed') return 'not counted: it fails outside too';
  const stops = (layer: Confinement): boolean => outcomes[layer] !== 'allowed';
  return LAYERS.filter(stops).join(', ') || '—';
}

const user = process.argv[2];
printTable(await probe(user === undefined ? undefined : Number(user), { sweep: [], loosened: [] }));
