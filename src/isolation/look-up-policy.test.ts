import { describe, expect, test } from 'bun:test';
import { Filter } from '../../tests/isolation/bpf-machine.ts';
import { compileFilter } from './filter.ts';
import { LOOK_UP_FILTER } from './look-up-filter.ts';
import { LOOK_UP_OTHERWISE, LOOK_UP_POLICY } from './look-up-policy.ts';
import { NEWEST_SYSCALL, SYSCALLS } from './syscalls.ts';

/** Numbers of calls that must not get through, by architecture: of processes, other processes, code, mounts, keys, devices. */
const FORBIDDEN = {
  x64: {
    fork: 57,
    vfork: 58,
    execve: 59,
    kill: 62,
    ptrace: 101,
    setuid: 105,
    chroot: 161,
    mount: 165,
    tgkill: 234,
    add_key: 248,
    keyctl: 250,
    unlinkat: 263,
    unshare: 272,
    accept4: 288,
    perf_event_open: 298,
    setns: 308,
    process_vm_readv: 310,
    memfd_create: 319,
    bpf: 321,
    execveat: 322,
    userfaultfd: 323,
    pkey_mprotect: 329,
    io_uring_setup: 425,
    pidfd_open: 434,
    pidfd_getfd: 438,
  },
  arm64: {
    execve: 221,
    kill: 129,
    ptrace: 117,
    setuid: 146,
    chroot: 51,
    mount: 40,
    tgkill: 131,
    add_key: 217,
    keyctl: 219,
    unlinkat: 35,
    unshare: 97,
    accept4: 242,
    perf_event_open: 241,
    setns: 268,
    process_vm_readv: 270,
    memfd_create: 279,
    bpf: 280,
    execveat: 281,
    userfaultfd: 282,
    pkey_mprotect: 288,
    io_uring_setup: 425,
    pidfd_open: 434,
    pidfd_getfd: 438,
  },
} as const;

describe.each(['x64', 'arm64'] as const)('the filter of a look-up on %s', (architecture) => {
  const filter = new Filter(compileFilter(LOOK_UP_POLICY, architecture, LOOK_UP_OTHERWISE), architecture);

  test('refuses whatever has no rule, and kills other ABIs', () => {
    for (const [name, number] of Object.entries(FORBIDDEN[architecture]))
      expect(`${name} ${filter.number(number)}`).toBe(`${name} EPERM`);
    const known = new Set<number | null>(LOOK_UP_POLICY.map(({ call }) => SYSCALLS[call][architecture]));
    for (let number = 0; number <= NEWEST_SYSCALL; number++)
      if (!known.has(number)) expect(`${number} ${filter.number(number)}`).toBe(`${number} EPERM`);
    expect(filter.number(NEWEST_SYSCALL + 1)).toBe('ENOSYS');
    expect(filter.number(0x40000000)).toBe('kill');
    expect(filter.foreign(0x40000003, 0)).toBe('kill');
  });

  test('opens files to read them, and no others', () => {
    const [nonBlocking, closeOnExec] = [0o4000, 0o2000000];
    for (const flags of [0, nonBlocking, closeOnExec, nonBlocking | closeOnExec])
      expect(filter.call('openat', -100 >>> 0, 4096, flags)).toBe('allow');
    const [writeOnly, readWrite, create, truncate, append, temporary] = [1, 2, 0o100, 0o1000, 0o2000, 0o20000000];
    for (const flags of [writeOnly, readWrite, create, truncate, append, temporary])
      expect(filter.call('openat', 0, 4096, closeOnExec | flags)).toBe('EACCES');
    expect(filter.call('openat2')).toBe('ENOSYS');
  });

  test('makes nothing executable that could be written', () => {
    const [read, write, execute] = [1, 2, 4];
    expect(filter.call('mmap', 0, 4096, read | execute, 2, 5)).toBe('allow');
    expect(filter.call('mmap', 0, 4096, read | write, 0x22)).toBe('allow');
    expect(filter.call('mmap', 0, 4096, read | write | execute, 0x22)).toBe('EACCES');
    expect(filter.call('mmap', 0, 4096, write | execute, 2, 5)).toBe('EACCES');
    expect(filter.call('mprotect', 0, 4096, read | write)).toBe('allow');
    expect(filter.call('mprotect', 0, 4096, read | execute)).toBe('EACCES');
  });

  test('makes threads, and no processes', () => {
    expect(filter.call('clone', 0x3d0f00)).toBe('allow'); // as pthread_create does
    expect(filter.call('clone', 17)).toBe('EPERM'); // as fork does
    expect(filter.call('clone', 0x4111)).toBe('EPERM'); // as vfork does
    expect(filter.call('clone', 0x3d0f00 | 0x10000000)).toBe('EPERM'); // CLONE_NEWUSER
    expect(filter.call('clone3')).toBe('ENOSYS');
  });

  test('has the sockets of name servers and of daemons, and no others', () => {
    const [stream, datagram, raw] = [1, 2, 3];
    for (const [family, type, protocol] of [
      [1, stream, 0],
      [2, datagram, 0],
      [2, stream, 6],
      [10, datagram, 17],
      [16, raw, 0],
    ] as const)
      expect(filter.call('socket', family, type, protocol)).toBe('allow');
    expect(filter.call('socket', 16, raw, 12)).toBe('EAFNOSUPPORT'); // NETLINK_NETFILTER
    expect(filter.call('socket', 17, raw, 0)).toBe('EAFNOSUPPORT'); // AF_PACKET
    expect(filter.call('socket', 40, stream, 0)).toBe('EAFNOSUPPORT'); // AF_VSOCK
  });

  test('asks, and changes nothing', () => {
    expect(filter.call('fcntl', 3, 4, 0o4000)).toBe('allow');
    expect(filter.call('fcntl', 3, 8, 1)).toBe('EINVAL'); // F_SETOWN
    expect(filter.call('ioctl', 3, 0x541b)).toBe('allow');
    expect(filter.call('ioctl', 0, 0x5412)).toBe('ENOTTY'); // TIOCSTI
    expect(filter.call('prlimit64', 0, 7, 0, 4096)).toBe('allow');
    expect(filter.call('prlimit64', 0, 7, 4096, 0)).toBe('EPERM');
    expect(filter.call('prlimit64', 1, 7, 0, 4096)).toBe('EPERM');
    expect(filter.call('prctl', 15, 4096)).toBe('allow');
    expect(filter.call('prctl', 4, 1)).toBe('EINVAL'); // PR_SET_DUMPABLE
  });

  test('is the one in look-up-filter.ts (bun scripts/session-filter.ts writes it)', () => {
    const compiled = compileFilter(LOOK_UP_POLICY, architecture, LOOK_UP_OTHERWISE);
    expect(LOOK_UP_FILTER[architecture]).toBe(compiled.toHex());
  });
});
