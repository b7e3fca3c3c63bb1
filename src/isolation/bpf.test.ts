import { describe, expect, test } from 'bun:test';
import { runFilter } from '../../tests/isolation/bpf-machine.ts';
import { BpfProgram, label, SECCOMP_DATA } from './bpf.ts';

function run(program: BpfProgram, number: number): number {
  return runFilter(program.finish(), { number, architecture: 0, arguments: [] });
}

describe('the assembler', () => {
  test('encodes struct sock_filter', () => {
    const program = new BpfProgram().load(4).return(0x7fff0000).finish();
    expect(program.toHex()).toBe('2000000004000000060000000000ff7f');
  });

  test('jumps forward to a label from several places, and falls through without one', () => {
    const other = label();
    const program = new BpfProgram()
      .load(SECCOMP_DATA.nr)
      .jumpIfEqual(1, undefined, other)
      .return(100)
      .place(other)
      .return(200);
    expect([0, 1, 2].map((number) => run(program, number))).toEqual([200, 100, 200]);
  });

  test('compares unsigned', () => {
    const large = label();
    const program = new BpfProgram()
      .load(SECCOMP_DATA.nr)
      .jumpIfAtLeast(0x80000000, large, undefined)
      .return(1)
      .place(large)
      .return(2);
    expect([0, 0x7fffffff, 0x80000000, 0xffffffff].map((number) => run(program, number))).toEqual([1, 1, 2, 2]);
  });

  test('tests and masks bits', () => {
    const some = label();
    const program = new BpfProgram()
      .load(SECCOMP_DATA.nr)
      .and(0xf0)
      .jumpIfAnyBit(0x1f, some, undefined)
      .return(1)
      .place(some)
      .return(2);
    expect([0x0f, 0x10, 0xe0].map((number) => run(program, number))).toEqual([1, 2, 1]);
  });

  test('refuses a jump that does not fit, and a program that the kernel would', () => {
    const far = label();
    const program = new BpfProgram().jumpIfEqual(0, far, undefined);
    for (let index = 0; index < 256; index++) program.return(0);
    expect(() => program.place(far)).toThrow(RangeError);

    const long = new BpfProgram();
    for (let index = 0; index < 4097; index++) long.return(0);
    expect(() => long.finish()).toThrow(RangeError);
  });
});
