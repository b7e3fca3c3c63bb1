import { expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dir, '../..');

test('docs/interop.md names each file of tests/interop, and no others', () => {
  const text = readFileSync(join(ROOT, 'docs/interop.md'), 'utf8');
  const named = [...text.matchAll(/`([a-z-]+\.test\.ts)`/g)].map((match) => match[1] ?? '');
  const files = readdirSync(join(ROOT, 'tests/interop')).filter((name) => name.endsWith('.test.ts'));
  expect([...new Set(named)].sort()).toEqual(files.sort());
});
