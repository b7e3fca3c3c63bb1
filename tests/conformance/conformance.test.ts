import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FAILURES } from '../../src/core/failures.ts';
import { account, countsTable, type RunnerConfig } from './accounting.ts';
import { EXCLUDED_FLAGS, Excluded, REASONS, reasonOf } from './exclusions.ts';
import { ACCEPTED_FLAGS, parseFlags } from './flags.ts';

const CONFIG = JSON.parse(readFileSync(join(import.meta.dir, 'config.json'), 'utf8')) as RunnerConfig;
const PAGE = readFileSync(join(import.meta.dir, '../../docs/conformance.md'), 'utf8');

describe('what is out of scope', () => {
  test('has a reason of the closed list', () => {
    for (const [pattern, text] of Object.entries(CONFIG.DisabledTests))
      expect([pattern, reasonOf(text)]).not.toContain(undefined);
    expect(reasonOf('too hard')).toBe(undefined);
    expect(reasonOf('drafts: of all kinds')).toBe('drafts');
  });

  test('is in one list only', () => {
    expect(ACCEPTED_FLAGS.filter((flag) => EXCLUDED_FLAGS[flag] !== undefined)).toEqual([]);
    expect(new Set(ACCEPTED_FLAGS).size).toBe(ACCEPTED_FLAGS.length);
  });

  test('is told by its first flag, and what nobody knows is a failure', () => {
    expect(() => parseFlags(['-server', '-on-resume-enable-early-data', '-mystery'])).toThrow(Excluded);
    expect(() => parseFlags(['-server', '-mystery', '-enable-early-data'])).toThrow('unknown flag -mystery');
    expect(parseFlags(['-server', '-resume-count', '2'])).toHaveLength(3);
  });
});

test('each error of the runner stands for failures that there are, by name and up to the colon', () => {
  // Some are the shim's own words: configurations that cannot be, and an end without close_notify.
  const own = new Set([
    'minVersion: above maxVersion',
    'decode-error: ECHConfig',
    'ech: needs TLS 1.3',
    'ech: none of the configurations can be used',
    'the peer did not send close_notify',
  ]);
  for (const [error, failures] of Object.entries(CONFIG.ErrorMap)) {
    expect([error, failures.length]).not.toContain(0);
    for (const failure of failures.filter((text) => !own.has(text)))
      expect(Object.keys(FAILURES)).toContain(/^failed: ([a-z0-9-]+):/.exec(failure)?.[1] ?? failure);
  }
});

test('an illegal parameter is never mapped without saying which', () => {
  const mapped = Object.values(CONFIG.ErrorMap).flat();
  expect(
    mapped.filter((failure) => /^failed: (illegal-parameter|internal-error|alert-received):? *$/.test(failure)),
  ).toEqual([]);
});

describe('accounting', () => {
  const config: RunnerConfig = { DisabledTests: { 'Old-[^X]*': 'drafts: old' }, ErrorMap: {} };
  const run = (tests: Record<string, string>, results: Record<string, string>) =>
    account(config, new Map(Object.entries(tests)), new Map(Object.entries(results)));

  test('finds a place for each test', () => {
    const explained = { 'Old-1': '', 'Old-X': '', 'New': '', 'Flagged': '0-RTT' };
    const accounts = run(explained, { 'Old-X': 'PASS', 'New': 'FAIL', 'Flagged': 'SKIP' });
    expect(accounts).toMatchObject({ total: 4, passed: 1, failed: ['New'] });
    expect([accounts.excluded.drafts, accounts.excluded['0-RTT'], accounts.excluded.QUIC]).toEqual([1, 1, 0]);
  });

  test('refuses what has none, or two', () => {
    expect(() => run({ 'Old-1': '', 'New': '' }, { New: 'SKIP' })).toThrow('in scope, but SKIP');
    expect(() => run({ 'Old-1': '', 'New': '' }, {})).toThrow('in scope, but undefined');
    expect(() => run({ 'Old-1': '' }, { 'Old-1': 'PASS' })).toThrow('drafts: old, but PASS');
    expect(() => run({ 'Old-1': '', 'New': '0-RTT' }, { New: 'PASS' })).toThrow('0-RTT, but PASS');
    expect(() => run({ 'Old-1': '', 'New': 'too hard' }, { New: 'SKIP' })).toThrow('no such reason');
    expect(() => run({ 'Old-1': '' }, { Other: 'PASS' })).toThrow('Other: not explained');
    expect(() => run({ New: '' }, { New: 'PASS' })).toThrow('match nothing');
  });
});

test('the table of docs/conformance.md has exactly these reasons, no failure, and adds up', () => {
  const table = /<!-- counts -->\n([\s\S]*)<!-- \/counts -->/.exec(PAGE)?.[1] ?? '';
  const rows = [...table.matchAll(/^\| (.+) \| ([0-9]+) \|$/gm)].map(
    ([, what = '', count]) => [what, Number(count)] as const,
  );
  const counts = new Map(rows);
  const excluded = Object.fromEntries(REASONS.map((reason) => [reason, counts.get(`out of scope: ${reason}`) ?? -1]));
  const [passed = 0, total = 0] = [counts.get('passed'), counts.get('all tests of the runner')];
  expect(table).toBe(
    countsTable({ total, passed, failed: [], excluded: excluded as Record<(typeof REASONS)[number], number> }),
  );
  expect(passed + Object.values(excluded).reduce((sum, count) => sum + count, 0)).toBe(total);
  expect(passed).toBeGreaterThan(0);
});
