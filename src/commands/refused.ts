import type { RunFailure } from './failures.ts';

/** Ends a run for a reason that has a code. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly failure: RunFailure;

  constructor(failure: RunFailure) {
    super(failure.why);
    this.failure = failure;
  }
}
