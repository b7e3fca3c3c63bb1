/**
 * The numbers of the system calls that the policy names (arch/x86/entry/syscalls/syscall_64.tbl and
 * include/uapi/asm-generic/unistd.h). A call that an architecture does not have is null there.
 */
export const SYSCALLS = {
  read: { x64: 0, arm64: 63 },
  write: { x64: 1, arm64: 64 },
  open: { x64: 2, arm64: null },
  close: { x64: 3, arm64: 57 },
  stat: { x64: 4, arm64: null },
  poll: { x64: 7, arm64: null },
  mmap: { x64: 9, arm64: 222 },
  mprotect: { x64: 10, arm64: 226 },
  munmap: { x64: 11, arm64: 215 },
  brk: { x64: 12, arm64: 214 },
  rt_sigprocmask: { x64: 14, arm64: 135 },
  rt_sigreturn: { x64: 15, arm64: 139 },
  ioctl: { x64: 16, arm64: 29 },
  writev: { x64: 20, arm64: 66 },
  mremap: { x64: 25, arm64: 216 },
  madvise: { x64: 28, arm64: 233 },
  sendto: { x64: 44, arm64: 206 },
  recvfrom: { x64: 45, arm64: 207 },
  sendmsg: { x64: 46, arm64: 211 },
  shutdown: { x64: 48, arm64: 210 },
  readlink: { x64: 89, arm64: null },
  gettimeofday: { x64: 96, arm64: 169 },
  futex: { x64: 202, arm64: 98 },
  restart_syscall: { x64: 219, arm64: 128 },
  clock_gettime: { x64: 228, arm64: 113 },
  exit_group: { x64: 231, arm64: 94 },
  openat: { x64: 257, arm64: 56 },
  newfstatat: { x64: 262, arm64: 79 },
  readlinkat: { x64: 267, arm64: 78 },
  ppoll: { x64: 271, arm64: 73 },
  getrandom: { x64: 318, arm64: 278 },
  preadv2: { x64: 327, arm64: 286 },
  pwritev2: { x64: 328, arm64: 287 },
} as const satisfies Record<string, Readonly<Record<Architecture, number | null>>>;

/** As `process.arch` has them. */
export type Architecture = 'x64' | 'arm64';
/** A call that the policy may name. */
export type SystemCall = keyof typeof SYSCALLS;

/** Whether there is a filter for it. */
export function isArchitecture(name: string): name is Architecture {
  return name === 'x64' || name === 'arm64';
}

/** The newest system call of Linux 6.18, the same number on every architecture. Later ones are unknown to the policy. */
export const NEWEST_SYSCALL = 469;
