import { readdirSync, readFileSync } from 'node:fs';
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
 * program again, with the same arguments, in its place. The threads themselves are counted by {@link assertSingleThreaded}.
 * @throws UnfitRuntime when it was already started again, or cannot be; SystemError when execve fails.
 */
export function ensureSingleThreaded(native: Pick<Native, 'execute'>): void {
  const environment = startEnvironment();
  delete process.env[RESTARTED];
  const settings = Object.entries(RUNTIME_SETTINGS);
  if (settings.every(([name, value]) => environment[name] === value)) return;
  if (process.versions.bun === undefined) throw new UnfitRuntime('tlsify runs on Bun');
  if (environment[RESTARTED] !== undefined)
    throw new UnfitRuntime('the settings of the runtime do not survive a restart');
  const wanted = [...scrubEnvironment(environment), ...settings.map(([name, value]) => `${name}=${value}`)];
  const result = native.execute(process.execPath, commandLine(), [...wanted, `${RESTARTED}=1`]);
  throw new SystemError(`cannot start ${process.execPath} again`, result);
}

/** The environment as `NAME=value` strings, without what could reach into another program's process, and without our own settings. */
export function scrubEnvironment(environment: Readonly<Record<string, string | undefined>>): string[] {
  const kept: string[] = [];
  for (const [name, value] of Object.entries(environment))
    if (value !== undefined && !SCRUBBED.test(name)) kept.push(`${name}=${value}`);
  return kept;
}

/**
 * A sandbox that a thread escapes is none, and a process with several cannot fork.
 * @throws UnfitRuntime when there is more than one thread, or no way to tell.
 */
export function assertSingleThreaded(): void {
  let threads: readonly string[];
  try {
    threads = readdirSync('/proc/self/task');
  } catch (error) {
    throw new UnfitRuntime(`cannot count the threads of the process: ${String(error)}`);
  }
  if (threads.length === 1) return;
  const names = threads.map((thread) => readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim());
  throw new UnfitRuntime(`the process has ${threads.length} threads: ${names.join(', ')}`);
}

/** The environment that the runtime read its settings from. `process.env` may have more: Bun adds what an `.env` file says. */
function startEnvironment(): Record<string, string> {
  const environment: Record<string, string> = Object.create(null);
  for (const variable of readStrings('/proc/self/environ')) {
    const equals = variable.indexOf('=');
    if (equals > 0) environment[variable.slice(0, equals)] ??= variable.slice(equals + 1);
  }
  return environment;
}

/** The arguments as they were given. `process.argv` is not that: argv[0] may be the name of a link, and Bun has options of its own. */
function commandLine(): string[] {
  return readStrings('/proc/self/cmdline');
}

function readStrings(path: string): string[] {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new UnfitRuntime(`cannot tell how the process was started: ${String(error)}`);
  }
  return new TextDecoder().decode(bytes).split('\0').slice(0, -1);
}
