import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { time, tlv } from '../../tests/support/der-writer.ts';
import { ascii } from '../core/bytes.ts';
import { DerError, DerReader } from './der.ts';
import { formatTime, readTime } from './time.ts';

const [UTC, GENERALIZED] = [0x17, 0x18];

function read(tag: number, text: string): number {
  return readTime(DerReader.over(tlv(tag, ascii(text)), 'validity'), 'notBefore');
}

test('every second that a certificate can name', () => {
  const [first, last] = [new Date('1950-01-01T00:00:00Z'), new Date('9999-12-31T23:59:59Z')];
  fc.assert(
    fc.property(fc.date({ min: first, max: last, noInvalidDate: true }), (date) => {
      const seconds = Math.floor(date.getTime() / 1000);
      return readTime(DerReader.over(time(date), 'v'), 'notBefore') === seconds;
    }),
  );
});

test('two digits mean 1950 to 2049', () => {
  assert.equal(read(UTC, '500101000000Z'), Date.UTC(1950, 0, 1) / 1000);
  assert.equal(read(UTC, '491231235959Z'), Date.UTC(2049, 11, 31, 23, 59, 59) / 1000);
  assert.equal(read(GENERALIZED, '20500101000000Z'), Date.UTC(2050, 0, 1) / 1000);
});

test('leap days', () => {
  assert.equal(read(UTC, '240229000000Z'), Date.UTC(2024, 1, 29) / 1000);
  assert.equal(read(UTC, '000229000000Z'), Date.UTC(2000, 1, 29) / 1000);
  for (const text of ['230229000000Z', '240230000000Z']) assert.throws(() => read(UTC, text), DerError);
  assert.throws(() => read(GENERALIZED, '21000229000000Z'), DerError);
});

test('no other form', () => {
  const wrong = [
    '2401010000Z',
    '240101000000',
    '240101000000+0000',
    '240101000000.5Z',
    '24010100000aZ',
    '240101000000z',
  ];
  for (const text of [...wrong, '240001000000Z', '241301000000Z', '240100000000Z', '240132000000Z', '240431000000Z'])
    assert.throws(() => read(UTC, text), DerError, text);
  for (const text of ['240101240000Z', '240101006000Z', '240101000060Z', ' 40101000000Z', ''])
    assert.throws(() => read(UTC, text), DerError, text);
  for (const text of ['2050010100000Z', '20500101000000.0Z', '205001010000Z'])
    assert.throws(() => read(GENERALIZED, text), DerError, text);
});

test('for people', () => {
  assert.equal(formatTime(0), '1970-01-01 00:00:00 UTC');
  assert.equal(formatTime(1_715_256_000.9), '2024-05-09 12:00:00 UTC');
  assert.equal(formatTime(1e30), '1e+30');
});
