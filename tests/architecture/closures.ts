/**
 * What each process loads. `bun tests/architecture/closures.ts` writes the lists in closures/ anew; the difference is then
 * reviewed like any other: a file more in a process is authority, memory and start-up time more.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { closureOf, ROOT, readTree, type Tree } from './tree.ts';

/** The entries of the processes: every file of src/bin but tests. */
export function entries(tree: Tree): string[] {
  return [...tree.keys()].filter((path) => /^src\/bin\/[^/]+\.ts$/.test(path) && !path.endsWith('.test.ts')).sort();
}

/** The list of one entry, as it is committed. */
export function describeClosure(tree: Tree, entry: string): string {
  const { atStart, later } = closureOf(tree, entry);
  return ['# loaded at the start', ...atStart, '', '# loaded when it is needed', ...later, ''].join('\n');
}

/** The committed list, or `undefined`. */
export function committedClosure(entry: string): string | undefined {
  const path = listPath(entry);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

function listPath(entry: string): string {
  return join(ROOT, 'tests/architecture/closures', entry.replace(/^src\/bin\/(.*)\.ts$/, '$1.txt'));
}

if (import.meta.main) {
  const tree = readTree();
  for (const entry of entries(tree)) writeFileSync(listPath(entry), describeClosure(tree, entry));
}
