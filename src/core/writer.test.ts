import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteWriter } from './writer.ts';

test('what is written past the capacity is kept', () => {
  const body = Uint8Array.from({ length: 1000 }, (_, index) => index);
  const written = new ByteWriter(1)
    .u8(7)
    .bytes(body)
    .vector16(body)
    .vector24((nested) => nested.vector8(body.subarray(0, 255)))
    .finish();
  assert.deepEqual(
    written,
    Uint8Array.of(7, ...body, 0x03, 0xe8, ...body, 0x00, 0x01, 0x00, 0xff, ...body.subarray(0, 255)),
  );
});

test('integers are written most significant byte first', () => {
  const written = new ByteWriter(1).u8(0x01).u16(0x0203).u24(0x040506).u32(0xf708090a).finish();
  assert.deepEqual(written, Uint8Array.of(1, 2, 3, 4, 5, 6, 0xf7, 8, 9, 10));
});

test('a body longer than its length field can say is refused', () => {
  assert.throws(() => new ByteWriter().vector8(new Uint8Array(256)), RangeError);
  assert.throws(() => new ByteWriter().vector16(new Uint8Array(0x10000)), RangeError);
});
