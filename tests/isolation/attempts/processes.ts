import { AT_FDCWD, type Attacker, text } from '../attacker.ts';
import { type AttemptGroup, attempt, EXEC_SUCCEEDED, prepared, readOnly } from '../attempt.ts';
import { type Scene, SECRET } from '../scene.ts';

const SIGCHLD = 17;
const SIGCONT = 18;
/** CLONE_VM, FS, FILES, SIGHAND, THREAD, SYSVSEM */
const THREAD = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000;
const AT_EMPTY_PATH = 0x1000;
const PTRACE_TRACEME = 0;
const PTRACE_SEIZE = 0x4206;
const YAMA = 'kernel.yama.ptrace_scope is 0';

function shell(attacker: Attacker): [argv: BigUint64Array, environment: BigUint64Array] {
  return [attacker.structure(text('sh'), text('-c'), text(`exit ${EXEC_SUCCEEDED}`), null), attacker.structure(null)];
}

/** A child that ends at once. */
function childEnds(attacker: Attacker, pid: number): number {
  return pid === 0 ? attacker.sys('exit_group', 0) : pid;
}

/** Copies between its own memory and that of the sibling. */
function copyMemory(attacker: Attacker, scene: Scene, call: string, local: Uint8Array): number {
  const here = attacker.structure(local, SECRET.length);
  const there = attacker.structure(scene.secret, SECRET.length);
  return attacker.sys(call, scene.sibling, here, 1, there, 1, 0);
}

export const PROCESSES: AttemptGroup = {
  title: 'Processes, threads and programs',
  attempts: [
    attempt('exec a program', (a) => a.sys('execve', text('/bin/sh'), ...shell(a))),
    prepared('exec a program that is open', (a) => {
      const program = a.must('openat', AT_FDCWD, text('/bin/sh'), 0, 0);
      return {
        keep: [readOnly(program)],
        run: () => a.sys('execveat', program, text(''), ...shell(a), AT_EMPTY_PATH),
      };
    }),
    attempt('exec a file made in memory', (a) => {
      const file = a.sys('memfd_create', text('x'), 0);
      if (file < 0) return file;
      const script = new TextEncoder().encode(`#!/bin/sh\nexit ${EXEC_SUCCEEDED}\n`);
      a.sys('write', file, script, script.length);
      return a.sys('execveat', file, text(''), ...shell(a), AT_EMPTY_PATH);
    }),
    attempt('fork', (a) => childEnds(a, a.sys('clone', SIGCHLD, 0, 0, 0, 0))),
    attempt('fork by clone3', (a) => childEnds(a, a.sys('clone3', a.structure(0, 0, 0, 0, SIGCHLD, 0, 0, 0), 64))),
    attempt('vfork', (a) => a.code.vfork()),
    attempt('make a thread', (a) => a.code.clone(THREAD)),
    attempt('trace a process', (a, s) => a.sys('ptrace', PTRACE_SEIZE, s.sibling, 0, 0), { feature: YAMA }),
    attempt('be traced by its parent', (a) => a.sys('ptrace', PTRACE_TRACEME, 0, 0, 0)),
    attempt(
      "read a process's memory",
      (a, s) => {
        const local = new Uint8Array(64);
        const result = copyMemory(a, s, 'process_vm_readv', local);
        return result < 0 || new TextDecoder().decode(local.subarray(0, SECRET.length)) === SECRET ? result : -1;
      },
      { feature: YAMA },
    ),
    attempt("write a process's memory", (a, s) => copyMemory(a, s, 'process_vm_writev', text(SECRET)), {
      feature: YAMA,
    }),
    attempt("open a process's memory in /proc", (a, s) => a.open(`/proc/${s.sibling}/mem`, 0), { feature: YAMA }),
    attempt(
      "advise on a process's memory",
      (a, s) => {
        const process = a.sys('pidfd_open', s.sibling, 0);
        if (process < 0) return process;
        return a.sys('process_madvise', process, a.structure(0x10000, 0), 1, 20 /* MADV_COLD */, 0);
      },
      { feature: 'kernel.yama.ptrace_scope is 0, and CAP_SYS_NICE' },
    ),
    attempt("move a process's pages", (a, s) => a.sys('move_pages', s.sibling, 0, null, null, null, 0), {
      feature: 'CONFIG_MIGRATION',
    }),
    attempt('compare with a process (kcmp)', (a, s) => a.sys('kcmp', s.sibling, s.sibling, 1, 0, 0), { feature: YAMA }),
    attempt('signal a process', (a, s) => a.sys('kill', s.sibling, SIGCONT)),
    attempt('see whether a process is there', (a, s) => a.sys('kill', s.sibling, 0)),
    prepared('signal its parent', (a) => {
      const parent = a.must('getppid');
      return { run: () => a.sys('kill', parent, SIGCONT) };
    }),
    attempt('signal its process group', (a) => a.sys('kill', 0, 0)),
    prepared('signal itself', (a) => {
      const self = a.must('getpid');
      return { run: () => a.sys('kill', self, SIGCONT) };
    }),
    attempt('signal a thread (tkill)', (a, s) => a.sys('tkill', s.sibling, SIGCONT)),
    attempt('signal a thread (tgkill)', (a, s) => a.sys('tgkill', s.sibling, s.sibling, SIGCONT)),
    attempt('queue a signal', (a, s) => {
      const information = Int32Array.from({ length: 32 }, (_, index) => (index === 2 ? -1 /* SI_QUEUE */ : 0));
      return a.sys('rt_sigqueueinfo', s.sibling, SIGCONT, information);
    }),
    attempt('get a handle on a process', (a, s) => a.sys('pidfd_open', s.sibling, 0)),
    prepared('signal a process by a handle that it has', (a, s) => {
      const process = a.must('pidfd_open', s.sibling, 0);
      return { keep: [readOnly(process)], run: () => a.sys('pidfd_send_signal', process, SIGCONT, null, 0) };
    }),
    prepared(
      "take a process's descriptor",
      (a, s) => {
        const process = a.must('pidfd_open', s.sibling, 0);
        return { keep: [readOnly(process)], run: () => a.sys('pidfd_getfd', process, s.fileDescriptor, 0) };
      },
      { feature: YAMA },
    ),
    attempt("read a process's limits", (a, s) => a.sys('prlimit64', s.sibling, 7, null, new Uint8Array(16))),
    attempt("change a process's priority", (a, s) => a.sys('setpriority', 0, s.sibling, 19)),
    attempt("change a process's scheduling", (a, s) => a.sys('sched_setscheduler', s.sibling, 3, new Int32Array(1))),
    attempt("change a process's processors", (a, s) => {
      const processors = new Uint8Array(128).fill(255);
      return a.sys('sched_setaffinity', s.sibling, processors.length, processors);
    }),
    attempt("change a process's I/O priority", (a, s) => a.sys('ioprio_set', 1, s.sibling, (2 << 13) | 7)),
    attempt(
      "see a process's robust futexes",
      (a, s) => a.sys('get_robust_list', s.sibling, new BigUint64Array(1), new BigUint64Array(1)),
      { feature: YAMA },
    ),
    attempt("read another process's CPU clock", (a, s) =>
      a.sys('clock_gettime', (~s.sibling << 3) | 2, new BigUint64Array(2)),
    ),
    attempt('leave its session', (a) => a.sys('setsid')),
    attempt('leave its process group', (a) => a.sys('setpgid', 0, 0)),
    attempt(
      'join a namespace',
      (a) => {
        const namespace = a.open('/proc/self/ns/uts', 0);
        return namespace < 0 ? namespace : a.sys('setns', namespace, 0);
      },
      { capability: 'CAP_SYS_ADMIN' },
    ),
    prepared(
      'join a namespace that it has open',
      (a) => {
        const namespace = a.open('/proc/self/ns/uts', 0);
        return { keep: [readOnly(namespace)], run: () => a.sys('setns', namespace, 0) };
      },
      { capability: 'CAP_SYS_ADMIN' },
    ),
    attempt('make a user namespace', (a) => a.sys('unshare', 0x10000000), { feature: 'user namespaces for users' }),
    attempt('make a network namespace', (a) => a.sys('unshare', 0x40000000), { capability: 'CAP_SYS_ADMIN' }),
  ],
};
