import { describe, expect, test } from 'bun:test';
import { fuzz } from './fuzz.ts';
import { TARGETS, type Target } from './targets.ts';

const LIMIT_MS = 120_000;

for (const [name, target] of Object.entries(TARGETS))
  test(
    `${name}: ${target.runs} mutated inputs`,
    async () => {
      expect(await fuzz(target, 1, (runs) => runs < target.runs)).toBeUndefined();
    },
    LIMIT_MS,
  );

describe('the fuzzer finds a planted', () => {
  const plants: Readonly<Record<string, (input: Uint8Array) => boolean>> = {
    'length that is believed': (input) => (input[0] ?? 0) > input.length,
    'value at an edge': (input) => input[3] === 0xff,
    'empty input': (input) => input.length === 0,
    'repetition': (input) => input.length > 70,
    'seed that is wrong as it is': () => true,
  };
  for (const [name, isBad] of Object.entries(plants))
    test(name, async () => {
      const planted: Target = {
        seeds: [Uint8Array.from({ length: 40 }, (_, index) => index)],
        runs: 20_000,
        run: (input) => {
          if (isBad(input)) throw new RangeError('planted');
        },
      };
      const finding = await fuzz(planted, 1, (runs) => runs < planted.runs);
      expect(finding?.error).toBeInstanceOf(RangeError);
    });
});
