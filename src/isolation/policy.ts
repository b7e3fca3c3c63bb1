import type { ErrnoName } from '../os/constants.ts';
import type { SystemCall } from './syscalls.ts';

/**
 * What the filter does with one system call. A call whose arguments meet every condition of `when` gets `verdict`; with other
 * arguments it gets `otherwise`. A call without a row kills the process, so that whatever the policy did not foresee is seen:
 * by the parent, as a death by SIGSYS, and in the kernel's log.
 */
export interface Rule {
  readonly call: SystemCall;
  readonly verdict: Verdict;
  readonly when?: readonly Condition[];
  /** Kill by default. */
  readonly otherwise?: Verdict;
  /** Why the process needs the call; or, of a call that is refused, why it does not die of it. */
  readonly why: string;
}

/** Let it pass, kill the process, or have it fail with that error. */
export type Verdict = 'allow' | 'kill' | ErrnoName;

/** On the argument of that index, 0 to 5. The kernel sees registers: what a pointer points at cannot be filtered. */
export type Condition =
  /** A 32-bit argument is one of these. */
  | { readonly argument: number; readonly is: readonly number[] }
  /** A 64-bit argument has no bit outside of these (31 low) ones. */
  | { readonly argument: number; readonly within: number }
  /** A 64-bit argument has all of these (31 low) bits. */
  | { readonly argument: number; readonly has: number }
  /** A 64-bit argument lacks at least one of these (31 low) bits. */
  | { readonly argument: number; readonly lacks: number }
  /** A descriptor that this process may read from, or write to. */
  | { readonly argument: number; readonly descriptor: 'reads' | 'writes' };

const PROT_READ_WRITE = 0x3;
const MAP_PRIVATE_ANONYMOUS = 0x22;
const MAP_NORESERVE = 0x4000;
/** WILLNEED, DONTNEED, FREE, WIPEONFORK */
const MADVISE_ADVICE = [3, 4, 8, 18];
/** WAIT, WAKE and WAIT_BITSET, each with FUTEX_PRIVATE_FLAG, the last also with FUTEX_CLOCK_REALTIME. */
const FUTEX_OPERATIONS = [0x80, 0x81, 0x89, 0x189];
const MSG_DONTWAIT_NOSIGNAL_MORE = 0x40 | 0x4000 | 0x8000;
/** TCGETS, TCSETS, TCSETSW, TCSETSF */
const TERMINAL_SETTINGS = [0x5401, 0x5402, 0x5403, 0x5404];
const SHUT = [0, 1, 2];

const readable = { argument: 0, descriptor: 'reads' } as const;
const writable = { argument: 0, descriptor: 'writes' } as const;

/**
 * The process that serves one connection: it has dialled, has read its files, and runs a loop of `poll`, `recv` and `send` on
 * descriptors that it already has. Derived with strace from the runtime under load, without the JIT. The calls of the loop come
 * first, because the filter asks in this order.
 */
export const SESSION_POLICY: readonly Rule[] = [
  { call: 'poll', verdict: 'allow', why: 'waits for the descriptors and the deadlines' },
  { call: 'ppoll', verdict: 'allow', why: "the C library's poll on arm64" },
  {
    call: 'recvfrom',
    verdict: 'allow',
    when: [readable],
    otherwise: 'EBADF',
    why: 'reads from the network and from a socket of the application. It cannot receive descriptors; recvmsg, which can, is not allowed',
  },
  {
    call: 'sendto',
    verdict: 'allow',
    when: [
      writable,
      // MSG_FASTOPEN would make it a connect(2), and on a socket whose connection has ended a new one, to anywhere.
      { argument: 3, within: MSG_DONTWAIT_NOSIGNAL_MORE },
      { argument: 4, within: 0 },
    ],
    why: 'writes to the network; with no address and no MSG_FASTOPEN, so only to the peer that the socket has',
  },
  {
    call: 'sendmsg',
    verdict: 'allow',
    when: [writable, { argument: 2, within: MSG_DONTWAIT_NOSIGNAL_MORE }],
    why: 'writes several records at once. The filter cannot see msg_control: on a Unix socket it can pass on a descriptor that the process has, to whom it talks anyway',
  },
  {
    call: 'read',
    verdict: 'allow',
    when: [readable],
    otherwise: 'EBADF',
    why: 'reads from the application, and signals from a signalfd',
  },
  {
    call: 'write',
    verdict: 'allow',
    when: [writable],
    otherwise: 'EBADF', // the runtime's finalizers wake its event loop, whose descriptor is closed
    why: 'writes to the application, the status descriptor and standard error',
  },
  {
    call: 'preadv2',
    verdict: 'allow',
    when: [readable],
    otherwise: 'EBADF',
    why: 'a read that does not block, whatever the flags of an inherited descriptor are',
  },
  { call: 'pwritev2', verdict: 'allow', when: [writable], otherwise: 'EBADF', why: 'the same for a write' },
  { call: 'writev', verdict: 'allow', when: [writable], otherwise: 'EBADF', why: 'writes several pieces at once' },
  {
    call: 'madvise',
    verdict: 'allow',
    when: [{ argument: 2, is: MADVISE_ADVICE }],
    otherwise: 'EINVAL', // the generator of random numbers asks with a nonsense advice, to see whether the kernel looks at it
    why: "the garbage collector gives memory back; the generator's state is wiped in a child",
  },
  {
    call: 'mmap',
    verdict: 'allow',
    when: [
      { argument: 2, within: PROT_READ_WRITE },
      { argument: 3, has: MAP_PRIVATE_ANONYMOUS },
      { argument: 3, within: MAP_PRIVATE_ANONYMOUS | MAP_NORESERVE },
    ],
    why: 'memory: private, of no file, never executable',
  },
  { call: 'munmap', verdict: 'allow', why: 'gives memory back' },
  {
    call: 'mprotect',
    verdict: 'allow',
    when: [{ argument: 2, within: PROT_READ_WRITE }],
    why: 'commits and decommits reserved memory; never makes it executable',
  },
  { call: 'brk', verdict: 'allow', why: "the C library's heap" },
  {
    call: 'mremap',
    verdict: 'ENOMEM',
    why: "the C library's realloc tries it first, and copies when it fails",
  },
  {
    call: 'futex',
    verdict: 'allow',
    when: [{ argument: 1, is: FUTEX_OPERATIONS }],
    why: 'locks and one-time initialisation within the process; no priority inheritance, no requeueing',
  },
  { call: 'getrandom', verdict: 'allow', why: 'reseeds the generator of random numbers' },
  {
    call: 'clock_gettime',
    verdict: 'allow',
    when: [{ argument: 0, within: 0xf }], // a larger number is the CPU clock of another process
    why: 'time, where the vDSO cannot tell it',
  },
  { call: 'gettimeofday', verdict: 'allow', why: 'time, where the vDSO cannot tell it' },
  {
    call: 'shutdown',
    verdict: 'allow',
    when: [writable, { argument: 1, is: SHUT }],
    why: 'half-closes a socket',
  },
  { call: 'close', verdict: 'allow', why: 'ends a side of the connection' },
  { call: 'rt_sigreturn', verdict: 'allow', why: 'the return from a signal handler of the runtime' },
  { call: 'rt_sigprocmask', verdict: 'allow', why: "blocks its own signals, around the runtime's exit" },
  { call: 'restart_syscall', verdict: 'allow', why: 'a poll with a timeout goes on after SIGSTOP and SIGCONT' },
  { call: 'exit_group', verdict: 'allow', why: 'ends the process' },
  // What the runtime tries on its own, and does without: a death of these would be a death for nothing.
  {
    call: 'openat',
    verdict: 'EPERM',
    why: 'each garbage collection opens /proc/self/statm to see how much memory there is; an uncaught error opens the source that it quotes',
  },
  { call: 'open', verdict: 'EPERM', why: 'the same, with other C libraries' },
  { call: 'newfstatat', verdict: 'EPERM', why: 'the first local date looks for /etc/localtime' },
  { call: 'stat', verdict: 'EPERM', why: 'the same, with other C libraries' },
  { call: 'readlink', verdict: 'EPERM', why: 'the first local date resolves /etc/localtime' },
  { call: 'readlinkat', verdict: 'EPERM', why: 'the same on arm64' },
  {
    call: 'getpid',
    verdict: 'EPERM',
    why: "OpenSSL's generator of random numbers asks each time whether it is in a child by now; any answer will do that stays the same",
  },
  {
    call: 'ioctl',
    verdict: 'ENOTTY',
    when: [{ argument: 1, is: TERMINAL_SETTINGS }],
    why: "the runtime's exit gives a terminal its settings back, which it never changed",
  },
];
