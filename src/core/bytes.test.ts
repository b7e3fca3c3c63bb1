import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ascii, concat, EMPTY, equal, equalSecret, hex, latin1, latin1Bytes, unhex } from './bytes.ts';

const ALL = Uint8Array.from({ length: 256 }, (_, byte) => byte);

test('parts are joined in their order, in memory that is none of theirs', () => {
  const part = Uint8Array.of(1, 2);
  const joined = concat(part, EMPTY, part);
  part.fill(9);
  assert.deepEqual(joined, Uint8Array.of(1, 2, 1, 2));
  assert.equal(joined.buffer.byteLength, 4);
});

for (const compare of [equal, equalSecret])
  test(`${compare.name} sees a difference of one bit, wherever it is, and of length`, () => {
    assert.ok(compare(ALL, ALL.slice()));
    assert.ok(compare(EMPTY, new Uint8Array(0)));
    assert.ok(!compare(ALL, ALL.subarray(1)));
    assert.ok(!compare(ALL.subarray(0, 255), ALL));
    for (let bit = 0; bit < 8 * ALL.length; bit++) {
      const other = ALL.slice();
      other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7));
      assert.ok(!compare(ALL, other), `bit ${bit}`);
    }
  });

test('hexadecimal is read as it is written, in either case and with white space, and nothing else is', () => {
  assert.deepEqual(unhex(hex(ALL)), ALL);
  assert.deepEqual(unhex(' 0A\n0b '), Uint8Array.of(10, 11));
  for (const text of ['0', '0g', '0x00', '-1']) assert.throws(() => unhex(text), RangeError, text);
});

test('text of Latin-1 has a character for each byte, text of ASCII only for the lower half', () => {
  assert.deepEqual(latin1Bytes(latin1(ALL)), ALL);
  assert.deepEqual(ascii(latin1(ALL.subarray(0, 0x80))), ALL.subarray(0, 0x80));
  assert.throws(() => ascii('\x80'), RangeError);
  assert.throws(() => latin1Bytes('\u0100'), RangeError);
});
