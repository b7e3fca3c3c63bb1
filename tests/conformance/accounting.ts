import { REASONS, type Reason, reasonOf } from './exclusions.ts';

/** What the runner is configured with: config.json. */
export interface RunnerConfig {
  /** Reasons by pattern; what lies behind a colon is for people. */
  readonly DisabledTests: Readonly<Record<string, string>>;
  /** What our failures begin with, by the error that the runner expects. */
  readonly ErrorMap: Readonly<Record<string, readonly string[]>>;
}

/** Where each test of the runner is. */
export interface Accounts {
  readonly total: number;
  readonly passed: number;
  readonly failed: readonly string[];
  readonly excluded: Readonly<Record<Reason, number>>;
}

/**
 * Accounts for every test: disabled by a pattern, excluded by a flag, passed or failed.
 * @param explained name and reason (empty if it is in scope) of every test, as the shim's `-explain` writes them
 * @param actual PASS, FAIL or SKIP by name, of the tests that were run
 * @throws Error for a test that is in none of these places, or in two, and for a pattern that nothing matches
 */
export function account(
  { DisabledTests }: RunnerConfig,
  explained: ReadonlyMap<string, string>,
  actual: ReadonlyMap<string, string>,
): Accounts {
  const patterns = Object.entries(DisabledTests).map(([pattern, text]) => ({
    pattern,
    expression: glob(pattern),
    text,
  }));
  const unused = new Set(Object.keys(DisabledTests));
  const excluded = Object.fromEntries(REASONS.map((reason) => [reason, 0])) as Record<Reason, number>;
  const failed: string[] = [];
  let passed = 0;
  for (const [name, flagged] of explained) {
    const matching = patterns.filter(({ expression }) => expression.test(name));
    for (const { pattern } of matching) unused.delete(pattern);
    const [disabled] = matching;
    const result = actual.get(name);
    const reason = disabled === undefined ? flagged : disabled.text;
    if (reason !== '') {
      const known = reasonOf(reason);
      if (known === undefined) throw new Error(`${name}: no such reason: ${reason}`);
      if (result !== (disabled === undefined ? 'SKIP' : undefined))
        throw new Error(`${name}: ${reason}, but ${result}`);
      excluded[known] += 1;
    } else if (result === 'PASS') {
      passed += 1;
    } else if (result === 'FAIL') {
      failed.push(name);
    } else {
      throw new Error(`${name}: in scope, but ${result}`);
    }
  }
  for (const name of actual.keys()) if (!explained.has(name)) throw new Error(`${name}: not explained`);
  if (unused.size > 0) throw new Error(`patterns that match nothing: ${[...unused].join(' ')}`);
  return { total: explained.size, passed, failed, excluded };
}

/** Go's filepath.Match. */
function glob(pattern: string): RegExp {
  const source = pattern.replace(/\[[^\]]*\]|[*?.+^${}()|\\]/g, (part) => {
    if (part === '*') return '[^/]*';
    if (part === '?') return '[^/]';
    return part.startsWith('[') ? part : `\\${part}`;
  });
  return new RegExp(`^${source}$`);
}

/** The table of docs/conformance.md. */
export function countsTable({ total, passed, failed, excluded }: Accounts): string {
  const rows = [
    ['passed', passed],
    ['failed', failed.length],
    ...REASONS.map((reason) => [`out of scope: ${reason}`, excluded[reason]] as const),
    ['all tests of the runner', total],
  ];
  return ['| tests | number |', '|---|---:|', ...rows.map(([what, count]) => `| ${what} | ${count} |`), ''].join('\n');
}
