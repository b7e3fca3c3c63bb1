import { beforeAll, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { PeerProcess } from '../support/peer-process.ts';
import { scratchPath } from '../support/scratch.ts';
import { localServer } from '../support/test-pki.ts';

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

  describe('where there is neither Bun nor Node, nor anything else but the C library', () => {
    const root = scratchPath('root');
    const asRoot = process.getuid?.() === 0;
    const inRoot = (...words: readonly string[]) => {
      const script = 'mount -t proc proc "$1/proc" && shift && exec "$@"';
      const user = asRoot ? ['--userspec=65534:65534'] : [];
      const command = ['chroot', ...user, root, '/tlsify', ...words];
      return run(['unshare', asRoot ? '-mpf' : '-rmpf', 'sh', '-c', script, 'sh', root, ...command], installed);
    };
    const provide = (program: string) => {
      for (const library of libraries(program)) {
        mkdirSync(join(root, dirname(library)), { recursive: true });
        cpSync(library, join(root, library), { dereference: true });
      }
    };

    beforeAll(() => {
      for (const folder of [root, join(root, 'proc')]) mkdirSync(folder, { mode: 0o755 });
      cpSync(join(packages, PLATFORM), root, { recursive: true });
      provide(join(root, 'tlsify-main'));
    });

    test('it runs, for whoever may run it', () => {
      expect(inRoot('--version')).toEqual({
        status: 0,
        stdout: expect.stringContaining(`tlsify ${VERSION} `),
        stderr: '',
      });
    });

    test('--backend openssl says what to install', () => {
      const { status, stderr } = inRoot('connect', '--insecure-no-verify', '--backend', 'openssl', '127.0.0.1:1');
      expect(stderr).toMatch(/libcrypto\.so\.3.*\n.*Install the package libssl3/);
      expect(status).toBe(78);
    });

    test('and works where that is', async () => {
      const { leaf, chain, key, ca } = localServer();
      const peer = await PeerProcess.start((port) => ({
        program: 'openssl',
        args: ['s_server', '-www', '-accept', `127.0.0.1:${port}`, '-cert', leaf, '-cert_chain', chain, '-key', key],
        comesFrom: 'the package openssl',
      }));
      const openssl = run(['sh', '-c', 'command -v openssl'], '/').stdout.trim();
      provide(openssl);
      cpSync(ca, join(root, 'ca.pem'));
      chmodSync(join(root, 'ca.pem'), 0o644);
      const trust = ['--no-system-ca', '--ca', '/ca.pem', '--name', 'dns:localhost'];
      const { status, stdout, stderr } = inRoot('connect', ...trust, '--backend', 'openssl', `127.0.0.1:${peer.port}`);
      await peer.stop();
      expect({ status, stderr, stdout }).toEqual({ status: 0, stderr: '', stdout: '' });
    });
  });
});

describe('a checkout', () => {
  const global = scratchPath('global');
  const tlsify = join(global, 'bin/tlsify');

  test('is installed for the user by npm link', () => {
    const linked = run(['npm', 'link', '--offline', '--no-audit', '--no-fund'], checkout, {
      npm_config_prefix: global,
    });
    expect(linked).toMatchObject({ status: 0 });
    const result = run([tlsify, '--version'], installed);
    expect(result).toEqual({ status: 0, stdout: expect.stringContaining(`tlsify ${VERSION} `), stderr: '' });
  });

  test('of which npm install -g makes a copy, as some of its versions do, says what to do instead', () => {
    const copied = scratchPath('copied');
    const install = ['install', '-g', '.', '--install-links', '--prefix', copied];
    expect(run(['npm', ...install, '--offline', '--no-audit', '--no-fund'], checkout)).toMatchObject({ status: 0 });
    const result = run([join(copied, 'bin/tlsify'), '--version'], installed);
    expect(result).toEqual({ status: 78, stdout: '', stderr: expect.stringMatching(/^tlsify: .*`npm link`.*\n$/) });
  });

  test('and its packages, of both together, install globally as well', () => {
    const both = scratchPath('both');
    const packed = readdirSync(tarballs).map((name) => join(tarballs, name));
    const install = ['install', '-g', ...packed, '--prefix', both, '--offline', '--no-audit', '--no-fund'];
    expect(run(['npm', ...install], installed)).toMatchObject({ status: 0 });
    const result = run([join(both, 'bin/tlsify'), '--version'], installed);
    expect(result).toEqual({ status: 0, stdout: expect.stringContaining(`tlsify ${VERSION} `), stderr: '' });
  });
});

/** The shared objects that the dynamic linker loads for `program`, by their paths. */
function libraries(program: string): string[] {
  const listed = run(['ldd', program], '/').stdout;
  return [...listed.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1] as string);
}
