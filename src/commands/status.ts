import type { SessionFacts } from '../engine/connection.ts';
import type { Mechanism, SandboxLevel } from '../isolation/mechanisms.ts';
import { ERRNO } from '../os/constants.ts';
import type { Native } from '../os/native.ts';
import type { Backend } from './connect-options.ts';
import type { ExitCode } from './exit-codes.ts';
import { outcomeOf, proposedEchList, type RunFailure } from './failures.ts';

/**
 * What `--status-fd` receives: one JSON object a line. There is at most one `ready`, and one `failed` or `closed` is the last.
 * Members may be added in later versions; those here keep name and meaning.
 */
export type StatusLine = ReadyLine | FailedLine | ClosedLine;

/** The handshake is complete: from now on, data is exchanged. */
export interface ReadyLine extends SessionFacts {
  readonly event: 'ready';
  /** The address at the other end. */
  readonly address: string;
  /** The level that was asked for. */
  readonly sandbox: SandboxLevel;
  /** The parts of it that are not in force, because the user said that they may be missing. */
  readonly sandboxMissing: readonly Mechanism[];
  /** Who speaks TLS. */
  readonly backend: Backend;
}

/** The run is over, and not as it should be; the counts are there once the handshake was complete. */
export interface FailedLine extends Partial<ByteCounts> {
  readonly event: 'failed';
  readonly why: string;
  readonly kind: string;
  readonly detail?: string;
  readonly advice: string;
  readonly exit: ExitCode;
  /** Of `ech-rejected`: what to give to `--ech` instead; absent if the server proposes nothing, or more than LIMITS.echListShownBytes. */
  readonly echRetryConfigs?: string;
}

/** The run is over: both directions came to their end, or a signal ended it. */
export interface ClosedLine extends ByteCounts {
  readonly event: 'closed';
  /** The signal that ended the session, if one did. */
  readonly signal?: string;
  readonly exit: number;
}

interface ByteCounts {
  /** Plain bytes taken from the application. */
  readonly sentBytes: number;
  /** Plain bytes that the application took. */
  readonly receivedBytes: number;
}

/** The line for a failure, with the advice and the exit code that it has everywhere. */
export function failedLine(failure: RunFailure, counts?: ByteCounts): FailedLine {
  const { why, kind, detail } = failure;
  const { advice, exit } = outcomeOf(failure);
  const echRetryConfigs = proposedEchList(failure);
  return {
    event: 'failed',
    why,
    kind,
    ...(detail === undefined ? {} : { detail }),
    advice,
    exit,
    ...(echRetryConfigs === undefined ? {} : { echRetryConfigs }),
    ...counts,
  };
}

/** Writes status lines; a reader that is gone or does not read loses them, and holds nothing up. */
export class StatusWriter {
  readonly #native: Native;
  readonly #fd: number;

  constructor(native: Native, fd: number) {
    this.#native = native;
    this.#fd = fd;
  }

  write(line: StatusLine): void {
    const bytes = new TextEncoder().encode(`${JSON.stringify(line)}\n`);
    const count = this.#native.writeNoWait(this.#fd, bytes, 0, bytes.length);
    if (count === -ERRNO.EOPNOTSUPP) this.#native.write(this.#fd, bytes, 0, bytes.length);
  }
}
