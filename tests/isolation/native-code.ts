import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

/** A number or bigint is itself, a typed array its address, null is 0. */
export type Word = number | bigint | Uint8Array | Int32Array | BigUint64Array | null;

/** What probe.c gives to the attacker: results are as the kernel's, `-errno` on failure. */
export interface NativeCode {
  call(number: number, ...words: Word[]): number;
  /** By the 32-bit entry of x86-64. */
  call32(number: number, ...words: Word[]): number;
  address(bytes: Word): bigint;
  /** The flags of clone(2); the new thread or process ends at once. */
  clone(flags: number): number;
  vfork(): number;
  /** Runs the machine code at that address, and returns what it returns. */
  jump(address: bigint): number;
}

const HERE = import.meta.dir;
const BUILD = resolve(HERE, '../../build/isolation');

/** Compiles probe.c. @returns where the module is. */
export function buildNativeCode(): string {
  mkdirSync(BUILD, { recursive: true });
  const headers: { readonly include_dir: string } = createRequire(import.meta.url)('node-api-headers');
  const output = resolve(BUILD, 'probe.node');
  cc(
    [
      '-Wall',
      '-Wextra',
      '-Werror',
      '-O1',
      '-fPIC',
      '-shared',
      '-DNAPI_VERSION=8',
      '-isystem',
      headers.include_dir,
    ].concat('-o', output, resolve(HERE, 'probe.c')),
  );
  return output;
}

export function loadNativeCode(path: string): NativeCode {
  const holder: { exports: unknown } = { exports: {} };
  process.dlopen(holder, path);
  return holder.exports as NativeCode;
}

/** The numbers of all system calls of this machine, by name: those of the C library's headers, and later ones, which all architectures share. */
export function systemCallNumbers(): ReadonlyMap<string, number> {
  const defined = new Map<string, string>();
  for (const [, name, value] of cc(['-E', '-dM', '-xc', '-include', 'asm/unistd.h', '/dev/null']).matchAll(
    /^#define __NR(\w+) (\w+)$/gm,
  ))
    defined.set(name as string, value as string);
  const numbers = new Map<string, number>(Object.entries(LATER_CALLS));
  for (const [name, value] of defined) {
    const number = Number(value.startsWith('__NR') ? defined.get(value.slice(4)) : value);
    if (name.startsWith('_') && Number.isInteger(number)) numbers.set(name.slice(1), number);
  }
  return numbers;
}

/** Since Linux 6.1, the headers of Debian 12. */
const LATER_CALLS = {
  cachestat: 451,
  fchmodat2: 452,
  map_shadow_stack: 453,
  futex_wake: 454,
  futex_wait: 455,
  futex_requeue: 456,
  statmount: 457,
  listmount: 458,
  lsm_get_self_attr: 459,
  lsm_set_self_attr: 460,
  lsm_list_modules: 461,
  mseal: 462,
  setxattrat: 463,
  getxattrat: 464,
  listxattrat: 465,
  removexattrat: 466,
  open_tree_attr: 467,
  file_getattr: 468,
  file_setattr: 469,
};

function cc(flags: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(process.env.CC ?? 'cc', flags, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cc failed: ${error?.message ?? stderr}`);
  return stdout;
}
