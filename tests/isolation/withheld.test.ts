import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import type { Mechanism, SandboxLevel } from '../../src/isolation/mechanisms.ts';
import type { SandboxReport } from '../../src/isolation/sandbox.ts';
import { ERRNO, PR } from '../../src/os/constants.ts';
import { RUNTIME_SETTINGS } from '../../src/os/runtime.ts';
import { systemCallNumbers } from './native-code.ts';

const NUMBERS = systemCallNumbers();
const IS_ROOT = process.getuid?.() === 0;

async function report(
  level: SandboxLevel,
  call: string,
  errno: number,
  firstArgument?: number,
): Promise<SandboxReport> {
  const words = [level, NUMBERS.get(call), errno, ...(firstArgument === undefined ? [] : [firstArgument])].map(String);
  return JSON.parse(await output([...words], RUNTIME_SETTINGS)) as SandboxReport;
}

async function output(
  words: readonly string[],
  settings: Readonly<Record<string, string>>,
  by: readonly string[] = [],
): Promise<string> {
  const child = Bun.spawn([...by, process.execPath, join(import.meta.dir, 'withheld.ts'), ...words], {
    env: { ...process.env, ...settings },
    stdout: 'pipe',
  });
  const text = await new Response(child.stdout).text();
  expect(await child.exited).toBe(0);
  return text;
}

interface Withheld {
  readonly call: string;
  readonly errno: number;
  readonly level: SandboxLevel;
  readonly missing: readonly Mechanism[];
}

const CASES: readonly Withheld[] = [
  { call: 'landlock_create_ruleset', errno: ERRNO.ENOSYS, level: 'standard', missing: ['landlock'] },
  { call: 'landlock_restrict_self', errno: ERRNO.EPERM, level: 'standard', missing: ['landlock'] },
  { call: 'seccomp', errno: ERRNO.EINVAL, level: 'standard', missing: ['seccomp'] },
  { call: 'capset', errno: ERRNO.EPERM, level: 'standard', missing: ['capabilities'] },
  { call: 'prlimit64', errno: ERRNO.EPERM, level: 'standard', missing: ['resource-limits'] },
  { call: 'close_range', errno: ERRNO.ENOSYS, level: 'standard', missing: ['descriptors'] },
  { call: 'unshare', errno: ERRNO.EPERM, level: 'strict', missing: ['namespaces', 'root-directory', 'user-namespace'] },
  { call: 'pivot_root', errno: ERRNO.EPERM, level: 'strict', missing: ['root-directory'] },
  { call: 'mount', errno: ERRNO.EACCES, level: 'strict', missing: ['root-directory'] },
  // Where unshare is forbidden altogether the threads are counted in /proc.
  { call: 'unshare', errno: ERRNO.EPERM, level: 'standard', missing: [] },
  ...(IS_ROOT
    ? ([
        { call: 'setgroups', errno: ERRNO.EPERM, level: 'standard', missing: ['credentials'] },
        { call: 'setresuid', errno: ERRNO.EINVAL, level: 'standard', missing: ['credentials'] },
      ] satisfies Withheld[])
    : []),
];

describe('where the system withholds', () => {
  test.each(CASES)('$call, $level lacks $missing, and says so', async ({ call, errno, level, missing }) => {
    const { missing: reported, applied } = await report(level, call, errno);
    expect(reported.map(({ mechanism }) => mechanism).sort()).toEqual([...missing]);
    for (const { errno: why } of reported) expect(why).toBe(errno);
    expect(applied.filter(({ mechanism }) => missing.includes(mechanism))).toEqual([]);
    if (!missing.includes('seccomp')) expect(applied.at(-1)?.mechanism).toBe('seccomp');
  });

  test('a prctl, the mechanism is missing, or left to the filter', async () => {
    const dumpable = await report('standard', 'prctl', ERRNO.EPERM, PR.SET_DUMPABLE);
    expect(dumpable.missing.map(({ mechanism }) => mechanism)).toEqual(['not-dumpable']);
    const old = await report('standard', 'prctl', ERRNO.EINVAL, PR.SET_MDWE);
    expect(old.missing).toEqual([]);
    expect(old.applied.find(({ mechanism }) => mechanism === 'no-executable-memory')?.shortfall).toBeString();
  });

  test('many descriptors and much memory, nothing is missing', async () => {
    const words = `ulimit -n 40; ulimit -d 1000000; exec "$0" "$@"`;
    const { missing } = JSON.parse(
      await output(['standard', '-1', '0'], RUNTIME_SETTINGS, ['sh', '-c', words]),
    ) as SandboxReport;
    expect(missing).toEqual([]);
  });

  test('a single thread, that is missing', async () => {
    const { BUN_FEATURE_FLAG_DISABLE_ASYNC_TRANSPILER: _, ...threads } = RUNTIME_SETTINGS;
    const { missing } = JSON.parse(await output(['standard', '-1', '0'], threads)) as SandboxReport;
    expect(missing.map(({ mechanism }) => mechanism)).toEqual(['single-thread']);
  });
});
