import { beforeAll, describe, expect, test } from 'bun:test';
import { MECHANISMS, type Mechanism } from '../../src/isolation/mechanisms.ts';
import { SESSION_POLICY } from '../../src/isolation/policy.ts';
import type { SandboxReport } from '../../src/isolation/sandbox.ts';
import { type Architecture, NEWEST_SYSCALL, SYSCALLS, type SystemCall } from '../../src/isolation/syscalls.ts';
import { CAPABILITY, type Capability } from './attempt.ts';
import type { Confinement, SingleMechanism } from './confinement.ts';
import { probe } from './probe.ts';
import type { AttemptResult, ProberResult } from './prober.ts';

const NOBODY = 65534;
const POSSIBLE = 'Not stopped';
const OUTSIDE = 'From outside, by a process of the same user';

/** The numbers that have no rule: of these no zero can be an argument that makes the call wait. */
const SWEEP = sweepNumbers();

/**
 * The kernel lets these through any filter (kernel/seccomp.c, seccomp_uprobe_exception, since 6.14 and 6.18 on x86-64). They do
 * nothing but where the kernel itself has put them, for a tracer.
 */
const EXEMPT: ReadonlyMap<number, string> = new Map(
  process.arch === 'x64'
    ? [
        [335, 'signal 4'],
        [336, 'ENXIO'],
      ]
    : [],
);

/** Attempts that each mechanism stops without the help of another. */
const OWN_WORK: readonly OwnWork[] = [
  {
    mechanism: 'seccomp',
    attempts: ['exec a program', 'fork', 'make a TCP socket', 'read /etc/passwd', 'set up an io_uring'],
  },
  {
    mechanism: 'landlock',
    attempts: [
      'read /etc/passwd',
      'create a file',
      'list the root directory',
      'exec a program',
      'connect to a TCP port of loopback',
      'bind a TCP port',
      'connect to an abstract Unix socket',
      'signal a process',
    ],
  },
  {
    mechanism: 'namespaces',
    attempts: [
      'read /etc/passwd',
      'exec a program',
      'connect to a Unix socket in the file system',
      'connect to a TCP port of loopback by a new socket',
      'attach shared memory',
    ],
  },
  {
    mechanism: 'credentials',
    only: 'root',
    attempts: ['read a file of the same user', 'trace a process', 'mount a file system'],
  },
  {
    mechanism: 'descriptors',
    attempts: ['read a file by a descriptor that is not on its list', 'enter an inherited directory'],
  },
  { mechanism: 'resource-limits', attempts: ['map a gigabyte', 'open a POSIX message queue'] },
  { mechanism: 'resource-limits', only: 'a user', attempts: ['fork', 'make a thread'] },
  {
    mechanism: 'no-executable-memory',
    attempts: ['map memory that is writable and executable', 'make memory executable and run it (mprotect)'],
  },
  {
    mechanism: 'not-dumpable',
    only: 'a user',
    attempts: ['read its memory', 'trace it', 'take a descriptor from it'],
  },
];

/** What each call could be misused for without its conditions, or if it were not refused. */
const LOOSENED: readonly (readonly [call: SystemCall, attempt: string])[] = (
  [
    ['recvfrom', 'receive from a socket that it may only write'],
    ['sendto', 'connect to it by MSG_FASTOPEN in sendto'],
    ['sendmsg', 'connect to it by MSG_FASTOPEN in sendmsg'],
    ['read', 'read from a descriptor that it may only write'],
    ['write', 'write to a descriptor that it may only read'],
    ['preadv2', 'read from it by preadv2'],
    ['pwritev2', 'write a file by a descriptor that is not on its list'],
    ['writev', 'write several pieces to a descriptor that it may only read'],
    ['madvise', 'give the kernel advice that the runtime never gives'],
    ['mmap', 'map memory that is writable and executable'],
    ['mprotect', 'make memory executable and run it (mprotect)'],
    ['mremap', 'move memory'],
    ['futex', 'take part in a futex of others (priority inheritance)'],
    ['clock_gettime', "read another process's CPU clock"],
    ['shutdown', 'shut down a socket that it may only read'],
    ['openat', 'create a file'],
    ['open', 'read a file by open'],
    ['newfstatat', 'stat a file'],
    ['stat', 'stat a file by stat'],
    ['readlink', 'read a link by readlink'],
    ['readlinkat', 'read a link'],
    ['getpid', 'ask the system for its process id'],
    ['ioctl', "change a terminal's settings"],
  ] as const
).filter(([call]) => SYSCALLS[call][process.arch as Architecture] !== null);

interface OwnWork {
  readonly mechanism: SingleMechanism;
  /** As the other user there is nothing to see. */
  readonly only?: 'root' | 'a user';
  readonly attempts: readonly string[];
}

/** Without root there is one user to be. */
const USERS = process.getuid?.() === 0 ? (['root', 'a user'] as const) : (['a user'] as const);

/** At the same time: they mostly wait for processes to start and end. */
const PROBES = new Map(
  USERS.map((user) => [
    user,
    probe(user === 'a user' && process.getuid?.() === 0 ? NOBODY : undefined, { sweep: SWEEP, loosened: LOOSENED }),
  ]),
);

describe.each(USERS)('as %s, the probe', (user) => {
  let result: ProberResult;

  beforeAll(async () => {
    result = await (PROBES.get(user) as Promise<ProberResult>);
  }, 300_000);

  function inside(): AttemptResult[] {
    return result.attempts.filter(({ group }) => group !== POSSIBLE && group !== OUTSIDE);
  }

  /** Attempts by the outcome that is wanted of them under a confinement; those without a positive control do not count. */
  function notDenied(attempts: readonly AttemptResult[], confinement: Confinement): string[] {
    const counted = attempts.filter(({ outcomes }) => outcomes.off === 'allowed');
    expect(counted.length).toBeGreaterThan(0);
    return counted
      .filter(({ outcomes }) => ['allowed', 'broken'].includes(outcomes[confinement] as string))
      .map(({ name, outcomes }) => `${name}: ${outcomes[confinement]}`);
  }

  test('succeeds at every attempt outside of a sandbox, where the system has what it takes', () => {
    const without = result.attempts.filter(({ outcomes }) => outcomes.off !== 'allowed');
    for (const { name, outcomes, feature, capability } of without)
      console.log(`not counted: ${name}: ${outcomes.off} (needs ${[capability, feature].filter(Boolean).join(', ')})`);
    const unexplained = without.filter(
      ({ capability, feature }) =>
        feature === undefined && (capability === undefined || !lacks(result.capabilities, capability)),
    );
    expect(unexplained.map(({ name, outcomes }) => `${name}: ${outcomes.off}`)).toEqual([]);
  });

  test('fails at every attempt at standard', () => {
    expect(notDenied(inside(), 'standard')).toEqual([]);
  });

  test('fails at every attempt at strict', () => {
    expect(notDenied(inside(), 'strict')).toEqual([]);
  });

  test('fails from outside too, unless it is root', () => {
    const outside = result.attempts.filter(({ group }) => group === OUTSIDE);
    if (user === 'root') expect(notDenied(outside, 'standard')).toHaveLength(outside.length);
    else for (const level of ['standard', 'strict'] as const) expect(notDenied(outside, level)).toEqual([]);
  });

  test('succeeds at what is said to be possible', () => {
    for (const { name, group, outcomes } of result.attempts)
      if (group === POSSIBLE)
        expect(`${name}: ${outcomes.standard}, ${outcomes.strict}`).toBe(`${name}: allowed, allowed`);
  });

  test('dies of every system call that has no rule', () => {
    const survived = SWEEP.filter((number, index) => {
      const outcome = result.sweep[index] as string;
      return outcome !== (EXEMPT.get(number) ?? 'killed') && outcome !== 'killed';
    });
    expect(survived).toEqual([]);
  });

  test('gets through where a condition of the filter is taken away', () => {
    expect(LOOSENED.map(([call, attempt], index) => `${call}: ${attempt}: ${result.loosened[index]}`)).toEqual(
      LOOSENED.map(([call, attempt]) => `${call}: ${attempt}: allowed`),
    );
    const conditional = SESSION_POLICY.filter(({ when, verdict }) => when !== undefined || verdict !== 'allow');
    const here = conditional.filter(({ call }) => SYSCALLS[call][process.arch as Architecture] !== null);
    expect(LOOSENED.map(([call]) => call).sort()).toEqual(here.map(({ call }) => call).sort());
  });

  test('is told what is missing: nothing, where the system lets namespaces be made', () => {
    const namespaces = result.attempts.find(({ name }) => name === 'make a user namespace');
    const possible = namespaces?.outcomes.off === 'allowed' || !lacks(result.capabilities, 'CAP_SYS_ADMIN');
    const expected: Mechanism[] = possible ? [] : ['namespaces', 'root-directory', 'user-namespace'];
    expect(result.reports.standard.missing).toEqual([]);
    expect(result.reports.strict.missing.map(({ mechanism }) => mechanism).sort()).toEqual(expected);
  });

  test('is told what is in force: each mechanism of its level', () => {
    const { standard, strict } = result.reports;
    const lacking = new Set(strict.missing.map(({ mechanism }) => mechanism));
    const names = Object.keys(MECHANISMS) as Mechanism[];
    const applied = ({ applied: all }: SandboxReport): Mechanism[] => all.map(({ mechanism }) => mechanism).sort();
    expect(applied(standard)).toEqual(names.filter((name) => MECHANISMS[name].level === 'standard').sort());
    expect(applied(strict)).toEqual(names.filter((name) => !lacking.has(name)).sort());
  });

  for (const { mechanism, attempts, only } of OWN_WORK) {
    if (only !== undefined && only !== user) continue;
    test(`is stopped by ${mechanism} alone in what is its work`, () => {
      const own = result.attempts.filter(({ name }) => attempts.includes(name));
      expect(own.map(({ name }) => name).sort()).toEqual([...attempts].sort());
      expect(notDenied(own, mechanism)).toEqual([]);
    });
  }
});

function lacks(capabilities: string, wanted: Capability): boolean {
  return ((BigInt(`0x${capabilities}`) >> BigInt(CAPABILITY[wanted])) & 1n) === 0n;
}

function sweepNumbers(): number[] {
  const ruled = new Set<number | null>(SESSION_POLICY.map(({ call }) => SYSCALLS[call][process.arch as Architecture]));
  return Array.from({ length: NEWEST_SYSCALL + 1 }, (_, number) => number).filter((number) => !ruled.has(number));
}
