/**
 * Builds what is shipped, into dist/: the launcher `tlsify`, the compiled program `tlsify-main` and the native modules
 * `tlsify-os.node` and `tlsify-openssl.node`. They lie beside each other; nothing else is needed at run time but glibc, and
 * libssl.so.3 for whoever asks for it.
 */
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { relative, resolve } from 'node:path';

const ROOT = resolve(import.meta.dir, '..');
const DIST = resolve(ROOT, 'dist');

/**
 * Variables with which the environment takes a compiled program over: it becomes the `bun` command (BUN_BE_BUN), runs a file first
 * (BUN_OPTIONS=--preload) or opens a debugger (BUN_INSPECT, also as the beginning of longer names). The launcher removes them; but
 * what filters an environment at a border (sudo, sshd) knows LD_PRELOAD and not these, and somebody may start tlsify-main itself.
 */
export const TAKEOVERS = ['BUN_BE_BUN', 'BUN_OPTIONS', 'BUN_INSPECT'];

/** Overwrites each of `names` with NULs, which no name in an environment contains. @throws Error when one is not there: the runtime has changed. */
export function forgetVariables(executable: Buffer, names: readonly string[]): void {
  for (const name of names) {
    let found = 0;
    for (let at = executable.indexOf(name); at >= 0; at = executable.indexOf(name, at + name.length)) {
      executable.fill(0, at, at + name.length);
      found++;
    }
    if (found === 0) throw new Error(`the runtime does not mention ${name} any more: look up what took its place`);
  }
}

/** Bundles and compiles `entry` into the executable `program`, which then depends on nothing around it but its arguments. */
export async function compile(entry: string, program: string): Promise<void> {
  const result = await Bun.build({
    entrypoints: [entry],
    target: 'bun',
    // What is imported lazily is then neither loaded nor linked before: fewer instructions in a start by a tenth.
    format: 'esm',
    splitting: true,
    minify: true,
    bytecode: true,
    compile: {
      outfile: program,
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  });
  for (const log of result.logs) console.error(log);
  if (!result.success) throw new Error(`${entry} does not compile`);
  const executable = readFileSync(program);
  forgetVariables(executable, TAKEOVERS);
  writeFileSync(program, executable);
  chmodSync(program, 0o755);
}

/** Says what was built: a line for each file. */
function report(folder: string): void {
  for (const name of readdirSync(folder).sort())
    console.log(
      `${relative(process.cwd(), resolve(folder, name))}  ${formatBytes(statSync(resolve(folder, name)).size)}`,
    );
}

function formatBytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

async function build(): Promise<void> {
  const native = Bun.spawnSync([process.execPath, resolve(ROOT, 'scripts/native.mjs')], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (!native.success) throw new Error('the C parts do not compile');
  // Beside the old one, which is then replaced as a whole: somebody may be using it, or building too.
  const stage = resolve(ROOT, `build/dist-${process.pid}`);
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  for (const module of ['tlsify-os.node', 'tlsify-openssl.node'])
    copyFileSync(resolve(ROOT, 'build', module), resolve(stage, module));
  copyFileSync(resolve(ROOT, 'build/tlsify-launch'), resolve(stage, 'tlsify'));
  await compile(resolve(ROOT, 'src/bin/cli.ts'), resolve(stage, 'tlsify-main'));
  rmSync(DIST, { recursive: true, force: true });
  renameSync(stage, DIST);
  report(DIST);
}

if (import.meta.main) await build();
