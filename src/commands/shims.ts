import { lstatSync, mkdirSync, readlinkSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isCompiled } from '../os/load.ts';
import { printable, UsageError } from './options.ts';

/** The names that tlsify answers to, besides its own. */
export const SHIM_NAMES = ['openssl', 'ssl_client'] as const;

/** One of {@link SHIM_NAMES}. */
export type ShimName = (typeof SHIM_NAMES)[number];

/**
 * `tlsify shims DIR`: links in DIR, by those names, to `launcher`. What is there already is never replaced.
 * @returns what to print
 * @throws UsageError
 */
export function writeShims(argv: readonly string[], launcher: string): string {
  const [folder, ...more] = argv;
  if (folder === undefined || folder.startsWith('-') || more.length > 0)
    throw new UsageError('one folder is needed', 'tlsify shims DIR');
  const done: string[] = [];
  try {
    mkdirSync(folder, { recursive: true });
    for (const name of SHIM_NAMES) done.push(link(join(folder, name), launcher));
  } catch (error) {
    if (error instanceof UsageError || !(error instanceof Error)) throw error;
    throw new UsageError(`${printable(folder)}: ${error.message}`, 'name a folder that you may write to');
  }
  return `${done.join('\n')}\nPut the folder first in the PATH of a program, and what it calls by these names is tlsify:\n  PATH=${resolve(folder)}:$PATH\n`;
}

function link(path: string, launcher: string): string {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) symlinkSync(launcher, path);
  else if (!status.isSymbolicLink() || readlinkSync(path) !== launcher)
    throw new UsageError(
      `${printable(path)} is there already, and is not this link`,
      'name another folder, or remove it',
    );
  return `${path} -> ${launcher}`;
}

/** The program that the links lead to: the launcher of what runs now. */
export function launcherPath(): string {
  return isCompiled() ? join(dirname(process.execPath), 'tlsify') : join(import.meta.dirname, '../../bin/tlsify');
}
