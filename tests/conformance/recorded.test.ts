import { expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { parseRecording } from '../vectors/recording.ts';
import { FOLDER, fileOf, playShim, recordShim, SHIM_SCENARIOS } from './recorded.ts';

for (const [name, scenario] of Object.entries(SHIM_SCENARIOS))
  test(`the shim says what was recorded: ${name}`, async () => {
    const recording = parseRecording(readFileSync(fileOf(name), 'utf8'));
    expect(recording.behaviour).toBe(name);
    await playShim(scenario, recording);
  });

test('there is a recording for each scenario, and no other', () => {
  const expected = Object.keys(SHIM_SCENARIOS).map((name) => fileOf(name).pathname);
  expect(
    readdirSync(FOLDER)
      .map((file) => new URL(file, FOLDER).pathname)
      .sort(),
  ).toEqual(expected.sort());
});

test('a shim that says something else is noticed', async () => {
  const recorded = await recordShim('planted', { argv: ['-host-name', 'a.test'] });
  expect(playShim({ argv: ['-host-name', 'b.test'] }, recorded)).rejects.toThrow();
});
