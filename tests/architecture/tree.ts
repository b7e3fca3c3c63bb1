import { readFileSync } from 'node:fs';
import { dirname, join, normalize, resolve } from 'node:path';

/** The repository's root. */
export const ROOT = resolve(import.meta.dir, '../..');

/** Paths of all files in version control, with their texts, so that a control can plant a violation without touching the disk. */
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

/** Reads the files that git tracks or would track. Binary files come out as text and match nothing. */
export function readTree(): Tree {
  const listed = Bun.spawnSync(['git', 'ls-files', '--cached', '--others', '--exclude-standard'], { cwd: ROOT });
  if (!listed.success) throw new Error(`git ls-files: ${listed.stderr}`);
  const paths = listed.stdout.toString().split('\n').filter(Boolean);
  const tree = new Map<string, string>();
  for (const path of paths) {
    try {
      tree.set(path, readFileSync(join(ROOT, path), 'utf8'));
    } catch {
      // Deleted in the working tree, not yet in the index.
    }
  }
  return tree;
}

/** A copy of `tree` with one more, or another, file. */
export function plant(tree: Tree, path: string, text: string): Tree {
  return new Map(tree).set(path, text);
}

/** The room of a source file: `src/engine/codec/hello.ts` → `engine`. */
export function roomOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
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

/** Blanks comments, keeping line numbers. Strings that look like comments (`'https://…'`) survive because `//` must not follow a colon or quote. */
export function withoutComments(code: string): string {
  return code
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|[^:'"`\\])\/\/[^\n]*/gm, '$1');
}
