/**
 * Linux's numbers (include/uapi). x86-64 and arm64 share the generic ones; the few that differ are marked and chosen by
 * `process.arch`. Only what tlsify uses is here.
 */
const ARM64 = process.arch === 'arm64';

/** Address families, for socket(2). */
export const AF = { UNSPEC: 0, UNIX: 1, INET: 2, INET6: 10 } as const;
/** Socket types, for socket(2) and socketpair(2). */
export const SOCK = { STREAM: 1, DGRAM: 2, SEQPACKET: 5, NONBLOCK: 0o4000 } as const;
/** Protocols, which are also the levels of their socket options. */
export const IPPROTO = { TCP: 6, IPV6: 41 } as const;
/** The level of the options in {@link SO}. */
export const SOL_SOCKET = 1;
/** Options of any socket. */
export const SO = {
  REUSEADDR: 2,
  TYPE: 3,
  ERROR: 4,
  SNDBUF: 7,
  RCVBUF: 8,
  KEEPALIVE: 9,
  LINGER: 13,
  REUSEPORT: 15,
  ACCEPTCONN: 30,
  DOMAIN: 39,
} as const;
/** Options at level IPPROTO.TCP. */
export const TCP = {
  NODELAY: 1,
  CORK: 3,
  KEEPIDLE: 4,
  KEEPINTVL: 5,
  KEEPCNT: 6,
  QUICKACK: 12,
  USER_TIMEOUT: 18,
} as const;
/** Option at level IPPROTO.IPV6. */
export const IPV6_V6ONLY = 26;
/** What shutdown(2) ends. */
export const SHUT = { RD: 0, WR: 1, RDWR: 2 } as const;

/** poll(2). The last three are reported whether asked for or not. */
export const POLL = { IN: 0x1, OUT: 0x4, RDHUP: 0x2000, ERR: 0x8, HUP: 0x10, NVAL: 0x20 } as const;

/** epoll_ctl(2): what to wait for, and how. */
export const EPOLL = {
  IN: 0x1,
  OUT: 0x4,
  RDHUP: 0x2000,
  ERR: 0x8,
  HUP: 0x10,
  EXCLUSIVE: 0x10000000,
  ET: 0x80000000,
} as const;
/** epoll_ctl(2): what to do. */
export const EPOLL_CTL = { ADD: 1, DEL: 2, MOD: 3 } as const;

/** open(2) and F_GETFL. O_CLOEXEC and O_NOCTTY are always set by `openFile`. */
export const O = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  ACCMODE: 3,
  CREAT: 0o100,
  EXCL: 0o200,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  NONBLOCK: 0o4000,
  DIRECTORY: ARM64 ? 0o40000 : 0o200000,
  NOFOLLOW: ARM64 ? 0o100000 : 0o400000,
  PATH: 0o10000000,
} as const;
/** The bit of `getFdFlags`. */
export const FD_CLOEXEC = 1;

/** What `fileType` returns. */
export const S = {
  IFMT: 0o170000,
  IFSOCK: 0o140000,
  IFLNK: 0o120000,
  IFREG: 0o100000,
  IFBLK: 0o060000,
  IFDIR: 0o040000,
  IFCHR: 0o020000,
  IFIFO: 0o010000,
} as const;

/** Signal numbers. */
export const SIGNAL = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGCHLD: 17,
  SIGCONT: 18,
  SIGSTOP: 19,
  SIGTSTP: 20,
  SIGTTIN: 21,
  SIGTTOU: 22,
  SIGWINCH: 28,
  SIGSYS: 31,
} as const;

/** waitpid(2): return 0 when no child has ended. */
export const WNOHANG = 1;

/** setrlimit(2): the resources. */
export const RLIMIT = {
  CPU: 0,
  FSIZE: 1,
  DATA: 2,
  STACK: 3,
  CORE: 4,
  NPROC: 6,
  NOFILE: 7,
  MEMLOCK: 8,
  AS: 9,
  MSGQUEUE: 12,
} as const;
/** As `setResourceLimit` takes it. */
export const RLIM_INFINITY = -1;

/** prctl(2): the options. */
export const PR = {
  SET_PDEATHSIG: 1,
  GET_DUMPABLE: 3,
  SET_DUMPABLE: 4,
  SET_NAME: 15,
  GET_SECCOMP: 21,
  CAPBSET_READ: 23,
  CAPBSET_DROP: 24,
  SET_SECUREBITS: 28,
  SET_NO_NEW_PRIVS: 38,
  GET_NO_NEW_PRIVS: 39,
  CAP_AMBIENT: 47,
  SET_MDWE: 65,
} as const;

/** unshare(2): the namespaces. */
export const CLONE = {
  VM: 0x00000100,
  NEWNS: 0x00020000,
  NEWCGROUP: 0x02000000,
  NEWUTS: 0x04000000,
  NEWIPC: 0x08000000,
  NEWUSER: 0x10000000,
  NEWPID: 0x20000000,
  NEWNET: 0x40000000,
} as const;

/** mount(2): the flags. */
export const MS = {
  RDONLY: 0x1,
  NOSUID: 0x2,
  NODEV: 0x4,
  NOEXEC: 0x8,
  REMOUNT: 0x20,
  BIND: 0x1000,
  REC: 0x4000,
  PRIVATE: 0x40000,
} as const;
/** umount2(2): take it out of the tree now, end it when nobody uses it. */
export const MNT_DETACH = 2;

/** The bounds of `native/os.c`. */
export const NATIVE_LIMITS = {
  addressBytes: 128,
  gatheredBuffers: 64,
  polledDescriptors: 64,
  passedDescriptors: 16,
} as const;

/** Errors that the program tells apart, or names in a message. The generic numbers: the same on x86-64 and arm64. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  ENOEXEC: 8,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EPIPE: 32,
  EDOM: 33,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ELOOP: 40,
  ENOMSG: 42,
  EOVERFLOW: 75,
  EUSERS: 87,
  ENOTSOCK: 88,
  EDESTADDRREQ: 89,
  EMSGSIZE: 90,
  EPROTOTYPE: 91,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ENETRESET: 102,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  EISCONN: 106,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTDOWN: 112,
  EHOSTUNREACH: 113,
  EALREADY: 114,
  EINPROGRESS: 115,
} as const;

/** The names that {@link ERRNO} has. */
export type ErrnoName = keyof typeof ERRNO;

/** `errnoName(-111)` is `ECONNREFUSED`; a number that is not in {@link ERRNO} gives `errno 133`. Takes `-errno` as the system calls return it. */
export function errnoName(result: number): string {
  return (Object.keys(ERRNO) as ErrnoName[]).find((name) => ERRNO[name] === -result) ?? `errno ${-result}`;
}

/** What strerror would say, for the errors that people meet on a network. */
export function errnoText(result: number): string {
  const name = errnoName(result);
  return name in ERRNO_TEXTS ? ERRNO_TEXTS[name as keyof typeof ERRNO_TEXTS] : name;
}

const ERRNO_TEXTS = {
  EPERM: 'operation not permitted',
  ENOENT: 'no such file or directory',
  EIO: 'input/output error',
  EBADF: 'bad file descriptor',
  ENOMEM: 'cannot allocate memory',
  EACCES: 'permission denied',
  ENODEV: 'no such device',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files in the system',
  ENOSPC: 'no space left on device',
  EPIPE: 'broken pipe',
  ENOTSOCK: 'not a socket',
  EAFNOSUPPORT: 'address family not supported',
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'cannot assign requested address',
  ENETDOWN: 'network is down',
  ENETUNREACH: 'network is unreachable',
  ECONNABORTED: 'connection aborted',
  ECONNRESET: 'connection reset by peer',
  ENOTCONN: 'not connected',
  ETIMEDOUT: 'connection timed out',
  ECONNREFUSED: 'connection refused',
  EHOSTDOWN: 'host is down',
  EHOSTUNREACH: 'no route to host',
} as const satisfies Partial<Record<ErrnoName, string>>;
