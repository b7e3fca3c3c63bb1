import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseTranscript, runStep } from './transcript.ts';
import { startWorld, type World } from './world.ts';

const FOLDER = resolve(import.meta.dir, 'transcripts');

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

for (const name of readdirSync(FOLDER)) {
  describe(name, () => {
    for (const { line, command, expected } of parseTranscript(readFileSync(resolve(FOLDER, name), 'utf8')))
      test(`line ${line}: ${command}`, async () => {
        expect(await runStep(command, world.variables)).toBe(expected);
      });
  });
}

describe('the runner', () => {
  test('shows all that a command prints, and how it ends', async () => {
    const printed = await runStep('echo to $CA; printf partly; echo of $CA >&2; exit 3', { CA: '/a/b' });
    expect(printed).toBe('to $CA\npartly\\\n! of $CA\n? 3\n');
  });

  test('finds the steps of a transcript', () => {
    expect(parseTranscript('# a\n$ one\nout\n! err\n? 1\n\n$ two\n')).toEqual([
      { line: 2, command: 'one', expected: 'out\n! err\n? 1\n' },
      { line: 7, command: 'two', expected: '' },
    ]);
  });
});
