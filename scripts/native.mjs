// Compiles what tlsify has in C: the N-API modules of the os room (native/os.c) and of the openssl room (native/openssl.c), and the
// launcher of the compiled program (native/launch.c), into build/. `npm ci` runs it (npm's "prepare") under whatever Node the user has, so it is plain JavaScript.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const COMPILER = process.env.CC || 'cc';
const WARNINGS = [
  '-std=gnu11',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-Wshadow',
  '-Wconversion',
  '-Wno-sign-conversion',
  '-Wvla',
];
const HARDENING = ['-O2', '-fstack-protector-strong', '-D_FORTIFY_SOURCE=2', '-fvisibility=hidden'];
const LINKING = ['-Wl,-z,relro,-z,now,-z,noexecstack'];

/**
 * Compiles an N-API module.
 * @param {string} output where to, a path
 * @param {readonly string[]} flags instead of the hardening flags; the tests ask for sanitizers
 * @param {string} source the tests also compile a copy with a bug in it
 */
export function compileModule(output, flags = HARDENING, source = join(ROOT, 'native/os.c')) {
  const headers = createRequire(import.meta.url)('node-api-headers').include_dir;
  compile(['-fPIC', '-shared', ...flags, '-isystem', headers, '-o', output, source]);
}

/** Compiles the launcher: static where the C library has a static form, so that no LD_ variable reaches it. */
export function compileLauncher(output) {
  const source = ['-o', output, join(ROOT, 'native/launch.c')];
  if (run([...HARDENING, '-static-pie', '-fPIE', ...source]).status !== 0)
    compile([...HARDENING, '-pie', '-fPIE', ...source]);
}

function run(flags) {
  return spawnSync(COMPILER, [...WARNINGS, ...LINKING, ...flags], { encoding: 'utf8' });
}

function compile(flags) {
  const { status, stderr, error } = run(flags);
  if (status === 0) return;
  if (error?.code === 'ENOENT')
    throw new Error(`no C compiler: ${COMPILER} not found. On Debian: apt-get install gcc libc6-dev`);
  const missing = /fatal error: (\S+): No such file/.exec(stderr ?? '');
  const hint = missing ? `${missing[1]} is missing. On Debian: apt-get install gcc libc6-dev linux-libc-dev\n` : '';
  throw new Error(`${COMPILER} failed\n${hint}${error?.message ?? stderr}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    if (process.platform !== 'linux')
      throw new Error('tlsify runs on Linux only: its sandbox is made of seccomp and Landlock');
    const build = join(ROOT, 'build');
    if (!existsSync(build)) mkdirSync(build);
    compileModule(join(build, 'tlsify-os.node'));
    compileModule(join(build, 'tlsify-openssl.node'), HARDENING, join(ROOT, 'native/openssl.c'));
    compileLauncher(join(build, 'tlsify-launch'));
  } catch (error) {
    console.error(`tlsify: ${error.message}`);
    process.exitCode = 1;
  }
}
