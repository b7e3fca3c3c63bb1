import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, deflateSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import type { Bytes } from '../core/bytes.ts';
import type { CertificateCompression } from '../crypto/provider.ts';
import { nodeCrypto as crypto } from './provider.ts';

const COMPRESS: Readonly<Record<CertificateCompression, (message: Bytes) => Bytes>> = {
  zlib: (message) => deflateSync(message),
  brotli: (message) => brotliCompressSync(message),
  zstd: (message) => zstdCompressSync(message),
};

const MAXIMUM_BYTES = 100 * 1024;

test('all that the provider offers, it has', () => {
  assert.deepEqual([...crypto.certificateCompressions].sort(), Object.keys(COMPRESS).sort());
});

for (const algorithm of crypto.certificateCompressions) {
  test(`${algorithm}: what was compressed comes back, in memory of its own`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 3000 }), (message) => {
        const result = crypto.decompress(algorithm, COMPRESS[algorithm](message), MAXIMUM_BYTES);
        assert.deepEqual(result, message);
        assert.ok(result.buffer.byteLength < result.length + 16);
      }),
      { numRuns: 50 },
    );
  });

  test(`${algorithm}: a result of exactly the maximum passes, one byte more does not`, () => {
    const compressed = COMPRESS[algorithm](new Uint8Array(MAXIMUM_BYTES));
    assert.equal(crypto.decompress(algorithm, compressed, MAXIMUM_BYTES).length, MAXIMUM_BYTES);
    assert.throws(() => crypto.decompress(algorithm, compressed, MAXIMUM_BYTES - 1), RangeError);
  });

  test(`${algorithm}: a bomb is refused`, () => {
    const bomb = COMPRESS[algorithm](new Uint8Array(64 * 1024 * 1024));
    assert.throws(() => crypto.decompress(algorithm, bomb, MAXIMUM_BYTES), RangeError);
  });

  test(`${algorithm}: what is not compressed so is a RangeError`, () => {
    for (const garbage of [new Uint8Array(100).fill(0xff), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)])
      assert.throws(() => crypto.decompress(algorithm, garbage, MAXIMUM_BYTES), RangeError);
  });

  test(`${algorithm}: no prefix gives the whole message, and all changes end in a result or a RangeError`, () => {
    const message = Uint8Array.from({ length: 2000 }, (_, index) => (index * index) % 251);
    const compressed = COMPRESS[algorithm](message);
    for (let length = 0; length < compressed.length; length += 1 + (length >> 4))
      assert.notDeepEqual(attempt(algorithm, compressed.subarray(0, length)), message);
    fc.assert(
      fc.property(fc.nat({ max: compressed.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const changed = Uint8Array.from(compressed);
        changed[at] = (changed[at] as number) ^ mask;
        const result = attempt(algorithm, changed);
        assert.ok(result === null || result.length <= MAXIMUM_BYTES);
      }),
      { numRuns: 200 },
    );
  });
}

test('a zstd frame that asks for a window of more than 8 MiB is refused', () => {
  // RFC 8878 section 3.1.1: magic number, no content size, window descriptor, one empty last block.
  const frame = (windowDescriptor: number) => Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, windowDescriptor, 1, 0, 0);
  assert.equal(crypto.decompress('zstd', frame((23 - 10) << 3), MAXIMUM_BYTES).length, 0);
  assert.throws(() => crypto.decompress('zstd', frame((24 - 10) << 3), MAXIMUM_BYTES), RangeError);
});

/** The result, or null for a RangeError; anything else fails the test. */
function attempt(algorithm: CertificateCompression, compressed: Bytes): Bytes | null {
  try {
    return crypto.decompress(algorithm, compressed, MAXIMUM_BYTES);
  } catch (error) {
    assert.ok(error instanceof RangeError);
    return null;
  }
}
