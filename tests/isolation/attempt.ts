import type { KeptDescriptor } from '../../src/isolation/descriptor-slots.ts';
import type { Attacker } from './attacker.ts';
import type { Scene } from './scene.ts';

/** One way to reach out of a process. It counts only if it succeeds in a process that is not confined. */
export interface Attempt {
  readonly name: string;
  /** What it needs to succeed outside: a user has no capability, and the root of a container not all of them. */
  readonly capability?: Capability;
  /** What a kernel, its configuration or a container may lack for it. */
  readonly feature?: string;
  /** Runs in the process that makes the attempt, before it is confined. */
  readonly prepare: (attacker: Attacker, scene: Scene) => Prepared;
}

export interface Prepared {
  /** Descriptors on the process's own list: what it may use is up to the attempt. */
  readonly keep?: readonly KeptDescriptor[];
  /** After the process is confined. @returns a negative number when it was denied. */
  readonly run: () => number;
}

export interface AttemptGroup {
  readonly title: string;
  readonly attempts: readonly Attempt[];
}

/** Numbers of capabilities(7). */
export const CAPABILITY = {
  CAP_DAC_READ_SEARCH: 2,
  CAP_SETGID: 6,
  CAP_NET_RAW: 13,
  CAP_SYS_RAWIO: 17,
  CAP_SYS_CHROOT: 18,
  CAP_SYS_ADMIN: 21,
  CAP_BPF: 39,
} as const;
export type Capability = keyof typeof CAPABILITY;

type Needs = Pick<Attempt, 'capability' | 'feature'>;

/** Without a preparation. */
export function attempt(name: string, run: (attacker: Attacker, scene: Scene) => number, needs: Needs = {}): Attempt {
  return { name, ...needs, prepare: (attacker, scene) => ({ run: () => run(attacker, scene) }) };
}

export function prepared(name: string, prepare: Attempt['prepare'], needs: Needs = {}): Attempt {
  return { name, ...needs, prepare };
}

/** What a process exits with that was started by an exec from inside. */
export const EXEC_SUCCEEDED = 42;

export function readOnly(fd: number): KeptDescriptor {
  return { fd, reads: true, writes: false };
}

export function writeOnly(fd: number): KeptDescriptor {
  return { fd, reads: false, writes: true };
}

export function readWrite(fd: number): KeptDescriptor {
  return { fd, reads: true, writes: true };
}
