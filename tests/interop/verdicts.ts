import { expect } from 'bun:test';
import { anchors, verify } from '../support/verification.ts';
import { type DefectiveChain, defectiveChains } from './defective-chains.ts';

/** A way in which another implementation and we differ, and who is right by which paragraph: docs/verification.md has the words. */
export interface Disagreement {
  readonly they: 'accept' | 'refuse';
  /** One of the oddities of the chain, with its place. */
  readonly defect: RegExp;
  /** What the one that refuses says: theirs, or our `why`. */
  readonly says: RegExp;
}

/** The seed and how many: the same in each run; TLSIFY_VERDICTS and TLSIFY_VERDICTS_SEED for more, or other ones. */
const COUNT = Number(process.env.TLSIFY_VERDICTS ?? 600);
const SEED = Number(process.env.TLSIFY_VERDICTS_SEED ?? 20_261);

/**
 * Holds our verdict on random chains against theirs. Whatever differs must be of a known class, and each class must be met, so that none
 * outlives its reason.
 * @param judge `OK` or the reason, for each chain
 */
export function compareVerdicts(
  judge: (chains: readonly DefectiveChain[]) => readonly string[],
  known: Readonly<Record<string, Disagreement>>,
): void {
  const chains = defectiveChains(SEED, COUNT);
  const theirs = judge(chains);
  expect(theirs).toHaveLength(chains.length);
  const met = new Set<string>();
  const unknown: string[] = [];
  const verdicts = { accepted: 0, refused: 0 };
  for (const [index, chain] of chains.entries()) {
    const root = chain.path.at(-1);
    const ours = verify(chain.path.slice(0, -1), { anchors: anchors(...(root === undefined ? [] : [root])) });
    const says = theirs[index] as string;
    verdicts[ours.ok ? 'accepted' : 'refused']++;
    if (ours.ok === (says === 'OK')) continue;
    const they = ours.ok ? 'refuse' : 'accept';
    const reason = ours.ok ? says : ours.failure.why;
    const class_ = Object.entries(known).find(
      ([, each]) =>
        each.they === they && each.says.test(reason) && chain.defects.some((defect) => each.defect.test(defect)),
    );
    if (class_ === undefined) unknown.push(`they ${they} (${reason}): ${chain.defects.join(', ')}`);
    else met.add(class_[0]);
  }
  expect(unknown).toEqual([]);
  expect([...met].sort()).toEqual(Object.keys(known).sort());
  expect(Math.min(verdicts.accepted, verdicts.refused)).toBeGreaterThan(COUNT / 10);
}
