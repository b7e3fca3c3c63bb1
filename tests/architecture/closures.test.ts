import { expect, test } from 'bun:test';
import { committedClosure, describeClosure, entries } from './closures.ts';
import { plant, readTree } from './tree.ts';

const tree = readTree();

for (const entry of entries(tree)) {
  test(`${entry} loads what its list says`, () => {
    expect(committedClosure(entry)).toBe(describeClosure(tree, entry));
  });

  test(`a file more in ${entry} is noticed, now or later`, () => {
    const text = tree.get(entry) ?? '';
    const now = plant(tree, entry, `import '../core/planted.ts';\n${text}`);
    expect(describeClosure(now, entry)).not.toBe(describeClosure(tree, entry));
    const later = plant(tree, entry, `${text}\nawait import('../core/planted.ts');\n`);
    expect(describeClosure(later, entry)).not.toBe(describeClosure(tree, entry));
    const erased = plant(tree, entry, `import type { Planted } from '../core/planted.ts';\n${text}`);
    expect(describeClosure(erased, entry)).toBe(describeClosure(tree, entry));
  });
}

test('there is an entry', () => {
  expect(entries(tree)).not.toEqual([]);
});
