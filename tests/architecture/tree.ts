import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize, resolve } from 'node:path';

/** The repository's root. */
export const ROOT = resolve(import.meta.dir, '../..');

/** Paths of all files, with their texts, so that a control can plant a violation without touching the disk. */
export type Tree = ReadonlyMap<string, string>;

/** One import, whatever its syntax. `target` is a path in the tree for a relative one, else the specifier itself. */
export interface Import {
  readonly target: string;
  readonly specifier: string;
  /** Erased before the program runs: `import type`, `typeof import()`. */
  readonly typeOnly: boolean;
  /** `import()` or `require()`: loaded when it is needed, not at the start. */
  readonly lazy: boolean;
}

const NOT_OURS = new Set(['.git', 'node_modules', 'dist', 'build', '.cache', 'target']);
/** Above this a file is not text that somebody wrote. */
const TEXT_BYTES = 1 << 20;

/** Reads all files below the root but what is installed, built or cached (see .gitignore). */
export function readTree(): Tree {
  const tree = new Map<string, string>();
  const walk = (folder: string) => {
    for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name);
      // Git's own is a file in a second working tree.
      if (NOT_OURS.has(entry.name)) continue;
      if (entry.isDirectory()) walk(path);
      if (entry.isFile() && statSync(join(ROOT, path)).size <= TEXT_BYTES)
        tree.set(path, readFileSync(join(ROOT, path), 'utf8'));
    }
  };
  walk('');
  return tree;
}

/** A copy of `tree` with one more, or another, file. */
export function plant(tree: Tree, path: string, text: string): Tree {
  return new Map(tree).set(path, text);
}

/** The room of a source file: `src/engine/codec/hello.ts` → `engine`. Those of src/keys/ are rooms of their own: `keys/wire`. */
export function roomOf(path: string): string | undefined {
  return /^src\/(keys\/[^/]+(?=\/)|[^/]+)\//.exec(path)?.[1];
}

/** TypeScript sources of the program: no tests. */
export function sources(tree: Tree): string[] {
  return [...tree.keys()].filter((path) => /^src\/.*\.ts$/.test(path) && !path.endsWith('.test.ts')).sort();
}

/** Everything that `path` imports, in order of appearance per syntax. */
export function importsOf(tree: Tree, path: string): Import[] {
  const code = withoutComments(tree.get(path) ?? '');
  const found: Import[] = [];
  const add = (specifier: string, typeOnly: boolean, lazy: boolean) => {
    const target = specifier.startsWith('.') ? normalize(join(dirname(path), specifier)) : specifier;
    found.push({ target, specifier, typeOnly, lazy });
  };
  for (const [, type, specifier] of code.matchAll(/^(?:import|export)\s+(type\s)?[^;'"]*?from\s*['"]([^'"]+)['"]/gm))
    add(specifier as string, type !== undefined, false);
  for (const [, specifier] of code.matchAll(/^import\s*['"]([^'"]+)['"]/gm)) add(specifier as string, false, false);
  for (const [, type, specifier] of code.matchAll(
    /(typeof\s+)?\b(?:import|require(?:\.resolve)?)\(\s*['"]([^'"]+)['"]/g,
  ))
    add(specifier as string, type !== undefined, true);
  return found;
}

/** What starts with `entry`: the files loaded before it runs, and those that it may load later. Types are erased and not in it. */
export function closureOf(tree: Tree, entry: string): { readonly atStart: string[]; readonly later: string[] } {
  const reach = (from: readonly string[], alsoLazy: boolean) => {
    const seen = new Set<string>();
    const visit = (path: string) => {
      if (seen.has(path)) return;
      seen.add(path);
      for (const { target, typeOnly, lazy } of importsOf(tree, path))
        if (!typeOnly && (alsoLazy || !lazy)) visit(target);
    };
    from.forEach(visit);
    return seen;
  };
  const atStart = reach([entry], false);
  const later = [...reach([...atStart], true)].filter((path) => !atStart.has(path));
  return { atStart: [...atStart].sort(), later: later.sort() };
}

/** Blanks comments, keeping line numbers. Strings that look like comments (`'https://…'`) survive because `//` must not follow a colon or quote. */
export function withoutComments(code: string): string {
  return code
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|[^:'"`\\])\/\/[^\n]*/gm, '$1');
}
