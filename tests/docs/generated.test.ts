import { expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { regenerate } from '../../scripts/docs.ts';

const FOLDER = resolve(import.meta.dir, '../../docs');

for (const name of readdirSync(FOLDER))
  test(`docs/${name} says what the program says (bun scripts/docs.ts rewrites it)`, () => {
    const text = readFileSync(join(FOLDER, name), 'utf8');
    expect(text).toBe(regenerate(text));
  });

test('a table that is out of date is noticed', () => {
  const outdated = '<!-- begin exit-codes -->\n\n| code |\n\n<!-- end exit-codes -->';
  expect(regenerate(outdated)).not.toBe(outdated);
  expect(regenerate(outdated)).toContain('| 78 | configuration |');
  expect(() => regenerate('<!-- begin nothing -->\n<!-- end nothing -->')).toThrow();
});
