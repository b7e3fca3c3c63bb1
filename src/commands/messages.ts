import { outcomeOf, type RunFailure } from './failures.ts';
import type { UsageError } from './options.ts';

/** All that is said to people begins with this. */
const PREFIX = 'tlsify: ';

/** Two lines: what happened and to whom, and what to do. @param peer as the user named it, if there was one */
export function failureMessage(failure: RunFailure, peer: string | undefined): string {
  const { says, advice } = outcomeOf(failure);
  const detail = failure.detail === undefined ? '' : ` (${failure.detail})`;
  return lines(`${peer === undefined ? '' : `${peer}: `}${says}${detail}`, advice);
}

/** One line, and a second with the fix where there is one. */
export function usageMessage(error: UsageError, command: string): string {
  const { fix } = error;
  return lines(error.message, fix?.startsWith('tlsify ') ? `try: ${fix}` : (fix ?? `see \`${command} --help\``));
}

/** What `--insecure-no-verify` costs, said each time. */
export function insecureMessage(peer: string): string {
  return lines(`WARNING: ${peer} is not verified (--insecure-no-verify): anybody may be at the other end`);
}

/** What was to be printed is lost. */
export function outputMessage({ message }: Error): string {
  return lines(message);
}

/** For what should not happen. */
export function internalMessage(error: unknown): string {
  return lines(`internal error: ${errorText(error)}`, 'please report it, with the command');
}

/** The text of the error, never its stack: that is for a debugger. */
export function errorText(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** Whatever a text is made of (a path, an argument, what the system said), the terminal is not told anything by it. */
function lines(...texts: readonly string[]): string {
  return texts.map((text) => `${PREFIX}${text.replace(UNPRINTABLE, '?')}\n`).join('');
}

/** Control characters, and those that hide or turn around what follows. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
