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
  loaded ??= loadModule<Native>(modulePath('tlsify-os.node'));
  return loaded;
}

let loaded: Native | undefined;

/** The functions of native/openssl.c, from the same place. @throws NativeModuleMissing */
export function loadOpenSslModule(): unknown {
  return loadModule<unknown>(modulePath('tlsify-openssl.node'));
}

/** Whether this is the compiled executable: there the sources lie in a virtual file system. */
export function isCompiled(): boolean {
  return typeof Bun !== 'undefined' && Bun.main.startsWith('/$bunfs/');
}

function modulePath(file: string): string {
  if (!isCompiled()) return `${import.meta.dirname}/../../build/${file}`;
  return `${process.execPath.slice(0, process.execPath.lastIndexOf('/'))}/${file}`;
}

/** What {@link loadNative} does, for a file of any name. */
export function loadModule<Module = Native>(path: string): Module {
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
  return holder.exports as Module;
}
