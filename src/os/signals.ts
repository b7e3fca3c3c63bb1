import { ERRNO, SIGNAL } from './constants.ts';
import { check, SystemError } from './errors.ts';
import type { Native } from './native.ts';

/** The names that {@link SIGNAL} has. */
export type SignalName = keyof typeof SIGNAL;

/**
 * Signals as input of the loop (signalfd(2)): blocked for this thread, and read from {@link fd} when poll says so. Meant for
 * processes of one thread: a signal for the whole process may be handled by another thread that does not block it. Those that are
 * ignored stay so: whoever started the process meant them to (nohup, and a shell for what runs in the background of a script).
 */
export class SignalDescriptor {
  readonly fd: number;
  readonly #native: Native;
  readonly #record = new Uint8Array(RECORD_BYTES);

  /** @throws SystemError */
  constructor(native: Native, names: readonly SignalName[]) {
    this.#native = native;
    const numbers = names.map((name) => SIGNAL[name]).filter((number) => native.signalIgnored(number) !== 1);
    this.fd = check('signalDescriptor', native.signalDescriptor(numbers));
  }

  /** The next signal that has come, or null. @throws SystemError */
  next(): SignalName | null {
    const length = this.#native.read(this.fd, this.#record, 0, RECORD_BYTES);
    if (length === -ERRNO.EAGAIN || length === -ERRNO.EINTR) return null;
    if (length !== RECORD_BYTES) throw new SystemError('read', length);
    // struct signalfd_siginfo begins with ssi_signo, 32 bits in the machine's order; signal numbers fit in its first byte.
    return (Object.keys(SIGNAL) as SignalName[]).find((name) => SIGNAL[name] === this.#record[0]) ?? null;
  }

  close(): void {
    this.#native.close(this.fd);
  }
}

/** sizeof (struct signalfd_siginfo) */
const RECORD_BYTES = 128;
