import type { Rule, Verdict } from './policy.ts';
import type { SystemCall } from './syscalls.ts';

/** What else of open(2)'s flags there is than reading: no bit that writes, creates or truncates. The same bits on both architectures. */
const OPEN_TO_READ = 0x2fc900; // NOCTTY, NONBLOCK, CLOEXEC, NOATIME, PATH; DIRECTORY, NOFOLLOW, LARGEFILE, DIRECT
const PROT_READ_WRITE = 0x3;
const PROT_WRITE_EXEC = 0x6;
/** UNIX, INET, INET6, NETLINK */
const FAMILIES = [1, 2, 10, 16];
/** Of the family itself (which for NETLINK is NETLINK_ROUTE), TCP, UDP. */
const PROTOCOLS = [0, 6, 17];
/** DUPFD, GETFD, SETFD, GETFL, SETFL, GETLK, SETLK, SETLKW, DUPFD_CLOEXEC: none that has signals sent to others. */
const FCNTL = [0, 1, 2, 3, 4, 5, 6, 7, 1030];
/** TCGETS, FIONREAD, FIONBIO, and what SIOCGIF* ask of interfaces: name, list, flags, address, mask, index. */
const IOCTL = [0x5401, 0x541b, 0x5421, 0x8910, 0x8912, 0x8913, 0x8915, 0x891b, 0x8933];
const CLONE_THREAD = 0x10000;
/** VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS, PARENT_SETTID, CHILD_CLEARTID. */
const CLONE_OF_A_THREAD = 0x3d0f00;
/** SET_NAME, GET_NAME, CAPBSET_READ */
const PRCTL = [15, 16, 23];

/**
 * The process of one look-up: the C library's getaddrinfo with whatever NSS modules /etc/nsswitch.conf names, which are loaded
 * when they are needed, read files, and talk to name servers and to daemons of this machine. It can be no shorter, and what it
 * refuses it refuses by an error, for a module then goes on without, where it can.
 */
export const LOOK_UP_POLICY: readonly Rule[] = [
  ...allowed('reads files, and what they are', [
    ...(['read', 'pread64', 'readv', 'lseek', 'close', 'getdents64', 'getcwd'] as const),
    ...(['stat', 'fstat', 'lstat', 'newfstatat', 'statx', 'statfs', 'fstatfs'] as const),
    ...(['access', 'faccessat', 'faccessat2', 'readlink', 'readlinkat'] as const),
  ]),
  {
    call: 'openat',
    verdict: 'allow',
    when: [{ argument: 2, within: OPEN_TO_READ }],
    otherwise: 'EACCES',
    why: 'reads the configuration, the modules and /etc/hosts; nothing is written, made or cut off',
  },
  {
    call: 'open',
    verdict: 'allow',
    when: [{ argument: 1, within: OPEN_TO_READ }],
    otherwise: 'EACCES',
    why: 'the same, with other C libraries',
  },
  {
    call: 'openat2',
    verdict: 'ENOSYS',
    why: 'its flags are in memory, where no filter sees them; openat is tried then',
  },
  {
    call: 'socket',
    verdict: 'allow',
    when: [
      { argument: 0, is: FAMILIES },
      { argument: 2, is: PROTOCOLS },
    ],
    otherwise: 'EAFNOSUPPORT',
    why: 'name servers, daemons of this machine (nscd, systemd-resolved, sssd), and which addresses it has',
  },
  ...allowed('talks on sockets; it accepts nobody', [
    ...(['connect', 'bind', 'socketpair', 'shutdown', 'write', 'writev', 'sendto', 'sendmsg', 'sendmmsg'] as const),
    ...(['recvfrom', 'recvmsg', 'recvmmsg', 'getsockname', 'getpeername', 'getsockopt', 'setsockopt'] as const),
  ]),
  ...allowed('waits', [
    ...(['poll', 'ppoll', 'select', 'pselect6', 'nanosleep', 'clock_nanosleep', 'restart_syscall'] as const),
    ...(['epoll_create1', 'epoll_ctl', 'epoll_wait', 'epoll_pwait'] as const),
    ...(['eventfd2', 'timerfd_create', 'timerfd_settime', 'pipe', 'pipe2', 'dup', 'dup2', 'dup3'] as const),
  ]),
  {
    call: 'fcntl',
    verdict: 'allow',
    when: [{ argument: 1, is: FCNTL }],
    otherwise: 'EINVAL',
    why: 'flags and locks of descriptors',
  },
  {
    call: 'ioctl',
    verdict: 'allow',
    when: [{ argument: 1, is: IOCTL }],
    otherwise: 'ENOTTY',
    why: 'asks sockets and interfaces, and changes nothing',
  },
  {
    call: 'mmap',
    verdict: 'allow',
    when: [{ argument: 2, lacks: PROT_WRITE_EXEC }],
    otherwise: 'EACCES',
    why: 'memory, and the code of modules, which comes from files and is not writable',
  },
  {
    call: 'mprotect',
    verdict: 'allow',
    when: [{ argument: 2, within: PROT_READ_WRITE }],
    otherwise: 'EACCES',
    why: 'relocations and stacks; what was written never becomes executable',
  },
  ...allowed('memory', ['munmap', 'mremap', 'madvise', 'brk']),
  ...allowed('time, random numbers, and who and where it is', [
    ...([
      'clock_gettime',
      'clock_getres',
      'gettimeofday',
      'time',
      'getrandom',
      'uname',
      'sysinfo',
      'getrlimit',
    ] as const),
    ...(['getpid', 'gettid', 'getppid', 'getuid', 'geteuid', 'getgid', 'getegid'] as const),
    ...(['getresuid', 'getresgid', 'getgroups', 'sched_getaffinity', 'sched_yield'] as const),
  ]),
  {
    call: 'prlimit64',
    verdict: 'allow',
    when: [
      { argument: 0, is: [0] },
      { argument: 2, within: 0 },
    ],
    why: 'reads its own limits',
    otherwise: 'EPERM',
  },
  {
    call: 'prctl',
    verdict: 'allow',
    when: [{ argument: 0, is: PRCTL }],
    otherwise: 'EINVAL',
    why: 'names threads, and asks what may be',
  },
  ...allowed('its own signals, locks and end', [
    ...(['rt_sigaction', 'rt_sigprocmask', 'rt_sigreturn', 'sigaltstack', 'futex', 'exit', 'exit_group'] as const),
    ...(['set_robust_list', 'set_tid_address', 'rseq'] as const),
  ]),
  {
    call: 'clone',
    verdict: 'allow',
    when: [
      { argument: 0, has: CLONE_THREAD },
      { argument: 0, within: CLONE_OF_A_THREAD },
    ],
    otherwise: 'EPERM',
    why: 'modules may have threads; there is no other process',
  },
  { call: 'clone3', verdict: 'ENOSYS', why: 'its flags are in memory, where no filter sees them; clone is tried then' },
];

/** What becomes of a call without a rule. */
export const LOOK_UP_OTHERWISE: Verdict = 'EPERM';

function allowed(why: string, calls: readonly SystemCall[]): Rule[] {
  return calls.map((call) => ({ call, verdict: 'allow', why }));
}
