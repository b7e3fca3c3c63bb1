/** How much of the system's authority a process gives up. Each level has all of the one before. */
export type SandboxLevel = 'off' | 'standard' | 'strict';

/** One thing that the kernel can take away, by the name that reports and options use. */
export type Mechanism = keyof typeof MECHANISMS;

interface MechanismText {
  readonly level: Exclude<SandboxLevel, 'off'>;
  /** What it takes away, in one sentence. */
  readonly effect: string;
  /** What to do where it cannot be applied. */
  readonly advice: string;
}

/** In words, for people: help, reports and docs are made of it. */
export const MECHANISMS = {
  'single-thread': {
    level: 'standard',
    effect: 'the process has one thread, so that none stays outside of what follows',
    advice:
      'the runtime must be started with its JIT off: start tlsify by its launcher, and not from a process that shares its memory (vfork)',
  },
  'no-new-privileges': {
    level: 'standard',
    effect: 'no exec can gain privileges (PR_SET_NO_NEW_PRIVS)',
    advice: 'this kernel is older than any that tlsify runs on',
  },
  credentials: {
    level: 'standard',
    effect:
      'a process of root becomes an unprivileged user without supplementary groups; any other user stays that user',
    advice:
      'the container or service withholds CAP_SETUID and CAP_SETGID, or its user namespace does not map the id: start tlsify as an unprivileged user, or name an id that is mapped',
  },
  capabilities: {
    level: 'standard',
    effect: 'no capability is left, in any set',
    advice: 'a security module forbids capset(2) and PR_CAPBSET_DROP',
  },
  'not-dumpable': {
    level: 'standard',
    effect: 'no other process of the same user can trace it, read its memory or take its descriptors (PR_SET_DUMPABLE)',
    advice: 'a security module forbids prctl(2)',
  },
  'no-executable-memory': {
    level: 'standard',
    effect: 'memory that was not executable cannot become so (PR_SET_MDWE, besides the filter)',
    advice: 'it needs Linux 6.3; before, the filter alone denies it',
  },
  landlock: {
    level: 'standard',
    effect:
      'no file can be opened, no TCP port bound or connected to, no abstract Unix socket reached, no other process signalled (Landlock, besides the filter)',
    advice:
      'it needs Linux 5.13 with CONFIG_SECURITY_LANDLOCK, and `landlock` in the lsm= list of the boot command line if there is one',
  },
  descriptors: {
    level: 'standard',
    effect:
      'every descriptor is closed but those of the connection, and each of these can be only read or only written, as it is meant',
    advice: 'it needs Linux 5.9 (close_range)',
  },
  'resource-limits': {
    level: 'standard',
    effect:
      'no core file, no further process, no locked memory, no message queue, at most 64 descriptors, and a limit on memory',
    advice: 'a security module forbids setrlimit(2), or /proc is not mounted and its use of memory cannot be known',
  },
  seccomp: {
    level: 'standard',
    effect: 'any system call but those listed kills the process',
    advice: 'it needs CONFIG_SECCOMP_FILTER, and a container runtime whose own profile lets seccomp(2) pass',
  },
  namespaces: {
    level: 'strict',
    effect:
      'empty network, IPC, mount, UTS and cgroup namespaces, and an empty PID namespace for children: no interface, no port, no mount, nothing shared',
    advice:
      'the system forbids namespaces to this user: allow them (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns), start as root with CAP_SYS_ADMIN, or use --sandbox standard',
  },
  'user-namespace': {
    level: 'strict',
    effect: 'a user namespace of its own, in which no user is mapped',
    advice: 'see namespaces',
  },
  'root-directory': {
    level: 'strict',
    effect: 'the root directory is an empty, read-only file system of its own',
    advice: 'see namespaces; and the present root must be a mount, which an initramfs is not',
  },
} as const satisfies Record<string, MechanismText>;

/** What no part of the sandbox stops. */
export const NOT_STOPPED: readonly string[] = [
  'what the connection is made of: its plain bytes, its session keys, and answers of its own invention to both sides',
  'the processor: a loop without an end uses one until somebody ends it',
  'memory within its limit',
  'the clock, and whatever can be learnt or told by the timing of what it does',
  'on a Unix socket that it was given: passing on a descriptor that it has; on a datagram socket: sending to anyone',
  'root, and whoever else may trace any process',
  'a defect of the kernel in one of the calls that it may make',
];
