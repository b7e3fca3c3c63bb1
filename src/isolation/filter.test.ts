import { describe, expect, test } from 'bun:test';
import { Filter } from '../../tests/isolation/bpf-machine.ts';
import { fillDescriptorSlots, type KeptDescriptor } from './descriptor-slots.ts';
import { compileFilter } from './filter.ts';
import { LOOK_UP_POLICY } from './look-up-policy.ts';
import { SESSION_POLICY } from './policy.ts';
import { SESSION_FILTER } from './session-filter.ts';
import { type Architecture, NEWEST_SYSCALL, SYSCALLS, type SystemCall } from './syscalls.ts';

const DESCRIPTORS: readonly KeptDescriptor[] = [
  { fd: 0, reads: true, writes: false },
  { fd: 1, reads: false, writes: true },
  { fd: 9, reads: true, writes: true },
];

function sessionFilter(architecture: Architecture, descriptors = DESCRIPTORS): Filter {
  const program = compileFilter(SESSION_POLICY, architecture);
  fillDescriptorSlots(program, descriptors);
  return new Filter(program, architecture);
}

const HIGH = 1n << 32n;

describe.each(['x64', 'arm64'] as const)('the filter of a session on %s', (architecture) => {
  const filter = sessionFilter(architecture);

  test('kills whatever has no rule, and refuses what is newer than the policy', () => {
    const known = new Set<number | null>(SESSION_POLICY.map(({ call }) => SYSCALLS[call][architecture]));
    for (let number = 0; number <= NEWEST_SYSCALL; number++)
      if (!known.has(number)) expect(`${number} ${filter.number(number)}`).toBe(`${number} kill`);
    expect(filter.number(NEWEST_SYSCALL + 1)).toBe('ENOSYS');
    expect(filter.number(0x3fffffff)).toBe('ENOSYS');
  });

  test('kills other ABIs', () => {
    for (const other of [
      0x40000003,
      0xc000003e ^ 0x80000000,
      0x40000028,
      architecture === 'x64' ? 0xc00000b7 : 0xc000003e,
    ])
      expect(filter.foreign(other, 0)).toBe('kill');
    expect(filter.number(0x40000000)).toBe('kill');
    expect(filter.number(0xffffffff)).toBe('kill');
  });

  test('has memory that is private, anonymous and not executable', () => {
    expect(filter.call('mmap', 0, 4096, 3, 0x22)).toBe('allow');
    expect(filter.call('mmap', 0, 4096, 0, 0x4022)).toBe('allow');
    expect(filter.call('mmap', 0, 4096, 5, 0x22)).toBe('kill'); // PROT_EXEC
    expect(filter.call('mmap', 0, 4096, 3, 0x21)).toBe('kill'); // MAP_SHARED
    expect(filter.call('mmap', 0, 4096, 3, 0x02)).toBe('kill'); // of a file
    expect(filter.call('mmap', 0, 4096, 3, 0x32)).toBe('kill'); // MAP_FIXED
    expect(filter.call('mmap', 0, 4096, 3n | HIGH, 0x22)).toBe('kill');
    expect(filter.call('mmap', 0, 4096, 3, 0x22n | HIGH)).toBe('kill');
    expect(filter.call('mprotect', 0, 4096, 3)).toBe('allow');
    expect(filter.call('mprotect', 0, 4096, 4)).toBe('kill');
    expect(filter.call('mprotect', 0, 4096, 7)).toBe('kill');
    expect(filter.call('mprotect', 0, 4096, 0x01000003)).toBe('kill'); // PROT_GROWSDOWN
    expect(filter.call('mremap')).toBe('ENOMEM');
    expect(filter.call('madvise', 0, 4096, 4)).toBe('allow');
    expect(filter.call('madvise', 0, 4096, 100)).toBe('EINVAL'); // MADV_HWPOISON
  });

  test('lets each descriptor be used as it is meant, and no other at all', () => {
    const reading = ['read', 'preadv2', 'recvfrom'] as const;
    const writing = ['write', 'writev', 'pwritev2', 'shutdown'] as const;
    for (const call of reading)
      expect([0, 1, 2, 3, 9].map((fd) => filter.call(call, fd))).toEqual(['allow', 'EBADF', 'EBADF', 'EBADF', 'allow']);
    for (const call of writing) {
      const refused = call === 'shutdown' ? 'kill' : 'EBADF';
      expect([0, 1, 9].map((fd) => filter.call(call, fd, 1))).toEqual([refused, 'allow', 'allow']);
    }
    // The kernel looks at the low half of a descriptor only, and so does the filter.
    expect(filter.call('read', HIGH)).toBe('allow');
  });

  test('sends to the peer that a socket has, and nowhere else', () => {
    expect(filter.call('sendto', 9, 0, 1, 0x4040, 0, 0)).toBe('allow');
    expect(filter.call('sendto', 9, 0, 1, 0x4040, 4096, 16)).toBe('kill'); // an address
    expect(filter.call('sendto', 9, 0, 1, 0x20000000, 0, 0)).toBe('kill'); // MSG_FASTOPEN
    expect(filter.call('sendto', 0, 0, 1, 0x4040, 0, 0)).toBe('kill');
    expect(filter.call('sendmsg', 9, 0, 0x4040)).toBe('allow');
    expect(filter.call('sendmsg', 9, 0, 0x20000000)).toBe('kill');
    expect(filter.call('sendmsg', 9, 0, 0x4000000)).toBe('kill'); // MSG_ZEROCOPY
  });

  test('has the private futex operations without priority inheritance', () => {
    expect([0x80, 0x81, 0x89, 0x189].map((operation) => filter.call('futex', 0, operation))).toEqual(
      Array(4).fill('allow'),
    );
    for (const operation of [0, 1, 6, 0x86, 0x8c, 0x83]) expect(filter.call('futex', 0, operation)).toBe('kill');
  });

  test('reads no clock of another process', () => {
    expect(filter.call('clock_gettime', 1)).toBe('allow');
    expect(filter.call('clock_gettime', BigInt.asUintN(64, -6n))).toBe('kill');
  });

  test('refuses without killing what the runtime tries by itself', () => {
    expect(filter.call('openat')).toBe('EPERM');
    expect(filter.call('newfstatat')).toBe('EPERM');
    expect(filter.call('readlinkat')).toBe('EPERM');
    expect(filter.call('ioctl', 0, 0x5401)).toBe('ENOTTY'); // TCGETS
    expect(filter.call('ioctl', 0, 0x5412)).toBe('kill'); // TIOCSTI
  });

  test('is the one in session-filter.ts (bun scripts/session-filter.ts writes it)', () => {
    expect(SESSION_FILTER[architecture]).toBe(compileFilter(SESSION_POLICY, architecture).toHex());
  });
});

describe('the descriptor slots', () => {
  test('hold six of each kind', () => {
    const some = Array.from({ length: 6 }, (_, fd) => ({ fd, reads: true, writes: true }));
    expect(sessionFilter('x64', some).call('read', 5)).toBe('allow');
    expect(() => sessionFilter('x64', [...some, { fd: 6, reads: true, writes: false }])).toThrow(RangeError);
  });

  test('that stay empty match nothing', () => {
    const filter = sessionFilter('x64', []);
    for (const fd of [0, 0xffffff00, 0xffffff80, 0x7fffffff]) expect(filter.call('read', fd)).toBe('EBADF');
  });
});

test('each call has one rule in a policy, and is in one', () => {
  const [session, lookUp] = [SESSION_POLICY, LOOK_UP_POLICY].map((policy) => policy.map(({ call }) => call)) as [
    SystemCall[],
    SystemCall[],
  ];
  for (const calls of [session, lookUp]) expect(new Set(calls).size).toBe(calls.length);
  expect(new Set([...session, ...lookUp])).toEqual(new Set(Object.keys(SYSCALLS) as SystemCall[]));
});
