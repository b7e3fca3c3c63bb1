import type { Bytes } from '../core/bytes.ts';

/**
 * The system calls of `native/os.c`, one function each. All that can fail return `-errno` (a negative number), never throw for
 * it; a wrong argument type (or a NUL in a string) throws a TypeError, a number or range that does not fit a RangeError.
 * Offsets and lengths are in bytes.
 */
export interface Native {
  // Descriptors
  read(fd: number, buffer: Bytes, offset: number, length: number): number;
  write(fd: number, buffer: Bytes, offset: number, length: number): number;
  /** read and write that do not block whatever the descriptor's own flags are (preadv2/pwritev2 with RWF_NOWAIT): -EAGAIN, or -EOPNOTSUPP where the file has no such thing. */
  readNoWait(fd: number, buffer: Bytes, offset: number, length: number): number;
  writeNoWait(fd: number, buffer: Bytes, offset: number, length: number): number;
  /** Gathers at most 64 buffers. */
  writev(fd: number, buffers: readonly Bytes[], skipBytes: number): number;
  close(fd: number): number;
  /** dup3 with O_CLOEXEC when `closeOnExec`. */
  dup(fd: number, target: number, closeOnExec: boolean): number;
  getFdFlags(fd: number): number; // F_GETFD
  setCloseOnExec(fd: number, on: boolean): number;
  getStatusFlags(fd: number): number; // F_GETFL
  setNonBlocking(fd: number, on: boolean): number;
  /** S_IFMT bits of the mode, or -errno. */
  fileType(fd: number): number;
  sameFile(fd: number, other: number): number; // 1 if both are of one file, pipe end or socket (fstat), or 0
  isTerminal(fd: number): number; // isatty(3): 1 or 0
  pipe(fds: Int32Array): number; // O_CLOEXEC

  // Sockets. Addresses are struct sockaddr bytes as the kernel has them; one that is filled in needs 128 bytes of room.
  socket(domain: number, type: number, protocol: number): number; // always SOCK_CLOEXEC
  socketpair(domain: number, type: number, fds: Int32Array): number;
  bind(fd: number, address: Bytes): number;
  listen(fd: number, backlog: number): number;
  connect(fd: number, address: Bytes): number;
  /** accept4 with SOCK_NONBLOCK | SOCK_CLOEXEC; fills `address` and its length in `addressLength[0]`. */
  accept(fd: number, address: Bytes, addressLength: Int32Array): number;
  getSocketOption(fd: number, level: number, option: number): number; // integer options
  setSocketOption(fd: number, level: number, option: number, value: number): number;
  socketName(fd: number, address: Bytes): number; // returns the address's length
  peerName(fd: number, address: Bytes): number;
  /** if_nametoindex, for the zone of an IPv6 address. */
  interfaceIndex(name: string): number;
  /** recv and send with MSG_DONTWAIT | MSG_NOSIGNAL. */
  receive(fd: number, buffer: Bytes, offset: number, length: number): number;
  send(fd: number, buffer: Bytes, offset: number, length: number): number;
  /** sendmsg of at most 64 buffers with MSG_DONTWAIT | MSG_NOSIGNAL, beginning `skipBytes` into them. */
  sendVector(fd: number, buffers: readonly Bytes[], skipBytes: number): number;
  shutdown(fd: number, how: 0 | 1 | 2): number;
  /** sendmsg with SCM_RIGHTS: at most 16 descriptors. */
  sendDescriptors(fd: number, payload: Bytes, fds: Int32Array): number;
  /** recvmsg: descriptors received (close-on-exec) are put in `fds`, their count in `count[0]`; -EMSGSIZE after closing all of them if more came. */
  receiveDescriptors(fd: number, payload: Bytes, fds: Int32Array, count: Int32Array): number;

  // Waiting. timeoutMs -1 waits for ever, and a signal ends it with -EINTR.
  /** `fds` is at most 64 pairs of (fd, events), a negative fd being skipped; `revents` has one element a pair. */
  poll(fds: Int32Array, revents: Int32Array, timeoutMs: number): number;
  epollCreate(): number;
  epollControl(epoll: number, operation: number, fd: number, events: number, token: number): number;
  /** Fills pairs (token, events); returns the number of pairs. */
  epollWait(epoll: number, pairs: Int32Array, timeoutMs: number): number;
  /** A non-blocking, close-on-exec signalfd; the signals are blocked for this thread. */
  signalDescriptor(signals: readonly number[]): number;
  /** Blocks no signal any more (before an exec). */
  unblockSignals(): number;
  ignoreSignal(signal: number): number;
  /** 1 if it is ignored, else 0; or -errno. */
  signalIgnored(signal: number): number;
  /** SIG_DFL. An exec keeps ignored signals ignored, and both runtimes ignore SIGPIPE. */
  defaultSignal(signal: number): number;
  monotonicMs(): number; // CLOCK_MONOTONIC, fractional

  // Names: getaddrinfo in a forked child of its own, so that a name server's bytes are never parsed in this process and a dead
  // look-up stalls nothing. The child writes to the descriptor: one byte getaddrinfo status (0 = found, else the absolute value of
  // its EAI_ number), then per address (at most 64) its length (1 byte) and sockaddr; all in one write.
  /**
   * @param family AF_INET or AF_INET6. @param user who the child becomes, as user and only group, or -1: in place of the status it may
   * say 254, that it cannot. @param filter its seccomp program, as an array of struct sock_filter, or empty: or 255, the same.
   * @returns a readable descriptor (non-blocking), or -errno; the child's pid, to be waited for, in pid[0].
   */
  resolve(host: string, service: string, family: number, user: number, filter: Bytes, pid: Int32Array): number;

  // Processes and authority
  getuid(): number;
  geteuid(): number;
  getgid(): number;
  getegid(): number;
  getpid(): number;
  getppid(): number;
  kill(pid: number, signal: number): number;
  /** waitpid with flags; status in status[0]. */
  wait(pid: number, status: Int32Array, flags: number): number;
  fork(): number;
  exit(code: number): never; // _exit
  /** execve; does not return on success. */
  execute(path: string, argv: readonly string[], environment: readonly string[]): number;
  prctl(option: number, arg2: number, arg3: number, arg4: number, arg5: number): number;
  /** -1 is RLIM_INFINITY. */
  setResourceLimit(resource: number, soft: number, hard: number): number;
  unshare(flags: number): number;
  setGroups(groups: readonly number[]): number;
  setResGid(gid: number): number; // all three
  setResUid(uid: number): number; // all three
  /** capset: no capability in any set. */
  dropCapabilities(): number;
  chroot(path: string): number;
  chdir(path: string): number;
  mount(source: string, target: string, type: string, flags: number, data: string): number;
  unmount(target: string, flags: number): number;
  pivotRoot(newRoot: string, putOld: string): number;
  openFile(path: string, flags: number, mode: number): number; // O_CLOEXEC always
  /** seccomp(SECCOMP_SET_MODE_FILTER, flags, program): `program` is an array of struct sock_filter. */
  seccompFilter(flags: number, program: Bytes): number;
  landlockCreateRuleset(attributes: Bytes, flags: number): number;
  landlockAddRule(ruleset: number, type: number, rule: Bytes): number;
  landlockRestrictSelf(ruleset: number, flags: number): number;
  closeRange(first: number, last: number, flags: number): number;
}
