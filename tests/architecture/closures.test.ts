import { expect, test } from 'bun:test';
import { committedClosure, describeClosure, entries } from './closures.ts';
import { closureOf, plant, readTree, type Tree } from './tree.ts';

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

/** What a connection must not wait for, or a process that parses the network must not have. */
const NOT_AT_START =
  /^src\/(?:keys|serve|openssl|commands\/(?:help\/|shims|openssl|ssl-client|version))|^@noble\/|^node:(?:net|tls|http|https|child_process)$/;

test('the command starts without help texts, shims, the other backend, ciphers in software, keys, and the runtime’s own networking', () => {
  const forbidden = (changed: Tree) =>
    closureOf(changed, 'src/bin/cli.ts').atStart.filter((path) => NOT_AT_START.test(path));
  expect(forbidden(tree)).toEqual([]);
  const planted = `import '../keys/holder/load.ts';\n${tree.get('src/bin/cli.ts')}`;
  expect(forbidden(plant(tree, 'src/bin/cli.ts', planted))).toEqual(['src/keys/holder/load.ts']);
});

test('there is an entry', () => {
  expect(entries(tree)).not.toEqual([]);
});
