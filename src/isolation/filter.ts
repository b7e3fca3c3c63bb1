import type { Bytes } from '../core/bytes.ts';
import { ERRNO } from '../os/constants.ts';
import { AUDIT_ARCH, BpfProgram, type Label, label, SECCOMP_DATA, SECCOMP_RET } from './bpf.ts';
import { DESCRIPTOR_SLOTS, READ_SLOT, WRITE_SLOT } from './descriptor-slots.ts';
import type { Condition, Rule, Verdict } from './policy.ts';
import { type Architecture, NEWEST_SYSCALL, SYSCALLS } from './syscalls.ts';

/**
 * Compiles a policy for one architecture. Where the policy speaks of the descriptors of a process, the program has slots, which
 * are filled in for each process (see descriptor-slots.ts).
 *
 * System calls of any other ABI (32-bit, x32) kill. So does each one without a rule, or meets with `otherwise`, but for those that
 * are newer than the policy: they are refused with ENOSYS, as on an older kernel, for C libraries try such calls and fall back.
 */
export function compileFilter(policy: readonly Rule[], architecture: Architecture, otherwise: Verdict = 'kill'): Bytes {
  const program = new BpfProgram();
  const right = label();
  program.load(SECCOMP_DATA.arch).jumpIfEqual(AUDIT_ARCH[architecture], right, undefined);
  program.return(action('kill')).place(right);
  program.load(SECCOMP_DATA.nr);
  for (const rule of policy) appendRule(program, rule, architecture);

  const x32 = label();
  const newer = label();
  program.jumpIfAtLeast(X32_SYSCALL_BIT, x32, undefined);
  program.jumpIfAtLeast(NEWEST_SYSCALL + 1, newer, undefined);
  program.return(action(otherwise)).place(x32).return(action('kill'));
  program.place(newer).return(action('ENOSYS'));
  return program.finish();
}

/** Every x32 number has it; on arm64 no call has a number as large as this. */
const X32_SYSCALL_BIT = 0x40000000;

function appendRule(program: BpfProgram, rule: Rule, architecture: Architecture): void {
  const number = SYSCALLS[rule.call][architecture];
  if (number === null) return;
  const next = label();
  const failed = label();
  program.jumpIfEqual(number, undefined, next);
  for (const condition of rule.when ?? []) appendCondition(program, condition, failed);
  program.return(action(rule.verdict));
  if (rule.when !== undefined) program.place(failed).return(action(rule.otherwise ?? 'kill'));
  program.place(next);
}

/** Falls through when the condition holds. */
function appendCondition(program: BpfProgram, condition: Condition, failed: Label): void {
  const low = SECCOMP_DATA.argumentLow(condition.argument);
  const high = SECCOMP_DATA.argumentHigh(condition.argument);
  if ('within' in condition) {
    program.load(high).jumpIfEqual(0, undefined, failed);
    program.load(low).jumpIfAnyBit(~condition.within, failed, undefined);
  } else if ('has' in condition) {
    program.load(low).and(condition.has).jumpIfEqual(condition.has, undefined, failed);
  } else if ('lacks' in condition) {
    program.load(low).and(condition.lacks).jumpIfEqual(condition.lacks, failed, undefined);
  } else if ('is' in condition) {
    appendOneOf(program.load(low), condition.is, failed);
  } else {
    const slot = condition.descriptor === 'reads' ? READ_SLOT : WRITE_SLOT;
    appendOneOf(
      program.load(low),
      Array.from({ length: DESCRIPTOR_SLOTS }, (_, index) => slot + index),
      failed,
    );
  }
}

/** The values must not be none. */
function appendOneOf(program: BpfProgram, values: readonly number[], failed: Label): void {
  const found = label();
  const last = values.length - 1;
  for (const [index, value] of values.entries()) program.jumpIfEqual(value, found, index === last ? failed : undefined);
  program.place(found);
}

function action(verdict: Verdict): number {
  if (verdict === 'allow') return SECCOMP_RET.ALLOW;
  if (verdict === 'kill') return SECCOMP_RET.KILL_PROCESS;
  return SECCOMP_RET.ERRNO | ERRNO[verdict];
}
