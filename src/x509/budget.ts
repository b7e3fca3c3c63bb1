import { TlsError } from '../core/failures.ts';
import { LIMITS } from '../core/limits.ts';

/** What one verification may still spend: whoever sends a chain decides how much there is to try (CVE-2018-16875, CVE-2024-0567). */
export class Budget {
  #steps: number = LIMITS.pathSteps;
  #signatures: number = LIMITS.pathSignatures;
  #comparisons: number = LIMITS.nameComparisons;

  /** One candidate issuer for one certificate. */
  step(): void {
    if (--this.#steps < 0) exhausted(`more than ${LIMITS.pathSteps} ways to combine its certificates`);
  }

  checkSignature(): void {
    if (--this.#signatures < 0) exhausted(`more than ${LIMITS.pathSignatures} signatures to check`);
  }

  compareNames(count: number): void {
    this.#comparisons -= count;
    if (this.#comparisons < 0) exhausted(`more than ${LIMITS.nameComparisons} names to compare with constraints`);
  }
}

function exhausted(what: string): never {
  throw new TlsError('certificate-budget-exhausted', `the chain has ${what}`);
}
