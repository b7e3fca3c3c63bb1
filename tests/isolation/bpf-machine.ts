import { AUDIT_ARCH, BPF, SECCOMP_RET } from '../../src/isolation/bpf.ts';
import type { Verdict } from '../../src/isolation/policy.ts';
import { type Architecture, SYSCALLS, type SystemCall } from '../../src/isolation/syscalls.ts';
import { ERRNO } from '../../src/os/constants.ts';

/** A compiled filter, asked what it does with a call. */
export class Filter {
  readonly #program: Uint8Array;
  readonly #architecture: Architecture;

  constructor(program: Uint8Array, architecture: Architecture) {
    this.#program = program;
    this.#architecture = architecture;
  }

  call(name: SystemCall, ...values: (number | bigint)[]): Verdict {
    const number = SYSCALLS[name][this.#architecture];
    if (number === null) throw new Error(`${this.#architecture} has no ${name}`);
    return this.number(number, ...values);
  }

  number(number: number, ...values: (number | bigint)[]): Verdict {
    const call = { number, architecture: AUDIT_ARCH[this.#architecture], arguments: values.map(BigInt) };
    return verdictName(runFilter(this.#program, call));
  }

  foreign(architecture: number, number: number): Verdict {
    return verdictName(runFilter(this.#program, { number, architecture, arguments: [] }));
  }
}

function verdictName(action: number): Verdict {
  if (action === SECCOMP_RET.ALLOW) return 'allow';
  if (action === SECCOMP_RET.KILL_PROCESS) return 'kill';
  const [name] = Object.entries(ERRNO).find(([, number]) => action === (SECCOMP_RET.ERRNO | number)) ?? [];
  if (name === undefined) throw new Error(`action ${action.toString(16)}`);
  return name as Verdict;
}

/** What `struct seccomp_data` says of a system call. */
export interface SystemCallData {
  readonly number: number;
  readonly architecture: number;
  readonly arguments: readonly bigint[];
}

/**
 * Runs a seccomp filter as the kernel does, so that the filter of an architecture can be tested on another.
 * @returns the action that it decides on
 * @throws RangeError for a program that the kernel would not accept: an unknown instruction, or a path that does not end
 */
export function runFilter(program: Uint8Array, call: SystemCallData): number {
  const input = seccompData(call);
  const view = new DataView(program.buffer, program.byteOffset, program.length);
  let accumulator = 0;
  for (let at = 0; at < program.length; at += 8) {
    const code = view.getUint16(at, true);
    const operand = view.getUint32(at + 4, true);
    const taken = (condition: boolean): number => 8 * view.getUint8(condition ? at + 2 : at + 3);
    if (code === BPF.LD_W_ABS) accumulator = input.getUint32(operand, true);
    else if (code === BPF.ALU_AND_K) accumulator = (accumulator & operand) >>> 0;
    else if (code === BPF.JMP_JEQ_K) at += taken(accumulator === operand);
    else if (code === BPF.JMP_JGE_K) at += taken(accumulator >= operand);
    else if (code === BPF.JMP_JSET_K) at += taken((accumulator & operand) !== 0);
    else if (code === BPF.RET_K) return operand;
    else throw new RangeError(`instruction ${code.toString(16)} at ${at / 8}`);
  }
  throw new RangeError('the program runs past its end');
}

function seccompData(call: SystemCallData): DataView {
  const view = new DataView(new ArrayBuffer(64));
  view.setUint32(0, call.number, true);
  view.setUint32(4, call.architecture, true);
  for (const [index, value] of call.arguments.entries()) view.setBigUint64(16 + 8 * index, value, true);
  return view;
}
