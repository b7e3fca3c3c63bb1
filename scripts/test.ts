/**
 * Runs suites of tests and counts them: `bun scripts/test.ts [SUITE…]`. The last line is always `N passed, N failed`, over all suites
 * of this run; the counts of each suite's last run stay in build/test-results. A test that does not run is a test that failed:
 * a skipped one, a file without any, a runner that dies.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dir, '..');
const RESULTS = resolve(ROOT, 'build/test-results');
/** Per test, in milliseconds: long enough for a gigabyte through a busy machine, and no measure of anything. */
const TEST_TIMEOUT_MS = 300_000;

interface Suite {
  readonly runner: 'bun' | 'node';
  readonly files: readonly string[];
  readonly except?: readonly string[];
}

const SUITES = {
  /** All that a Debian machine with the packages of the README can run. */
  bun: {
    runner: 'bun',
    files: ['src/**/*.test.ts', 'tests/**/*.test.ts'],
    except: ['tests/interop/{go,go-ech,rustls,verdicts-go}.test.ts'],
  },
  /** The pure rooms and the provider again, under the other runtime and so the other cryptographic library. */
  node: {
    runner: 'node',
    files: [
      'src/{core,crypto,crypto-node,x509,engine}/**/*.test.ts',
      'src/keys/{wire,holder}/**/*.test.ts',
      'tests/vectors/**/*.test.ts',
    ],
  },
  /** Peers that need a toolchain of their own; tests/interop/install.sh gets it. */
  toolchains: { runner: 'bun', files: ['tests/interop/{go,go-ech,rustls,verdicts-go}.test.ts'] },
} as const satisfies Record<string, Suite>;

type SuiteName = keyof typeof SUITES;

export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/** What a JUnit report says of the tests in it, and of the `files` that should have been in it. */
export function countReport(
  xml: string,
  files: readonly string[],
): Counts & { readonly complaints: readonly string[] } {
  const complaints: string[] = [];
  const seen = new Set<string>();
  let passed = 0;
  let failed = 0;
  for (const match of xml.matchAll(/<testcase((?:\s+[\w-]+="[^"]*")*)\s*(\/?)>/g)) {
    const attributes = match[1] ?? '';
    const name = /\sname="([^"]*)"/.exec(attributes)?.[1] ?? '';
    const file = /\sfile="([^"]*)"/.exec(attributes)?.[1] ?? '';
    const start = match.index + match[0].length;
    const body = match[2] === '/' ? '' : xml.slice(start, xml.indexOf('</testcase>', start));
    const isFile = files.some((path) => name === path); // how node reports a file that has no test
    if (!isFile) seen.add(file.startsWith('/') ? file.slice(ROOT.length + 1) : file);
    if (body.includes('<skipped')) complaints.push(`skipped: ${file}: ${name}`);
    if (isFile || /<(failure|error|skipped)\b/.test(body)) failed++;
    else passed++;
  }
  for (const file of files) {
    if (seen.has(file)) continue;
    complaints.push(`no test ran in ${file}`);
    if (!xml.includes(`name="${file}"`)) failed++;
  }
  return { passed, failed, complaints };
}

function run(name: SuiteName): Counts {
  const suite: Suite = SUITES[name];
  const except = (suite.except ?? []).map((pattern) => new Bun.Glob(pattern));
  const found = suite.files.map((pattern) => [...new Bun.Glob(pattern).scanSync({ cwd: ROOT })]);
  const idle = suite.files.filter((_, index) => found[index]?.length === 0);
  if (idle.length > 0) {
    console.error(`${name}: no test files are ${idle.join(' ')}`);
    return { passed: 0, failed: idle.length };
  }
  const files = found
    .flat()
    .filter((path) => !except.some((glob) => glob.match(path)))
    .sort();
  const report = resolve(RESULTS, `${name}.xml`);
  rmSync(report, { force: true });
  const child = Bun.spawnSync({
    cmd: suite.runner === 'bun' ? bunCommand(report, files) : nodeCommand(report, files),
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      PATH: `${ROOT}/node_modules/.bin:${process.env.PATH ?? ''}`,
      XDG_CACHE_HOME: resolve(ROOT, 'build/test-cache'),
    },
  });
  let xml = '';
  try {
    xml = readFileSync(report, 'utf8');
  } catch {
    console.error(`${name}: the runner left no report (${child.signalCode ?? `exit ${child.exitCode}`})`);
  }
  const counts = countReport(xml, files);
  for (const complaint of counts.complaints) console.error(`${name}: ${complaint}`);
  const failed = counts.failed === 0 && !child.success ? 1 : counts.failed;
  console.log(`${name}: ${counts.passed} passed, ${failed} failed`);
  return { passed: counts.passed, failed };
}

function bunCommand(report: string, files: readonly string[]): string[] {
  const options = ['--parallel=2', `--timeout=${TEST_TIMEOUT_MS}`, '--reporter=junit', `--reporter-outfile=${report}`];
  return [process.execPath, 'test', ...options, ...files.map((file) => `./${file}`)];
}

function nodeCommand(report: string, files: readonly string[]): string[] {
  const reporters = ['dot', 'stdout', 'junit', report].map((value, index) =>
    index % 2 === 0 ? `--test-reporter=${value}` : `--test-reporter-destination=${value}`,
  );
  return [
    `${ROOT}/node_modules/.bin/node`,
    '--test',
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    '--test-concurrency=2',
    ...reporters,
    ...files,
  ];
}

function main(args: readonly string[]): never {
  const names = args.length > 0 ? args : ['bun', 'node'];
  if (!names.every((name): name is SuiteName => Object.hasOwn(SUITES, name))) {
    console.error(`usage: bun scripts/test.ts [${Object.keys(SUITES).join('|')}]…`);
    process.exit(64);
  }
  mkdirSync(RESULTS, { recursive: true });
  let passed = 0;
  let failed = 0;
  for (const name of names) {
    const counts = run(name);
    writeFileSync(resolve(RESULTS, `${name}.json`), JSON.stringify(counts));
    passed += counts.passed;
    failed += counts.failed;
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}

if (import.meta.main) main(process.argv.slice(2));
