import { type Bytes, concat } from '../core/bytes.ts';
import { errnoText, O } from './constants.ts';
import { SystemError } from './errors.ts';
import type { Native } from './native.ts';

/**
 * What Bun reads from the environment at its start so that it has one thread and no memory that is writable and executable:
 * no JIT, no helper threads of the collector, and none that transpile (which only a checkout has). native/launch.c has the same list.
 */
export const RUNTIME_SETTINGS = {
  BUN_JSC_useJIT: '0',
  BUN_JSC_useConcurrentGC: '0',
  BUN_JSC_numberOfGCMarkers: '1',
  BUN_FEATURE_FLAG_DISABLE_ASYNC_TRANSPILER: '1',
  // Two address ranges that are writable from the start, at 64 MiB instead of 4 GiB and 1 GiB: a limit on memory counts them whole.
  BUN_JSC_structureHeapSizeInKB: '65536',
  MIMALLOC_ARENA_RESERVE: '65536',
} as const;

/** Variables that reach into a process from outside, by the beginning of their names. native/launch.c has the same list. */
const SCRUBBED = /^(?:BUN_|NODE_|LD_|MALLOC_|MIMALLOC_|JSC_|GLIBC_TUNABLES$|GCONV_PATH$)/;

/** Set by the restart below; never in the environment of anything else. */
const RESTARTED = 'TLSIFY_RESTARTED';

/** The process cannot be made to run as it must. Exit code 78. */
export class UnfitRuntime extends Error {
  override readonly name = 'UnfitRuntime';
}

/**
 * Called first of all: returns in a process that was started with {@link RUNTIME_SETTINGS}, and otherwise starts the same
 * program again, with the same arguments, in its place. Whether they worked, the sandbox finds out.
 * @throws UnfitRuntime when it was already started again, or cannot be; SystemError when execve fails.
 */
export function ensureSingleThreaded(native: Calls & Pick<Native, 'execute'>): void {
  const environment = startEnvironment(native);
  delete process.env[RESTARTED];
  const settings = Object.entries(RUNTIME_SETTINGS);
  if (settings.every(([name, value]) => environment[name] === value)) return;
  if (process.versions.bun === undefined) throw new UnfitRuntime('tlsify runs on Bun');
  if (environment[RESTARTED] !== undefined)
    throw new UnfitRuntime('the settings of the runtime do not survive a restart');
  const wanted = [...scrubEnvironment(environment), ...settings.map(([name, value]) => `${name}=${value}`)];
  const result = native.execute(process.execPath, commandLine(native), [...wanted, `${RESTARTED}=1`]);
  throw new SystemError(`cannot start ${process.execPath} again`, result);
}

/** The environment as `NAME=value` strings, without what could reach into another program's process, and without our own settings. */
export function scrubEnvironment(environment: Readonly<Record<string, string | undefined>>): string[] {
  const kept: string[] = [];
  for (const [name, value] of Object.entries(environment))
    if (value !== undefined && !SCRUBBED.test(name)) kept.push(`${name}=${value}`);
  return kept;
}

/** The environment that the runtime read its settings from. `process.env` may have more: Bun adds what an `.env` file says. */
function startEnvironment(native: Calls): Record<string, string> {
  const environment: Record<string, string> = Object.create(null);
  for (const variable of readStrings(native, '/proc/self/environ')) {
    const equals = variable.indexOf('=');
    if (equals > 0) environment[variable.slice(0, equals)] ??= variable.slice(equals + 1);
  }
  return environment;
}

/** The arguments as they were given. `process.argv` is not that: argv[0] may be the name of a link, and Bun has options of its own. */
function commandLine(native: Calls): string[] {
  return readStrings(native, '/proc/self/cmdline');
}

/** With these and not node:fs, which most runs need for nothing else: it takes 1 ms to load. */
type Calls = Pick<Native, 'openFile' | 'read' | 'close'>;

/** A file of /proc: strings, each with a NUL behind it. */
function readStrings(native: Calls, path: string): string[] {
  const parts: Bytes[] = [];
  const fd = native.openFile(path, O.RDONLY, 0);
  let count = fd;
  while (count >= 0) {
    const part = new Uint8Array(8192);
    count = native.read(fd, part, 0, part.length);
    if (count <= 0) break;
    parts.push(part.subarray(0, count));
  }
  if (fd >= 0) native.close(fd);
  if (count < 0) throw new UnfitRuntime(`cannot tell how the process was started: ${path}: ${errnoText(count)}`);
  return new TextDecoder()
    .decode(concat(...parts))
    .split('\0')
    .slice(0, -1);
}
