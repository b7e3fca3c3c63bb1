/**
 * What `npm pack` and `npm publish` make of this tree, laid out as esbuild and biome do: the package `tlsify` is a launcher that
 * depends on one package per platform, `@tlsify/linux-x64` and so on, of which npm installs the one that fits.
 *
 * `bun scripts/pack.ts before` (npm's prepack) builds, packs this platform's package beside the other, and makes of package.json what
 * is published: npm/tlsify for the command instead of bin/tlsify, and the dependency, which `npm ci` in a checkout would look for before
 * it is published. `bun scripts/pack.ts after` (postpack) puts the checkout's back.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dir, '..');
const MANIFEST = resolve(ROOT, 'package.json');
const MANIFEST_BEFORE = resolve(ROOT, 'build/package.json.before-pack');
const STAGE = resolve(ROOT, 'build/npm');
/** npm's names for what the build on this machine runs on. */
const PLATFORM = { os: process.platform, cpu: process.arch, libc: 'glibc' } as const;

interface Manifest {
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly scripts: unknown;
  readonly devDependencies: unknown;
  readonly allowScripts: unknown;
}

function before(): void {
  if (existsSync(MANIFEST_BEFORE)) after(); // an earlier run was killed
  run(process.execPath, resolve(ROOT, 'scripts/build.ts'));
  const manifest = JSON.parse(readFileSync(MANIFEST, 'utf8')) as Manifest;
  const name = `@tlsify/${PLATFORM.os}-${PLATFORM.cpu}`;
  stage(name, manifest);
  const destination = resolve(ROOT, process.env.npm_config_pack_destination || '.');
  run('npm', 'pack', STAGE, '--pack-destination', destination);
  copyFileSync(MANIFEST, MANIFEST_BEFORE);
  const { scripts: _, devDependencies: __, allowScripts: ___, ...kept } = manifest;
  const published = { ...kept, bin: { tlsify: 'npm/tlsify' }, optionalDependencies: { [name]: manifest.version } };
  writeFileSync(MANIFEST, `${JSON.stringify(published, null, 2)}\n`);
}

function after(): void {
  renameSync(MANIFEST_BEFORE, MANIFEST);
}

/** The folder of the platform's package; `npm publish build/npm` publishes it. */
function stage(name: string, { version, description, license }: Manifest): void {
  rmSync(STAGE, { recursive: true, force: true });
  mkdirSync(STAGE, { recursive: true });
  const files = ['tlsify', 'tlsify-main', 'tlsify-openssl.node', 'tlsify-os.node'];
  for (const file of files) copyFileSync(resolve(ROOT, 'dist', file), resolve(STAGE, file));
  for (const file of ['LICENSE', 'NOTICE']) copyFileSync(resolve(ROOT, file), resolve(STAGE, file));
  const platform = { os: [PLATFORM.os], cpu: [PLATFORM.cpu], libc: [PLATFORM.libc] };
  const manifest = { name, version, description: `${description} (${PLATFORM.os}, ${PLATFORM.cpu})`, license };
  writeFileSync(
    resolve(STAGE, 'package.json'),
    `${JSON.stringify({ ...manifest, ...platform, files: [...files, 'NOTICE'], preferUnplugged: true }, null, 2)}\n`,
  );
}

function run(...command: string[]): void {
  // npm's --json output and our own lines must not mix.
  const { success } = Bun.spawnSync(command, { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (!success) throw new Error(`${command.join(' ')} failed`);
}

const STEPS: Readonly<Record<string, () => void>> = { before, after };

if (import.meta.main) STEPS[process.argv[2] ?? '']?.();
