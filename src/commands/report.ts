import type { SessionFacts } from '../engine/connection.ts';
import { SIGNAL } from '../os/constants.ts';
import type { Native } from '../os/native.ts';
import type { SessionEnd } from '../transport/session.ts';
import { EXIT } from './exit-codes.ts';
import { outcomeOf, type RunFailure } from './failures.ts';
import { failureMessage, insecureMessage } from './messages.ts';
import { failedLine, type ReadyLine, StatusWriter } from './status.ts';

/** Tells people (standard error) and programs (the status descriptor) how a run goes. */
export class Report {
  readonly #native: Native;
  readonly #quiet: boolean;
  readonly #peer: string;
  readonly #status: StatusWriter | undefined;

  /** @param peer what the user called the other side */
  constructor(native: Native, peer: string, quiet: boolean, statusFd: number | null) {
    this.#native = native;
    this.#peer = peer;
    this.#quiet = quiet;
    this.#status = statusFd === null ? undefined : new StatusWriter(native, statusFd);
  }

  /** Not to be silenced. */
  insecure(): void {
    this.#say(insecureMessage(this.#peer));
  }

  ready(
    facts: SessionFacts,
    surroundings: Pick<ReadyLine, 'address' | 'sandbox' | 'sandboxMissing' | 'backend'>,
  ): void {
    this.#status?.write({ event: 'ready', ...facts, ...surroundings });
  }

  /** @returns the exit code */
  failed(failure: RunFailure, counts?: { readonly sentBytes: number; readonly receivedBytes: number }): number {
    if (!this.#quiet) this.#say(failureMessage(failure, this.#peer));
    this.#status?.write(failedLine(failure, counts));
    return outcomeOf(failure).exit;
  }

  /** @returns the exit code */
  ended(end: SessionEnd, wasReady: boolean): number {
    const { sentBytes, receivedBytes } = end;
    const counts = { sentBytes, receivedBytes };
    switch (end.end) {
      case 'failed':
        return this.failed(end.failure, wasReady ? counts : undefined);
      case 'clean':
        this.#status?.write({ event: 'closed', ...counts, exit: EXIT.clean });
        return EXIT.clean;
      case 'signal':
        return this.interrupted(end.signal, counts);
    }
  }

  /** @returns the exit code */
  interrupted(
    signal: keyof typeof SIGNAL,
    counts: { readonly sentBytes: number; readonly receivedBytes: number },
  ): number {
    const exit = 128 + SIGNAL[signal];
    this.#status?.write({ event: 'closed', signal, ...counts, exit });
    return exit;
  }

  #say(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.#native.write(2, bytes, 0, bytes.length);
  }
}
