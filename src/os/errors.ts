import { errnoName, errnoText } from './constants.ts';

/** A system call that failed where nothing else can be done about it. */
export class SystemError extends Error {
  override readonly name = 'SystemError';
  /** The name in {@link Native}. */
  readonly call: string;
  /** `-errno`. */
  readonly result: number;

  constructor(call: string, result: number) {
    super(`${call}: ${errnoText(result)}`);
    this.call = call;
    this.result = result;
  }

  /** `ECONNREFUSED` and the like. */
  get errno(): string {
    return errnoName(this.result);
  }
}

/** Passes a good result through. @throws SystemError for `-errno`. */
export function check(call: string, result: number): number {
  if (result < 0) throw new SystemError(call, result);
  return result;
}
