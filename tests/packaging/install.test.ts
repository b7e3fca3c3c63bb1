import { beforeAll, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { scratchPath } from '../support/scratch.ts';

const ROOT = resolve(import.meta.dir, '../..');
const VERSION = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version;
const PLATFORM = `@tlsify/linux-${process.arch}`;

/** Two hundred megabytes are compressed and unpacked. */
const PACKING_LIMIT_MS = 300_000;

const checkout = scratchPath('checkout');
const tarballs = scratchPath('tarballs');
const installed = scratchPath('installed');
const packages = join(installed, 'node_modules');

function run(command: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}) {
  const [program, ...args] = command as [string, ...string[]];
  const PATH = '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, env: { PATH, HOME: installed, ...env } });
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
}

beforeAll(() => {
  // A copy, because packing changes package.json for a moment and others may be looking.
  for (const folder of [checkout, tarballs, installed]) mkdirSync(folder);
  const kept = readdirSync(ROOT).filter((name) => !['.git', 'node_modules', 'dist', 'build'].includes(name));
  for (const name of kept) cpSync(join(ROOT, name), join(checkout, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'));
  const npm = (command: readonly string[], cwd: string) => {
    const result = run(['npm', ...command, '--offline', '--no-audit', '--no-fund'], cwd);
    expect(result).toMatchObject({ status: 0 });
  };
  npm(['pack', '--pack-destination', tarballs], checkout);
  npm(['install', ...readdirSync(tarballs).map((name) => join(tarballs, name))], installed);
}, PACKING_LIMIT_MS);

describe('npm pack and npm install', () => {
  test('leave package.json as it was', () => {
    expect(readFileSync(join(checkout, 'package.json'), 'utf8')).toBe(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  });

  test('yield a launcher and a package for this platform', () => {
    expect(readdirSync(tarballs).sort()).toEqual(
      [`tlsify-${VERSION}.tgz`, `tlsify-linux-${process.arch}-${VERSION}.tgz`].sort(),
    );
    const manifest = JSON.parse(readFileSync(join(packages, 'tlsify/package.json'), 'utf8'));
    expect(manifest.optionalDependencies).toEqual({ [PLATFORM]: VERSION });
    for (const member of ['dependencies', 'devDependencies', 'scripts']) expect(manifest).not.toHaveProperty(member);
    expect(
      readdirSync(packages)
        .filter((name) => !name.startsWith('.'))
        .sort(),
    ).toEqual(['@tlsify', 'tlsify']);
    const files = [
      'LICENSE',
      'NOTICE',
      'package.json',
      'tlsify',
      'tlsify-main',
      'tlsify-openssl.node',
      'tlsify-os.node',
    ];
    expect(readdirSync(join(packages, PLATFORM)).sort()).toEqual(files);
  });

  test('the launcher has no source in it', () => {
    expect(existsSync(join(packages, 'tlsify/src'))).toBe(false);
    expect(statSync(join(packages, 'tlsify/npm/tlsify')).size).toBeLessThan(10_000);
  });

  test('npx tlsify runs what is installed', () => {
    const result = run(['npx', 'tlsify', '--version'], installed, { npm_config_offline: 'true' });
    expect(result).toEqual({ status: 0, stdout: expect.stringContaining(`tlsify ${VERSION} `), stderr: '' });
  });

  test('it runs where there is neither Bun nor Node, nor anything else but the C library', () => {
    const root = scratchPath('root');
    for (const folder of [root, join(root, 'proc')]) mkdirSync(folder);
    cpSync(join(packages, PLATFORM), root, { recursive: true });
    for (const library of libraries(join(root, 'tlsify-main'))) {
      mkdirSync(join(root, dirname(library)), { recursive: true });
      cpSync(library, join(root, library), { dereference: true });
    }
    const script = 'mount -t proc proc "$1/proc" && exec chroot "$1" /tlsify --version';
    const unshare = process.getuid?.() === 0 ? ['unshare', '-mpf'] : ['unshare', '-rmpf'];
    const result = run([...unshare, 'sh', '-c', script, 'sh', root], installed);
    expect(result).toEqual({ status: 0, stdout: expect.stringContaining(`tlsify ${VERSION} `), stderr: '' });
  });
});

/** The shared objects that the dynamic linker loads for `program`, by their paths. */
function libraries(program: string): string[] {
  const listed = run(['ldd', program], '/').stdout;
  return [...listed.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1] as string);
}
