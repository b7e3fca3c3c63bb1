import type { Condition, Rule, Verdict } from './policy.ts';

/** One row of the table of system calls, in words. */
export interface ExplainedCall {
  readonly call: string;
  /** `allowed`, `killed`, or the error that the call returns. */
  readonly verdict: string;
  /** What the arguments must be for it, and what becomes of the call with others. */
  readonly condition: string | undefined;
  readonly why: string;
}

/** What a policy lets a process ask of the kernel, in the order in which the filter looks. Whatever is not listed is its default. */
export function explainCalls(policy: readonly Rule[]): ExplainedCall[] {
  return policy.map((rule) => ({
    call: rule.call,
    verdict: verdictWord(rule.verdict),
    condition: conditionWords(rule),
    why: rule.why,
  }));
}

function verdictWord(verdict: Verdict): string {
  if (verdict === 'allow') return 'allowed';
  return verdict === 'kill' ? 'killed' : verdict;
}

function conditionWords({ when, otherwise }: Rule): string | undefined {
  if (when === undefined) return undefined;
  return `${when.map(conditionWord).join(', ')}; else ${verdictWord(otherwise ?? 'kill')}`;
}

function conditionWord(condition: Condition): string {
  if ('descriptor' in condition)
    return `a descriptor that it ${condition.descriptor === 'reads' ? 'may read' : 'may write'}`;
  const argument = `argument ${condition.argument + 1}`;
  if ('is' in condition) return `${argument} is one of ${condition.is.map(hexadecimal).join(' ')}`;
  if ('has' in condition) return `${argument} has ${hexadecimal(condition.has)}`;
  if ('lacks' in condition) return `${argument} has not all of ${hexadecimal(condition.lacks)}`;
  return condition.within === 0 ? `${argument} is 0` : `${argument} has no bits but ${hexadecimal(condition.within)}`;
}

function hexadecimal(value: number): string {
  return `0x${value.toString(16)}`;
}
