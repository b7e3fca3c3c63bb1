/** A system call of the sandbox that the kernel refused. */
export interface Refusal {
  readonly call: string;
  /** Positive. */
  readonly errno: number;
}

/** @returns nothing when the call succeeded. */
export function refusal(call: string, result: number): Refusal | undefined {
  return result < 0 ? { call, errno: -result } : undefined;
}
