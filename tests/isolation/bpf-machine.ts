import { BPF } from '../../src/isolation/bpf.ts';

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
