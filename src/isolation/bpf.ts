import type { Bytes } from '../core/bytes.ts';

/**
 * An assembler for the classic BPF of seccomp(2): programs of `struct sock_filter` that look at a `struct seccomp_data` and
 * return what is to happen to the system call. Jumps go forward only, to labels, at most 255 instructions away.
 */
export class BpfProgram {
  readonly #words: number[] = [];

  /** Loads 32 bits of the seccomp_data into the accumulator. */
  load(offset: number): this {
    return this.#emit(BPF.LD_W_ABS, 0, 0, offset);
  }

  /** Keeps only the bits of `mask` in the accumulator. */
  and(mask: number): this {
    return this.#emit(BPF.ALU_AND_K, 0, 0, mask);
  }

  /** Continues at `yes` or `no`, or just below where that is undefined. */
  jumpIfEqual(value: number, yes: Label | undefined, no: Label | undefined): this {
    return this.#jump(BPF.JMP_JEQ_K, value, yes, no);
  }

  jumpIfAtLeast(value: number, yes: Label | undefined, no: Label | undefined): this {
    return this.#jump(BPF.JMP_JGE_K, value, yes, no);
  }

  /** `yes` if the accumulator has any of these bits. */
  jumpIfAnyBit(bits: number, yes: Label | undefined, no: Label | undefined): this {
    return this.#jump(BPF.JMP_JSET_K, bits, yes, no);
  }

  return(action: number): this {
    return this.#emit(BPF.RET_K, 0, 0, action);
  }

  /** Makes `label` mean the next instruction. */
  place(label: Label): this {
    const target = this.#words.length / 2;
    for (const { instruction, ifTrue } of label.uses) {
      const distance = target - instruction - 1;
      if (distance > 255) throw new RangeError(`a BPF jump over ${distance} instructions`);
      this.#words[2 * instruction] = (this.#words[2 * instruction] as number) | (distance << (ifTrue ? 16 : 24));
    }
    label.uses.length = 0;
    return this;
  }

  /** The program as an array of `struct sock_filter { __u16 code; __u8 jt, jf; __u32 k; }`, in the byte order of the machine. */
  finish(): Bytes {
    if (this.#words.length / 2 > BPF_MAXINSNS) throw new RangeError('a BPF program of more than 4096 instructions');
    return new Uint8Array(Uint32Array.from(this.#words).buffer);
  }

  #jump(code: number, value: number, yes: Label | undefined, no: Label | undefined): this {
    const instruction = this.#words.length / 2;
    yes?.uses.push({ instruction, ifTrue: true });
    no?.uses.push({ instruction, ifTrue: false });
    return this.#emit(code, 0, 0, value);
  }

  #emit(code: number, ifTrue: number, ifFalse: number, operand: number): this {
    this.#words.push(code | (ifTrue << 16) | (ifFalse << 24), operand >>> 0);
    return this;
  }
}

/** A place further down in one program. A jump to a label that is never placed falls through: {@link BpfProgram.place} each. */
export interface Label {
  readonly uses: { readonly instruction: number; readonly ifTrue: boolean }[];
}

/** A label that is not placed yet. */
export function label(): Label {
  return { uses: [] };
}

/** Offsets in `struct seccomp_data { int nr; __u32 arch; __u64 instruction_pointer; __u64 args[6]; }`, little-endian. */
export const SECCOMP_DATA = {
  nr: 0,
  arch: 4,
  argumentLow: (index: number): number => 16 + 8 * index,
  argumentHigh: (index: number): number => 20 + 8 * index,
} as const;

/** What a filter returns (include/uapi/linux/seccomp.h). */
export const SECCOMP_RET = {
  KILL_PROCESS: 0x80000000,
  /** Or the errno in the low 16 bits. */
  ERRNO: 0x00050000,
  ALLOW: 0x7fff0000,
} as const;

/** include/uapi/linux/audit.h */
export const AUDIT_ARCH = { x64: 0xc000003e, arm64: 0xc00000b7 } as const;

/** The instructions that there are here, as `sock_filter.code` (include/uapi/linux/bpf_common.h). */
export const BPF = {
  /** Load a 32-bit word of the input. */
  LD_W_ABS: 0x20,
  ALU_AND_K: 0x54,
  JMP_JEQ_K: 0x15,
  JMP_JGE_K: 0x35,
  JMP_JSET_K: 0x45,
  RET_K: 0x06,
} as const;
const BPF_MAXINSNS = 4096;
