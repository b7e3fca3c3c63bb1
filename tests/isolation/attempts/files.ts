import { AT_FDCWD, type Attacker, text } from '../attacker.ts';
import { type AttemptGroup, attempt, prepared, readOnly, writeOnly } from '../attempt.ts';
import { SECRET } from '../scene.ts';

const O_WRONLY = 1;
const O_RDWR = 2;
const O_CREAT = 0o100;
const O_PATH = 0o10000000;
const S_IFIFO = 0o010000;
const AT_EMPTY_PATH = 0x1000;

/** Reads the beginning of a file. */
function readFile(attacker: Attacker, path: string): number {
  const fd = attacker.open(path, 0);
  return fd < 0 ? fd : attacker.sys('read', fd, new Uint8Array(16), 16);
}

export const FILES: AttemptGroup = {
  title: 'Files',
  attempts: [
    attempt('read /etc/passwd', (a) => readFile(a, '/etc/passwd')),
    attempt('read a file of the same user', (a, s) => readFile(a, s.file)),
    attempt('read it by openat2', (a, s) => a.sys('openat2', AT_FDCWD, text(s.file), new BigUint64Array(3), 24)),
    attempt('read the program that runs', (a) => readFile(a, '/proc/self/exe')),
    attempt('read its own environment in /proc', (a) => readFile(a, '/proc/self/environ')),
    attempt('read the map of its own memory', (a) => readFile(a, '/proc/self/maps')),
    attempt("read a process's command line in /proc", (a, s) => readFile(a, `/proc/${s.sibling}/cmdline`)),
    attempt("read a process's environment in /proc", (a, s) => readFile(a, `/proc/${s.sibling}/environ`)),
    attempt('read sysfs', (a) => readFile(a, '/sys/kernel/uevent_seqnum'), { feature: '/sys is mounted' }),
    attempt('read a setting in /proc/sys', (a) => readFile(a, '/proc/sys/kernel/osrelease')),
    attempt('open a device', (a) => a.open('/dev/null', O_RDWR)),
    attempt('open the terminal', (a) => a.open('/dev/ptmx', O_RDWR)),
    attempt('read a file by open', (a, s) => a.sys('open', text(s.file), 0, 0), { feature: 'x86-64' }),
    attempt('stat a file by stat', (a, s) => a.sys('stat', text(s.file), new Uint8Array(256)), { feature: 'x86-64' }),
    attempt('read a link by readlink', (a) => a.sys('readlink', text('/proc/self'), new Uint8Array(64), 64), {
      feature: 'x86-64',
    }),
    attempt('write a file', (a, s) => a.open(s.file, O_WRONLY)),
    attempt('create a file', (a, s) => a.open(`${s.directory}/new`, O_WRONLY | O_CREAT, 0o600)),
    attempt('get a handle on a path (O_PATH)', (a, s) => a.open(s.directory, O_PATH)),
    attempt('list the root directory', (a) => {
      const fd = a.open('/', 0);
      return fd < 0 ? fd : a.sys('getdents64', fd, new Uint8Array(4096), 4096);
    }),
    attempt('stat a file', (a) => a.sys('newfstatat', AT_FDCWD, text('/etc/passwd'), new Uint8Array(256), 0)),
    attempt('statx a file', (a) => a.sys('statx', AT_FDCWD, text('/etc/passwd'), 0, 0x7ff, new Uint8Array(256))),
    attempt('ask for access to a file', (a) => a.sys('faccessat', AT_FDCWD, text('/etc/passwd'), 4)),
    attempt('read a link', (a) => a.sys('readlinkat', AT_FDCWD, text('/proc/self'), new Uint8Array(64), 64)),
    attempt('learn the working directory', (a) => a.sys('getcwd', new Uint8Array(4096), 4096)),
    attempt('change the working directory', (a) => a.sys('chdir', text('/'))),
    attempt('stat a file system', (a) => a.sys('statfs', text('/'), new Uint8Array(256))),
    prepared('make a directory', (a, s) => {
      const path = a.newPath(s.directory);
      return { run: () => a.sys('mkdirat', AT_FDCWD, path, 0o700) };
    }),
    prepared('make a fifo', (a, s) => {
      const path = a.newPath(s.directory);
      return { run: () => a.sys('mknodat', AT_FDCWD, path, S_IFIFO | 0o600, 0) };
    }),
    prepared('make a symbolic link', (a, s) => {
      const path = a.newPath(s.directory);
      return { run: () => a.sys('symlinkat', text('/'), AT_FDCWD, path) };
    }),
    prepared('make a hard link', (a, s) => {
      const path = a.newPath(s.directory);
      return { run: () => a.sys('linkat', AT_FDCWD, text(s.file), AT_FDCWD, path, 0) };
    }),
    attempt('rename a file', (a, s) =>
      a.sys('renameat2', AT_FDCWD, text(s.file), AT_FDCWD, text(`${s.directory}/secret`), 0),
    ),
    prepared('remove a file', (a, s) => {
      const path = a.newPath(s.directory);
      a.must('openat', AT_FDCWD, path, O_WRONLY | O_CREAT, 0o600);
      return { run: () => a.sys('unlinkat', AT_FDCWD, path, 0) };
    }),
    attempt("change a file's mode", (a, s) => a.sys('fchmodat', AT_FDCWD, text(s.file), 0o600)),
    attempt("change a file's owner", (a, s) => a.sys('fchownat', AT_FDCWD, text(s.file), s.uid, -1, 0)),
    attempt("change a file's times", (a, s) => a.sys('utimensat', AT_FDCWD, text(s.file), null, 0)),
    attempt('truncate a file', (a, s) => a.sys('truncate', text(s.file), SECRET.length)),
    attempt('list extended attributes', (a, s) => a.sys('listxattr', text(s.file), new Uint8Array(64), 64)),
    attempt('set an extended attribute', (a, s) => a.sys('setxattr', text(s.file), text('user.x'), text('x'), 1, 0), {
      feature: 'a file system with user attributes',
    }),
    attempt(
      'get a file handle',
      (a, s) => a.sys('name_to_handle_at', AT_FDCWD, text(s.file), fileHandle(), new Int32Array(1), 0),
      { feature: 'a file system with handles' },
    ),
    prepared(
      'open a file by its handle',
      (a, s) => {
        const handle = fileHandle();
        const directory = a.open(s.directory, 0);
        a.sys('name_to_handle_at', AT_FDCWD, text(s.file), handle, new Int32Array(1), 0);
        return { keep: [readOnly(directory)], run: () => a.sys('open_by_handle_at', directory, handle, 0) };
      },
      { capability: 'CAP_DAC_READ_SEARCH', feature: 'a file system with handles' },
    ),
    attempt('watch files', (a) => a.sys('inotify_init1', 0)),
    attempt('watch a file system', (a) => a.sys('fanotify_init', 0, 0), { capability: 'CAP_SYS_ADMIN' }),
    attempt('make a file in memory', (a) => a.sys('memfd_create', text('x'), 0)),
    attempt('make a secret file in memory', (a) => a.sys('memfd_secret', 0), { feature: 'CONFIG_SECRETMEM' }),
  ],
};

export const INHERITED_DESCRIPTORS: AttemptGroup = {
  title: 'Descriptors that were inherited or that it has',
  attempts: [
    attempt('read a file by a descriptor that is not on its list', (a, s) =>
      a.sys('read', s.fileDescriptor, new Uint8Array(1), 1),
    ),
    attempt('write a file by a descriptor that is not on its list', (a, s) =>
      a.sys('pwritev2', s.fileDescriptor, a.structure(text(SECRET), 1), 1, 0, 0, 0),
    ),
    attempt('open a file from an inherited directory', (a, s) =>
      a.sys('openat', s.directoryDescriptor, text('secret'), 0, 0),
    ),
    attempt('enter an inherited directory', (a, s) => a.sys('fchdir', s.directoryDescriptor)),
    attempt('stat an inherited descriptor', (a, s) => a.sys('fstat', s.fileDescriptor, new Uint8Array(256))),
    prepared('write to a descriptor that it may only read', (a, s) => ({
      keep: [readOnly(s.fileDescriptor)],
      run: () => a.sys('write', s.fileDescriptor, text(SECRET), 1),
    })),
    prepared('read from a descriptor that it may only write', (a, s) => ({
      keep: [writeOnly(s.fileDescriptor)],
      run: () => a.sys('read', s.fileDescriptor, new Uint8Array(1), 1),
    })),
    prepared('read from it by preadv2', (a, s) => ({
      keep: [writeOnly(s.fileDescriptor)],
      run: () => a.sys('preadv2', s.fileDescriptor, a.structure(new Uint8Array(1), 1), 1, 0, 0, 0),
    })),
    prepared('write several pieces to a descriptor that it may only read', (a, s) => ({
      keep: [readOnly(s.fileDescriptor)],
      run: () => a.sys('writev', s.fileDescriptor, a.structure(text(SECRET), 1), 1),
    })),
    prepared("change a descriptor's flags for all who share it", (a, s) => ({
      keep: [readOnly(s.terminal)],
      run: () => a.sys('fcntl', s.terminal, 4 /* F_SETFL */, O_RDWR),
    })),
    prepared('open its own descriptor anew with more rights', (a, s) => ({
      keep: [readOnly(s.fileDescriptor)],
      run: () => a.open(`/proc/self/fd/${s.fileDescriptor}`, O_RDWR),
    })),
    prepared('truncate a file that it may write', (a, s) => ({
      keep: [writeOnly(s.fileDescriptor)],
      run: () => a.sys('ftruncate', s.fileDescriptor, SECRET.length),
    })),
    prepared('change the mode of a file that it has', (a, s) => ({
      keep: [writeOnly(s.fileDescriptor)],
      run: () => a.sys('fchmod', s.fileDescriptor, 0o600),
    })),
    prepared('lock a file that it has', (a, s) => ({
      keep: [readOnly(s.fileDescriptor)],
      run: () => a.sys('flock', s.fileDescriptor, 5 /* LOCK_SH | LOCK_NB */),
    })),
    prepared('stat a directory that it has', (a, s) => ({
      keep: [readOnly(s.directoryDescriptor)],
      run: () => a.sys('newfstatat', s.directoryDescriptor, text(''), new Uint8Array(256), AT_EMPTY_PATH),
    })),
    prepared('open a file from a directory that it has', (a, s) => ({
      keep: [readOnly(s.directoryDescriptor)],
      run: () => a.sys('openat', s.directoryDescriptor, text('secret'), 0, 0),
    })),
    prepared(
      'type into a terminal that it has (TIOCSTI)',
      (a, s) => {
        a.sys('setsid');
        a.sys('ioctl', s.terminal, 0x540e /* TIOCSCTTY */, 0);
        return {
          keep: [readOnly(s.terminal)],
          run: () => a.sys('ioctl', s.terminal, 0x5412 /* TIOCSTI */, text('x')),
        };
      },
      { feature: 'dev.tty.legacy_tiocsti is 1' },
    ),
    prepared("change a terminal's settings", (a, s) => {
      const settings = new Uint8Array(64);
      a.must('ioctl', s.terminal, 0x5401 /* TCGETS */, settings);
      return { keep: [readOnly(s.terminal)], run: () => a.sys('ioctl', s.terminal, 0x5402 /* TCSETS */, settings) };
    }),
    prepared('have signals sent on its behalf (F_SETOWN)', (a, s) => ({
      keep: [readOnly(s.terminal)],
      run: () => a.sys('fcntl', s.terminal, 8, s.sibling),
    })),
    prepared('duplicate a descriptor', (a, s) => ({
      keep: [readOnly(s.fileDescriptor)],
      run: () => a.sys('dup', s.fileDescriptor),
    })),
    prepared('duplicate a descriptor onto another', (a, s) => ({
      keep: [readOnly(s.fileDescriptor)],
      run: () => a.sys('dup3', s.fileDescriptor, 60, 0),
    })),
    prepared('duplicate a descriptor by fcntl', (a, s) => ({
      keep: [readOnly(s.fileDescriptor)],
      run: () => a.sys('fcntl', s.fileDescriptor, 0 /* F_DUPFD */, 0),
    })),
    attempt('make a pipe', (a) => a.sys('pipe2', new Int32Array(2), 0)),
    attempt('make an eventfd', (a) => a.sys('eventfd2', 0, 0)),
    attempt('make an epoll', (a) => a.sys('epoll_create1', 0)),
    attempt('make a timerfd', (a) => a.sys('timerfd_create', 1, 0)),
    attempt('make a signalfd', (a) => a.sys('signalfd4', -1, new BigUint64Array(1), 8, 0)),
  ],
};

/** `struct file_handle` with room for MAX_HANDLE_SZ bytes. */
function fileHandle(): Uint8Array {
  const handle = new Uint8Array(8 + 128);
  handle[0] = 128;
  return handle;
}
