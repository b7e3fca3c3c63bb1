import { type Attacker, text } from '../attacker.ts';
import { type AttemptGroup, attempt, prepared, readOnly } from '../attempt.ts';

const READ_WRITE = 3;
const READ_EXECUTE = 5;
const PRIVATE_ANONYMOUS = 0x22;
const SHARED_ANONYMOUS = 0x21;
const PAGE = 65536; // a multiple of every page size

/** A function that returns 42. */
const CODE: Readonly<Record<string, readonly number[]>> = {
  x64: [0xb8, 42, 0, 0, 0, 0xc3],
  arm64: [0x40, 0x05, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6],
};

function anonymous(attacker: Attacker, protection: number, flags = PRIVATE_ANONYMOUS, length = PAGE): number {
  return attacker.sys('mmap', 0, length, protection, flags, -1, 0);
}

/** A page with machine code in it that is data as yet. */
function codePage(attacker: Attacker): { readonly keep: []; readonly page: number } {
  const page = attacker.must('mmap', 0, PAGE, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0);
  const code = Uint8Array.from(CODE[process.arch] ?? []);
  const self = attacker.must('getpid');
  const here = attacker.structure(code, code.length);
  attacker.must('process_vm_writev', self, here, 1, attacker.structure(page, code.length), 1, 0);
  return { keep: [], page };
}

function runCode(attacker: Attacker, page: number, protected_: number): number {
  return protected_ < 0 ? protected_ : attacker.code.jump(BigInt(page));
}

export const MEMORY: AttemptGroup = {
  title: 'Memory',
  attempts: [
    attempt('map memory that is writable and executable', (a) => anonymous(a, 7)),
    attempt('map memory that is executable', (a) => anonymous(a, READ_EXECUTE)),
    prepared('make memory executable and run it (mprotect)', (a) => {
      const { page } = codePage(a);
      return { run: () => runCode(a, page, a.sys('mprotect', page, PAGE, READ_EXECUTE)) };
    }),
    prepared('make memory executable and run it (pkey_mprotect)', (a) => {
      const { page } = codePage(a);
      return { run: () => runCode(a, page, a.sys('pkey_mprotect', page, PAGE, READ_EXECUTE, -1)) };
    }),
    prepared('map a file that it has as executable', (a) => {
      const program = a.open('/bin/sh', 0);
      return {
        keep: [readOnly(program)],
        run: () => a.sys('mmap', 0, PAGE, READ_EXECUTE, 2 /* MAP_PRIVATE */, program, 0),
      };
    }),
    attempt('map a file made in memory as executable', (a) => {
      const file = a.sys('memfd_create', text('x'), 0);
      return file < 0 ? file : a.sys('mmap', 0, PAGE, READ_EXECUTE, 2, file, 0);
    }),
    attempt('attach shared memory as executable', (a, s) => a.sys('shmat', s.sharedMemory, 0, 0o100000 /* SHM_EXEC */)),
    attempt('have all that is readable be executable', (a) => a.sys('personality', 0x400000 /* READ_IMPLIES_EXEC */)),
    attempt('map memory that is shared', (a) => anonymous(a, READ_WRITE, SHARED_ANONYMOUS)),
    prepared('map a file that it has', (a, s) => ({
      keep: [readOnly(s.fileDescriptor)],
      run: () => a.sys('mmap', 0, PAGE, 1, 2, s.fileDescriptor, 0),
    })),
    prepared('map over memory at an address of its choice', (a) => {
      const page = anonymous(a, READ_WRITE);
      return { run: () => a.sys('mmap', page, PAGE, READ_WRITE, PRIVATE_ANONYMOUS | 0x10 /* MAP_FIXED */, -1, 0) };
    }),
    prepared('move memory', (a) => {
      const page = anonymous(a, READ_WRITE);
      return { run: () => a.sys('mremap', page, PAGE, 2 * PAGE, 1 /* MREMAP_MAYMOVE */, 0) };
    }),
    prepared('give the kernel advice that the runtime never gives', (a) => {
      const page = anonymous(a, READ_WRITE);
      return { run: () => a.sys('madvise', page, PAGE, 2 /* MADV_SEQUENTIAL */) };
    }),
    attempt('get a protection key', (a) => a.sys('pkey_alloc', 0, 0), { feature: 'memory protection keys' }),
    prepared('lock memory', (a) => {
      const page = anonymous(a, READ_WRITE);
      return { run: () => a.sys('mlock', page, PAGE) };
    }),
    attempt('map a gigabyte', (a) => anonymous(a, READ_WRITE, PRIVATE_ANONYMOUS, 2 ** 30)),
    attempt('handle page faults in user space', (a) => a.sys('userfaultfd', 1), { feature: 'CONFIG_USERFAULTFD' }),
    attempt('make shared memory', (a) => a.sys('shmget', 0, PAGE, 0o600)),
    attempt('attach shared memory', (a, s) => a.sys('shmat', s.sharedMemory, 0, 0)),
    attempt('make a message queue', (a) => a.sys('msgget', 0, 0o600)),
    attempt('send to a message queue', (a, s) => a.sys('msgsnd', s.messageQueue, a.structure(1, 0), 0, 0o4000)),
    attempt('make semaphores', (a) => a.sys('semget', 0, 1, 0o600)),
    attempt('change a semaphore', (a, s) => a.sys('semop', s.semaphores, Uint8Array.of(0, 0, 1, 0, 0, 0), 1)),
    attempt(
      'open a POSIX message queue',
      (a) => {
        const name = text('tlsify-probe');
        const queue = a.sys('mq_open', name, 0o100, 0o600, null);
        if (queue >= 0) a.sys('mq_unlink', name);
        return queue;
      },
      { feature: 'CONFIG_POSIX_MQUEUE' },
    ),
  ],
};
