// native/launch.c. Needs the Debian packages gcc and libc6-dev.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { compileLauncher } from '../../scripts/native.mjs';
import { RUNTIME_SETTINGS, scrubEnvironment } from '../../src/os/runtime.ts';

const folder = mkdtempSync(join(tmpdir(), 'tlsify-launch-'));
const launcher = join(folder, 'tlsify');
const main = join(folder, 'tlsify-main');

/** Stands in for the program: prints its arguments and its environment, a line each. */
const MAIN = `
#include <stdio.h>
extern char **environ;
int main(int argc, char **argv) {
  for (int index = 0; index < argc; index++) printf("argument %s\\n", argv[index]);
  for (char **variable = environ; *variable; variable++) printf("%s\\n", *variable);
  return 42;
}`;

before(() => {
  compileLauncher(launcher);
  writeFileSync(join(folder, 'main.c'), MAIN);
  execFileSync('cc', ['-o', main, join(folder, 'main.c')]);
});
after(() => rmSync(folder, { recursive: true }));

function launch(path: string, args: readonly string[], env: Record<string, string>, argv0 = path) {
  const { status, stdout, stderr } = spawnSync(path, args, { env, argv0, encoding: 'utf8' });
  return { status, lines: stdout.split('\n').slice(0, -1), stderr };
}

const SETTINGS = Object.entries(RUNTIME_SETTINGS).map(([name, value]) => `${name}=${value}`);

test('the program beside the launcher is started, with the same arguments and the same status', () => {
  const { status, lines } = launch(launcher, ['connect', 'a b', ''], {});
  assert.equal(status, 42);
  assert.deepEqual(lines, [`argument ${launcher}`, 'argument connect', 'argument a b', 'argument ', ...SETTINGS]);
});

test('a link from elsewhere keeps its name', () => {
  const link = join(folder, 'openssl');
  symlinkSync(launcher, link);
  const { lines } = launch(link, ['s_client'], {}, 'openssl');
  assert.deepEqual(lines.slice(0, 2), ['argument openssl', 'argument s_client']);
});

const HOSTILE = {
  BUN_JSC_useJIT: '1',
  BUN_BE_BUN: '1',
  BUN_OPTIONS: '--preload=/proc/nonexistent',
  NODE_OPTIONS: '--require=/proc/nonexistent',
  NODE_EXTRA_CA_CERTS: '/proc/nonexistent',
  LD_PRELOAD: '/proc/nonexistent',
  LD_LIBRARY_PATH: '/proc/nonexistent',
  MALLOC_PERTURB_: '1',
  GLIBC_TUNABLES: 'glibc.malloc.check=3',
  GCONV_PATH: '/proc/nonexistent',
  JSC_useJIT: '1',
};
const HARMLESS = {
  HOME: '/root',
  SSL_CERT_FILE: '/a=b',
  TLSIFY_X: '',
  XBUN_A: '1',
  GLIBC_TUNABLES_X: '1',
  npm_config_x: 'y',
};

test('what reaches into the program is removed from the environment, the rest is kept', () => {
  const { lines } = launch(launcher, [], { ...HOSTILE, ...HARMLESS });
  const kept = Object.entries(HARMLESS).map(([name, value]) => `${name}=${value}`);
  assert.deepEqual(lines.slice(1).sort(), [...kept, ...SETTINGS].sort());
  // The restart in src/os/runtime.ts removes the same.
  assert.deepEqual(scrubEnvironment({ ...HOSTILE, ...HARMLESS }), kept);
});

test('a program that is not there is named', () => {
  const alone = mkdtempSync(join(tmpdir(), 'tlsify-launch-'));
  compileLauncher(join(alone, 'tlsify'));
  const { status, stderr } = launch(join(alone, 'tlsify'), [], {});
  assert.equal(status, 78);
  assert.equal(stderr, `tlsify: ${alone}/tlsify-main: No such file or directory\n`);
  rmSync(alone, { recursive: true });
});

/** Stands in for the program: for each standard descriptor its access mode and its file, on descriptor 9. */
const STANDARD_FILES = `#!/bin/sh
for fd in 0 1 2; do
  echo "$(sed -n 's/^flags:.*\\(.\\)$/\\1/p' /proc/$$/fdinfo/$fd) $(readlink /proc/$$/fd/$fd)" >&9
done`;

test('without standard input it is empty, without output or error nothing is written, and no other file gets its number', () => {
  const other = mkdtempSync(join(tmpdir(), 'tlsify-launch-'));
  compileLauncher(join(other, 'tlsify'));
  writeFileSync(join(other, 'tlsify-main'), STANDARD_FILES, { mode: 0o755 });
  const report = join(other, 'report');
  const standardFiles = (redirections: string) => {
    execFileSync('sh', ['-c', `exec "$0" 9>"$1" ${redirections}`, join(other, 'tlsify'), report]);
    return readFileSync(report, 'utf8').trimEnd().split('\n');
  };
  assert.deepEqual(standardFiles('<&- >&- 2>&-'), ['0 /dev/null', '0 /dev/null', '0 /dev/null']);
  assert.deepEqual(standardFiles('<"$0" >&- 2>>"$1"'), [`0 ${other}/tlsify`, '0 /dev/null', `1 ${report}`]);
  rmSync(other, { recursive: true });
});

/** Makes the launcher run with authority that its caller does not have. */
function makeSetId(path: string): void {
  if (process.getuid?.() === 0) {
    chownSync(path, 65_534, 65_534);
    chmodSync(path, 0o4755);
    return;
  }
  const other = process.getgroups?.().find((group) => group !== process.getgid?.());
  assert.ok(other !== undefined, 'run this as root, or as a user with a second group');
  chownSync(path, process.getuid?.() as number, other);
  chmodSync(path, 0o2755);
}

test('it does not run setuid or setgid', () => {
  const privileged = join(folder, 'tlsify-setid');
  compileLauncher(privileged);
  makeSetId(privileged);
  const { status, lines, stderr } = launch(privileged, [], {});
  assert.equal(status, 78);
  assert.deepEqual(lines, []);
  assert.match(stderr, /does not run setuid, setgid/);
});
