import type { Bytes } from '../core/bytes.ts';
import { BPF } from './bpf.ts';

/** A descriptor that stays open in the sandbox, and what may be done with it. */
export interface KeptDescriptor {
  readonly fd: number;
  readonly reads: boolean;
  readonly writes: boolean;
}

/** How many descriptors one process can read, and how many it can write. Each costs an instruction in some calls. */
export const DESCRIPTOR_SLOTS = 6;
/** Operands of comparisons that stand for the descriptors of a process until they are known: above all others. */
export const READ_SLOT = 0xffffff00;
export const WRITE_SLOT = 0xffffff80;
/** In a slot that stays empty. The kernel itself answers EBADF for it. */
const NO_DESCRIPTOR = 0xffffffff;

/**
 * Puts the descriptors of a process into a filter. They are part of the program because a number means the same file from then on,
 * until it is closed: nothing in the sandbox can duplicate a descriptor or make a new one.
 * @throws RangeError when there are more descriptors than slots
 */
export function fillDescriptorSlots(program: Bytes, descriptors: readonly KeptDescriptor[]): void {
  const reads: number[] = [];
  const writes: number[] = [];
  for (const { fd, reads: readable, writes: writable } of descriptors) {
    if (readable) reads.push(fd);
    if (writable) writes.push(fd);
  }
  if (reads.length > DESCRIPTOR_SLOTS || writes.length > DESCRIPTOR_SLOTS)
    throw new RangeError(`more than ${DESCRIPTOR_SLOTS} descriptors to read or to write`);
  const words = new Uint32Array(program.buffer, program.byteOffset, program.length / 4);
  for (let index = 1; index < words.length; index += 2) {
    const operand = words[index] as number;
    if (operand < READ_SLOT || ((words[index - 1] as number) & 0xff) !== BPF.JMP_JEQ_K) continue;
    if (operand >= WRITE_SLOT) words[index] = writes[operand - WRITE_SLOT] ?? NO_DESCRIPTOR;
    else words[index] = reads[operand - READ_SLOT] ?? NO_DESCRIPTOR;
  }
}
