import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { type AnchorIndex, decodeIndex, encodeIndex, hashSubject } from './anchor-index.ts';
import type { Source } from './sources.ts';

/** Thousands of CAs, with their paths, fit. */
const INDEX_BYTES = 1024 * 1024;
/** Sets of sources that are worth a place in the cache, and how long one keeps it that nobody reads. */
const INDEXES_KEPT = 32;
const UNUSED_MS = 30 * 24 * 3600 * 1000;

/** The user's own: `$XDG_CACHE_HOME/tlsify`, `~/.cache/tlsify`, or null where the environment names neither. */
export function cacheFolder(environment: Readonly<Record<string, string | undefined>>): string | null {
  const { XDG_CACHE_HOME: cache, HOME: home } = environment;
  if (cache?.startsWith('/')) return `${cache}/tlsify`;
  return home?.startsWith('/') ? `${home}/.cache/tlsify` : null;
}

/** The cached index of exactly these sources, or undefined: a cache never fails, it only helps or does not. */
export function readIndex(folder: string, sources: readonly Source[]): AnchorIndex | undefined {
  let fd: number | undefined;
  try {
    if (!isOursAlone(lstatSync(folder))) return undefined;
    fd = openSync(indexPath(folder, sources), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const status = fstatSync(fd);
    if (!status.isFile() || !isOursAlone(status) || status.size > INDEX_BYTES) return undefined;
    const file = Buffer.alloc(status.size);
    return readSync(fd, file, 0, file.length, 0) === file.length ? decodeIndex(file, sources) : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/**
 * Writes a new file and puts it in the place of the old one, and drops those that are not used any more. A folder or disk that does not want it is left in peace, and so is one
 * in the place of another user, whose links would decide where ours are made (root with a HOME that it kept).
 */
export function writeIndex(folder: string, sources: readonly Source[], index: AnchorIndex): void {
  const path = indexPath(folder, sources);
  const temporary = `${path}.${process.pid}`;
  const file = encodeIndex(index, sources);
  if (file.length > INDEX_BYTES) return;
  try {
    if (!isBelowOurs(folder)) return;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!isOursAlone(lstatSync(folder))) return;
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const fd = openSync(temporary, flags, 0o600);
    try {
      if (writeSync(fd, file) === file.length) renameSync(temporary, path);
    } finally {
      closeSync(fd);
    }
    dropUnused(folder);
  } catch {
    // As above. What is left of an attempt would stop the next one of the same process id.
    try {
      unlinkSync(temporary);
    } catch {}
  }
}

/**
 * Who is reading one of them keeps it open, and who wants one that is gone makes it anew. The system notes a reading once a day at
 * most, or never (noatime).
 */
function dropUnused(folder: string): void {
  const used = readdirSync(folder)
    .filter((name) => /^anchors-[0-9a-f]{8}(?:\.\d+)?$/.test(name))
    .flatMap((name) => {
      const path = `${folder}/${name}`;
      const status = lstatSync(path, { throwIfNoEntry: false });
      return status === undefined ? [] : [{ path, atMs: Math.max(status.atimeMs, status.mtimeMs) }];
    })
    .sort((a, b) => b.atMs - a.atMs);
  const oldestMs = Date.now() - UNUSED_MS;
  for (const [index, { path, atMs }] of used.entries()) {
    if (index < INDEXES_KEPT && atMs > oldestMs) continue;
    try {
      unlinkSync(path);
    } catch {
      // Another process was faster.
    }
  }
}

/** One file for each set of sources; two sets of the same hash take turns. */
function indexPath(folder: string, sources: readonly Source[]): string {
  const name = hashSubject(Buffer.from(sources.map(({ path }) => path).join('\n'))).toString(16);
  return `${folder}/anchors-${name.padStart(8, '0')}`;
}

/** Whether the nearest that there is of the folder and those above it belongs to this user, as a link and as what it leads to. */
function isBelowOurs(folder: string): boolean {
  const user = process.geteuid?.();
  for (let path = folder; path !== ''; path = path.slice(0, path.lastIndexOf('/'))) {
    const status = lstatSync(path, { throwIfNoEntry: false });
    if (status !== undefined) return status.uid === user && statSync(path).uid === user;
  }
  return false;
}

/** A folder or file of this user, which nobody else may write: else its contents are not ours to use, nor its place. */
function isOursAlone(status: { readonly uid: number; readonly mode: number }): boolean {
  return status.uid === process.geteuid?.() && (status.mode & 0o022) === 0;
}
