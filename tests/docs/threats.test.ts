import { expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dir, '../..');
const THREATS = readFileSync(join(ROOT, 'docs/threats.md'), 'utf8');

/** `` `FILE`: *TITLE* `` */
function namedTests(text: string): { readonly file: string; readonly title: string }[] {
  return [...text.matchAll(/`((?:src|tests)\/[^`]+)`: \*([^*]+)\*/g)].map(([, file, title]) => ({
    file: file as string,
    title: title as string,
  }));
}

function missing(text: string): string[] {
  return namedTests(text)
    .filter(({ file, title }) => {
      const path = join(ROOT, file);
      return !existsSync(path) || !readFileSync(path, 'utf8').includes(title);
    })
    .map(({ file, title }) => `${file}: ${title}`);
}

test('every test that docs/threats.md names is there', () => {
  expect(missing(THREATS)).toEqual([]);
  expect(namedTests(THREATS).length).toBeGreaterThan(30);
});

test('a file or a title that is not there is noticed', () => {
  const planted = '`src/core/planted.test.ts`: *a title*, `tests/docs/threats.test.ts`: *a title that* is not';
  expect(missing(`${planted} here`)).toHaveLength(1);
  expect(missing('`tests/docs/blocks.ts`: *planted*')).toHaveLength(1);
});
