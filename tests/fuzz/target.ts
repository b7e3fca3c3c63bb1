import type { Bytes } from '../../src/core/bytes.ts';
import type { Dice } from './mutate.ts';

/** Bytes from outside, and who must survive them. */
export interface Target {
  readonly seeds: readonly Bytes[];
  /** @throws only what the target is documented to throw for bad input; anything else is a finding. */
  readonly run: (input: Bytes) => void | Promise<void>;
  /** The runs of an ordinary test run; a connection costs a thousand times what a parser costs. */
  readonly runs: number;
  /** How inputs come of seeds, where changes of any byte would mostly be refused alike. */
  readonly mutate?: (seed: Bytes, other: Bytes, dice: Dice) => Bytes;
}
