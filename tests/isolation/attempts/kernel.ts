import { AT_FDCWD, text } from '../attacker.ts';
import { type AttemptGroup, attempt, prepared, readOnly, readWrite } from '../attempt.ts';

const O_RDWR = 2;

export const PRIVILEGES: AttemptGroup = {
  title: 'Privileges, roots and mounts',
  attempts: [
    attempt('set its user id', (a, s) => a.sys('setresuid', s.uid, s.uid, s.uid)),
    attempt('set its group id', (a) => a.sys('setresgid', -1, -1, -1)),
    attempt('set its groups', (a) => a.sys('setgroups', 0, null), { capability: 'CAP_SETGID' }),
    attempt('set its capabilities', (a) => a.sys('capset', a.structure(0x20080522), a.structure(0, 0, 0))),
    attempt('become dumpable', (a) => a.sys('prctl', 4, 1, 0, 0, 0)),
    attempt('rename itself', (a) => a.sys('prctl', 15, text('init'), 0, 0, 0)),
    attempt('ask the system for its user id', (a) => a.sys('getuid')),
    attempt('ask the system for its process id', (a) => a.sys('getpid')),
    attempt('ask about filters', (a) => a.sys('seccomp', 2, 0, Int32Array.of(0x7fff0000))),
    attempt('make a Landlock ruleset', (a) => a.sys('landlock_create_ruleset', null, 0, 1), { feature: 'Landlock' }),
    attempt('change its root', (a, s) => a.sys('chroot', text(s.directory)), { capability: 'CAP_SYS_CHROOT' }),
    prepared(
      'leave its root by a directory that it has',
      (a) => {
        const root = a.open('/', 0);
        return {
          keep: [readOnly(root)],
          run: () => {
            const moved = a.sys('fchdir', root);
            return moved < 0 ? moved : a.sys('chroot', text('.'));
          },
        };
      },
      { capability: 'CAP_SYS_CHROOT' },
    ),
    attempt(
      'mount a file system',
      (a, s) => {
        const result = a.sys('mount', text('none'), text(s.directory), text('tmpfs'), 0, null);
        if (result >= 0) a.sys('umount2', text(s.directory), 2);
        return result;
      },
      { capability: 'CAP_SYS_ADMIN' },
    ),
    attempt('make a mount by descriptor', (a) => a.sys('fsopen', text('tmpfs'), 0), { capability: 'CAP_SYS_ADMIN' }),
    attempt('copy a mount', (a) => a.sys('open_tree', AT_FDCWD, text('/'), 1 /* OPEN_TREE_CLONE */), {
      capability: 'CAP_SYS_ADMIN',
    }),
  ],
};

export const KERNEL: AttemptGroup = {
  title: 'Interfaces of the kernel',
  attempts: [
    attempt('set up an io_uring', (a) => a.sys('io_uring_setup', 4, new Uint8Array(120)), {
      feature: 'kernel.io_uring_disabled is 0',
    }),
    attempt('set up asynchronous I/O', (a) => a.sys('io_setup', 1, new BigUint64Array(1)), { feature: 'CONFIG_AIO' }),
    attempt('make a BPF map', (a) => a.sys('bpf', 0, Int32Array.of(2, 4, 4, 1, ...new Array(28).fill(0)), 128), {
      capability: 'CAP_BPF',
    }),
    attempt(
      'count events',
      (a) => {
        // struct perf_event_attr: PERF_TYPE_SOFTWARE, size 64, exclude_kernel and exclude_hv
        const attributes = a.structure(1n | (64n << 32n), 0, 0, 0, 0, 0x60, 0, 0);
        return a.sys('perf_event_open', attributes, 0, -1, -1, 0);
      },
      { feature: 'kernel.perf_event_paranoid is below 3' },
    ),
    attempt('add a key to a keyring', (a) => a.sys('add_key', text('user'), text('tlsify-probe'), text('x'), 1, -2), {
      feature: 'CONFIG_KEYS',
    }),
    attempt("find its session's keyring", (a) => a.sys('keyctl', 0, -3, 1), { feature: 'CONFIG_KEYS' }),
    attempt("read the kernel's log", (a) => a.sys('syslog', 10, null, 0), {
      feature: 'kernel.dmesg_restrict is 0, or CAP_SYSLOG',
    }),
    attempt("read the clock's discipline", (a) => a.sys('clock_adjtime', 0, new Uint8Array(256))),
    attempt('learn which kernel it is', (a) => a.sys('uname', new Uint8Array(512))),
    attempt('learn how much memory there is', (a) => a.sys('sysinfo', new Uint8Array(128))),
    attempt('order the memory of all threads', (a) => a.sys('membarrier', 0, 0, 0), { feature: 'CONFIG_MEMBARRIER' }),
    attempt('read its descriptor table (x86)', (a) => a.sys('modify_ldt', 0, new Uint8Array(16), 16), {
      feature: 'x86-64',
    }),
    attempt('get access to ports (x86)', (a) => a.sys('iopl', 3), {
      capability: 'CAP_SYS_RAWIO',
      feature: 'x86-64 with CONFIG_X86_IOPL_IOPERM',
    }),
    attempt('call by the 32-bit entry', (a) => a.code.call32(20), { feature: 'x86-64 with CONFIG_IA32_EMULATION' }),
    attempt('call by an x32 number', (a) => a.code.call(0x40000000 | 39), { feature: 'CONFIG_X86_X32_ABI' }),
    prepared('take part in a futex of others (priority inheritance)', (a) => {
      const futex = new Int32Array(1);
      return { run: () => a.sys('futex', futex, 0x86 /* LOCK_PI, private */, 0, null, null, 0) };
    }),
    prepared('splice between descriptors', (a, s) => {
      const ends = new Int32Array(2);
      a.must('pipe2', ends, 0);
      const [output, pipe] = [ends[0] as number, ends[1] as number];
      return {
        keep: [readOnly(s.fileDescriptor), readWrite(output), readWrite(pipe)],
        run: () => a.sys('splice', s.fileDescriptor, null, pipe, null, 1, 0),
      };
    }),
    prepared('copy between descriptors in the kernel', (a, s) => {
      const copy = a.open(`${s.directory}/copy`, O_RDWR | 0o100, 0o600);
      return {
        keep: [readOnly(s.fileDescriptor), readWrite(copy)],
        run: () => a.sys('copy_file_range', s.fileDescriptor, new BigUint64Array(1), copy, null, 1, 0),
      };
    }),
  ],
};
