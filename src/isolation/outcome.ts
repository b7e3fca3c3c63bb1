/** What became of one step of the sandbox: nothing to say, in force with a shortfall, or refused. */
export type Outcome = Refusal | Shortfall | undefined;

/** A system call that the kernel refused. */
export interface Refusal {
  readonly call: string;
  /** Positive. */
  readonly errno: number;
}

/** What this kernel is too old for, so that the filter alone does it. */
export interface Shortfall {
  readonly shortfall: string;
}

/** @returns nothing when the call succeeded. */
export function refusal(call: string, result: number): Refusal | undefined {
  return result < 0 ? { call, errno: -result } : undefined;
}
