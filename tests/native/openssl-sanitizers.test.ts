// native/openssl.c under AddressSanitizer and UndefinedBehaviorSanitizer. Needs the Debian packages gcc and libc6-dev (gcc brings libasan).
import { expect, setDefaultTimeout, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileModule } from '../../scripts/native.mjs';
import { scratchPath } from '../support/scratch.ts';

setDefaultTimeout(300_000);

const ROOT = join(import.meta.dirname, '../..');
const SANITIZED = ['-g', '-O1', '-fno-omit-frame-pointer', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
const folder = scratchPath('openssl-asan');
mkdirSync(folder);

/**
 * On Bun: Node brings an OpenSSL of its own, whose symbols would take the place of the system's. What the module and OpenSSL allocate is
 * watched, the runtime's own memory is not.
 */
function attack(module: string) {
  const library = spawnSync('cc', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).stdout.trim();
  return spawnSync(process.execPath, [join(import.meta.dirname, 'openssl-hostile.ts'), module], {
    env: { PATH: process.env.PATH, LD_PRELOAD: library, ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1' },
    encoding: 'utf8',
  });
}

/** A copy of the module with something taken out. */
function compileBroken(check: string, replacement: string): string {
  const source = readFileSync(join(ROOT, 'native/openssl.c'), 'utf8');
  expect(source.split(check)).toHaveLength(2);
  const path = join(folder, 'broken.c');
  cpSync(join(ROOT, 'native/libssl.h'), join(folder, 'libssl.h'));
  writeFileSync(path, source.replace(check, replacement));
  const output = join(folder, 'broken.node');
  compileModule(output, SANITIZED, path);
  return output;
}

test('no argument and no peer makes it read or write where it must not', () => {
  const output = join(folder, 'openssl.node');
  compileModule(output, SANITIZED, join(ROOT, 'native/openssl.c'));
  const { status, stdout, stderr } = attack(output);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const { returned, threw, connections, opened } = JSON.parse(stdout);
  expect(Math.min(returned, threw)).toBeGreaterThan(1000);
  expect(connections).toBeGreaterThan(200);
  expect(opened).toBeGreaterThan(1);
});

// Positive controls: with a line taken out, the same attack is reported.
test('a copy that is too short is found', () => {
  const output = compileBroken('uint8_t *copy = malloc(length + 1);', 'uint8_t *copy = malloc(length / 2 + 1);');
  expect(attack(output).stderr).toMatch(/AddressSanitizer: heap-buffer-overflow/);
});

test('a connection that is used after it was released is found', () => {
  const output = compileBroken('  memset(t, 0, sizeof *t);\n', '');
  expect(attack(output).stderr).toMatch(/AddressSanitizer: (?:heap-use-after-free|attempting double-free)/);
});
