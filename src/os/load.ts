import type { Native } from './native.ts';

/** Said in full, because the first thing a newcomer forgets is the compiler. */
export class NativeModuleMissing extends Error {
  override readonly name = 'NativeModuleMissing';
}

/**
 * The system calls. They lie beside the executable when it is the compiled one, else in the checkout's `build/`; no other
 * place is searched, and nothing in the environment names one, so that nobody else's code is ever loaded.
 * @throws NativeModuleMissing when the file is not there or does not load.
 */
export function loadNative(): Native {
  loaded ??= loadModule(modulePath());
  return loaded;
}

let loaded: Native | undefined;

/** Whether this is the compiled executable: there the sources lie in a virtual file system. */
export function isCompiled(): boolean {
  return typeof Bun !== 'undefined' && Bun.main.startsWith('/$bunfs/');
}

function modulePath(): string {
  if (!isCompiled()) return `${import.meta.dirname}/../../build/tlsify-os.node`;
  return `${process.execPath.slice(0, process.execPath.lastIndexOf('/'))}/tlsify-os.node`;
}

/** What {@link loadNative} does, for a file of any name. */
export function loadModule(path: string): Native {
  const holder: { exports: unknown } = { exports: {} };
  try {
    process.dlopen(holder, path);
  } catch (error) {
    const advice = isCompiled()
      ? 'it belongs beside the executable'
      : '`node scripts/native.mjs` compiles it (Debian packages: gcc libc6-dev)';
    const problem = process.getBuiltinModule('node:fs').existsSync(path)
      ? `cannot be loaded (${String(error)})`
      : 'is missing';
    throw new NativeModuleMissing(`${path} ${problem}: ${advice}`);
  }
  return holder.exports as Native;
}
