import type { Attacker } from '../attacker.ts';
import { text } from '../attacker.ts';

/** What another process of the same user may try on a confined one: to read secrets out of it, or to take it over. */
export interface OutsideAttempt {
  readonly name: string;
  readonly feature?: string;
  readonly run: (attacker: Attacker, process: number, secret: Uint8Array) => number;
}

const YAMA = { feature: 'kernel.yama.ptrace_scope is 0' };

export const OUTSIDE = {
  title: 'From outside, by a process of the same user',
  attempts: [
    {
      name: 'read its memory',
      ...YAMA,
      run: (a, process, secret) => {
        const local = new Uint8Array(8);
        return a.sys('process_vm_readv', process, a.structure(local, 8), 1, a.structure(secret, 8), 1, 0);
      },
    },
    { name: 'open its memory in /proc', ...YAMA, run: (a, process) => a.open(`/proc/${process}/mem`, 2) },
    { name: 'read its environment in /proc', run: (a, process) => a.open(`/proc/${process}/environ`, 0) },
    { name: 'open its files in /proc', run: (a, process) => a.open(`/proc/${process}/fd`, 0) },
    { name: 'trace it', ...YAMA, run: (a, process) => a.sys('ptrace', 0x4206 /* PTRACE_SEIZE */, process, 0, 0) },
    {
      name: 'take a descriptor from it',
      ...YAMA,
      run: (a, process) => {
        const handle = a.sys('pidfd_open', process, 0);
        return handle < 0 ? handle : a.sys('pidfd_getfd', handle, 2, 0);
      },
    },
    { name: 'join its namespaces', run: (a, process) => a.open(`/proc/${process}/ns/net`, 0), ...YAMA },
    { name: 'enter its root directory', run: (a, process) => a.sys('chdir', text(`/proc/${process}/root`)), ...YAMA },
  ] satisfies OutsideAttempt[] as readonly OutsideAttempt[],
};
