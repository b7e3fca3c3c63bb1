// native/os.c under AddressSanitizer and UndefinedBehaviorSanitizer. Needs the Debian packages gcc and libc6-dev (gcc brings libasan).
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { compileModule } from '../../scripts/native.mjs';

const ROOT = join(import.meta.dirname, '../..');
const SANITIZED = ['-g', '-O1', '-fno-omit-frame-pointer', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
const folder = mkdtempSync(join(tmpdir(), 'tlsify-asan-'));
after(() => rmSync(folder, { recursive: true }));

/** Runs hostile.mjs, on Node: its memory for ArrayBuffers comes from malloc, which the sanitizer watches. */
function attack(module: string) {
  const library = execFileSync('cc', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim();
  return spawnSync(join(ROOT, 'node_modules/.bin/node'), [join(import.meta.dirname, 'hostile.mjs'), module], {
    // The runtime itself leaks at its end.
    env: { PATH: process.env.PATH, LD_PRELOAD: library, ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1' },
    encoding: 'utf8',
  });
}

function compileWithout(check: string, replacement: string): string {
  const source = readFileSync(join(ROOT, 'native/os.c'), 'utf8');
  assert.equal(source.split(check).length, 2, `native/os.c has this once: ${check}`);
  const path = join(folder, 'broken.c');
  writeFileSync(path, source.replace(check, replacement));
  const output = join(folder, 'broken.node');
  compileModule(output, SANITIZED, path);
  return output;
}

test('no argument makes a call read or write where it must not', () => {
  const output = join(folder, 'os.node');
  compileModule(output, SANITIZED);
  const { status, stdout, stderr } = attack(output);
  assert.equal(status, 0, stderr);
  const { returned, threw } = JSON.parse(stdout);
  assert.ok(returned > 1000 && threw > 1000, stdout);
});

// Positive controls: with a check taken out, the same attack is reported.
test('a range that is not checked is found', () => {
  const output = compileWithout(
    'if ((size_t)offset > to->length || (size_t)length > to->length - (size_t)offset)',
    'if (0)',
  );
  assert.match(attack(output).stderr, /AddressSanitizer: (?:heap|global)-buffer-overflow/);
});

test('an overflow of the stack is found', () => {
  const output = compileWithout('if (count > MAX_POLLED || LENGTH(0) != 2 * count)', 'if (LENGTH(0) != 2 * count)');
  assert.match(
    attack(output).stderr,
    /AddressSanitizer: (?:dynamic-)?stack-buffer-overflow|runtime error: index \d+ out of bounds/,
  );
});

test('memory that is used after an accessor has freed it is found', () => {
  const output = compileWithout(
    'if (!elements(c, array, values, MAX_BUFFERS, &length)) return false;\n  *count = 0;',
    `uint32_t all;
  if (napi_get_array_length(c->env, array, &all) != napi_ok) return refuse(c, false, "an array is expected");
  *count = 0;
  for (length = 0; length < all && length < MAX_BUFFERS; length++) {
    struct argument early;
    if (napi_get_element(c->env, array, (uint32_t)length, &values[length]) != napi_ok ||
        !decode_array(c, values[length], napi_uint8_array, &early)) return false;
    to[(*count)++] = (struct iovec){early.bytes, early.length};
  }
  if (length > 0) return true;`,
  );
  assert.match(attack(output).stderr, /AddressSanitizer: heap-use-after-free/);
});
