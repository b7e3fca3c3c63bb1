import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  bitString,
  boolean,
  integer,
  namedBits,
  nullValue,
  octetString,
  oid,
  sequence,
  tlvWithLength,
} from '../../tests/support/der-writer.ts';
import { type Bytes, concat, unhex } from '../core/bytes.ts';
import { LIMITS } from '../core/limits.ts';
import { DerError, DerReader, dottedOid, TAG } from './der.ts';

function over(encoding: string | Bytes): DerReader {
  return DerReader.over(typeof encoding === 'string' ? unhex(encoding) : encoding, 'value');
}

function fails(read: () => unknown, problem: RegExp): DerError {
  let caught: unknown;
  assert.throws(read, (error) => {
    caught = error;
    return error instanceof DerError && problem.test(error.message);
  });
  return caught as DerError;
}

describe('lengths', () => {
  test('in every form that is the shortest', () => {
    for (const length of [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000]) {
      const reader = over(octetString(new Uint8Array(length)));
      assert.equal(reader.contents(TAG.octetString).length, length);
      reader.finish();
    }
  });

  const wrong: Readonly<Record<string, [number[], RegExp]>> = {
    'longer than needed, one octet': [[0x81, 0x05], /length longer than needed/],
    'longer than needed, two octets': [[0x82, 0x00, 0xff], /length longer than needed/],
    'longer than needed, three octets': [[0x83, 0x00, 0x01, 0x00], /length longer than needed/],
    'indefinite': [[0x80], /indefinite length/],
    'of four octets': [[0x84, 0x00, 0x00, 0x01, 0x00], /too long/],
    'reserved': [[0xff], /too long/],
    'that runs past the end': [[0x40], /cut off/],
    'cut off itself': [[0x82, 0x01], /cut off|longer/],
  };
  for (const [name, [length, problem]] of Object.entries(wrong))
    test(`refused: ${name}`, () => {
      fails(() => over(tlvWithLength(0x04, length, new Uint8Array(5))).contents(TAG.octetString), problem);
    });
});

test('tags: another than expected, of more than one byte, and none at all', () => {
  fails(() => over('0500').contents(TAG.octetString), /tag 0x05 where 0x04 belongs/);
  fails(() => over('1f8100').any(), /tag 0x1f is not in use/);
  fails(() => over('0000').any(), /tag 0x00 is not in use/);
  fails(() => over('').any(), /missing/);
  fails(() => over('04').any(), /cut off/);
});

test('booleans: 00 and FF, one byte', () => {
  assert.equal(over(boolean(true)).boolean('b'), true);
  assert.equal(over(boolean(false)).boolean('b'), false);
  for (const encoding of ['010101', '0100', '0102ffff']) fails(() => over(encoding).boolean('b'), /not a boolean/);
});

test('integers: any, in the shortest form', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }), (number) => {
      const bytes = over(integer(number)).integer('i');
      let value = (bytes[0] as number) >= 0x80 ? -1n : 0n;
      for (const byte of bytes) value = (value << 8n) | BigInt(byte);
      return value === number;
    }),
  );
  for (const encoding of ['0200', '02020001', '0202007f', '0202ffff', '0202ff80'])
    fails(() => over(encoding).integer('i'), /empty integer|integer longer than needed/);
  for (const encoding of ['02020080', '0202ff7f', '020100', '0201ff']) over(encoding).integer('i');
});

test('small integers: from 0 to a maximum', () => {
  assert.equal(over(integer(0)).smallInteger('i', 2), 0);
  assert.equal(over(integer(2)).smallInteger('i', 2), 2);
  assert.equal(over(integer(0x7fffffff)).smallInteger('i', 0x7fffffff), 0x7fffffff);
  fails(() => over(integer(3)).smallInteger('i', 2), /greater than 2/);
  fails(() => over(integer(-1)).smallInteger('i', 2), /negative/);
  fails(() => over(integer(2 ** 40)).smallInteger('i', 2), /greater than 2/);
});

test('bit strings of whole bytes', () => {
  assert.deepEqual(over(bitString(unhex('aabb'))).octetAlignedBits('b'), unhex('aabb'));
  for (const encoding of ['0300', '030201fe', '030208ff'])
    fails(() => over(encoding).octetAlignedBits('b'), /not whole bytes/);
});

test('named bits', () => {
  assert.equal(over(namedBits([0])).namedBits('b'), 0x80000000 | 0);
  assert.equal(over(namedBits([5, 6])).namedBits('b'), 0x06000000);
  assert.equal(over(namedBits([8])).namedBits('b'), 0x00800000);
  assert.equal(over(namedBits([])).namedBits('b'), 0);
  assert.equal(over('03020006').namedBits('b'), 0x06000000);
  // A set bit among the unused ones, more unused than a byte has, none in no byte, no octet at all, too many.
  for (const encoding of ['03020781', '030208ff', '030101', '0300', '0306000102030401'])
    fails(() => over(encoding).namedBits('b'), /not a list of bits|bits behind the last one set/);
});

test('object identifiers', () => {
  for (const dotted of ['2.5.29.17', '1.2.840.113549.1.1.11', '1.3.6.1.4.1.11129.2.4.2', '0.9.2342', '2.999.1'])
    assert.equal(dottedOid(over(oid(dotted)).oid()), dotted);
  // 2.25 and a UUID, with arcs above 2^64.
  assert.equal(
    dottedOid('6983fefefefefefefefefefefefefefefefefe7e'),
    `2.25.${BigInt(`0b${'1'.repeat(2)}${'1111110'.repeat(18)}`)}`,
  );
  for (const encoding of ['0600', '060180', '0602558f', '0603558001'])
    fails(() => over(encoding).oid(), /object identifier/);
  fails(() => over(concat(unhex('0641'), new Uint8Array(65).fill(1))).oid(), /not an object identifier/);
});

test('null has no contents', () => {
  over(nullValue()).null('n');
  fails(() => over('050100').null('n'), /null with contents/);
});

test('nothing may follow', () => {
  fails(() => DerReader.whole(unhex('300005'), TAG.sequence, 'value'), /value at byte 2: trailing bytes/);
  fails(() => DerReader.whole(unhex('30020500'), TAG.sequence, 'value').finish(), /trailing bytes/);
});

test('errors say where', () => {
  const inner = sequence(integer(1), sequence(oid('1.2.3'), unhex('0101aa')));
  const outer = DerReader.whole(sequence(nullValue(), inner), TAG.sequence, 'certificate');
  outer.null('nothing');
  const fields = outer.enter(TAG.sequence, 'extensions');
  fields.integer('version');
  const item = fields.enter(TAG.sequence);
  item.oid('extnID');
  const error = fails(() => item.boolean('critical'), /not a boolean/);
  assert.equal(error.path, 'certificate.extensions[1].critical');
  assert.equal(error.offset, 15);
  assert.equal(error.message, 'certificate.extensions[1].critical at byte 15: not a boolean');
});

test('a value of unknown type is checked to its depth, and no deeper than the bound', () => {
  assert.deepEqual(
    over(sequence(sequence(integer(1)), nullValue())).any(),
    sequence(sequence(integer(1)), nullValue()),
  );
  fails(() => over(sequence(unhex('0481ff'))).any(), /cut off/);
  let nested: Bytes = nullValue();
  for (let depth = 0; depth < LIMITS.derNesting; depth++) nested = sequence(nested);
  over(nested).any();
  fails(() => over(sequence(nested)).any(), /nested too deeply/);
});

test('a value of unknown type has the form that DER has for its type', () => {
  // Strings in pieces, lists that are not constructed, a constructed boolean.
  for (const encoding of ['2403040100', '2303030100', '3600', '2203020101', '2103010100', '1000', '1100'])
    fails(() => over(encoding).any(), /is not in use/);
  for (const encoding of ['2800', '2b00', '8000', 'a000', '4000', '6000', 'c000', '0c00']) over(encoding).any();
});

test('no more values than the bound', () => {
  const many = (count: number): Bytes => sequence(...new Array<Bytes>(count).fill(nullValue()));
  over(many(LIMITS.derElements - 1)).any();
  fails(() => over(many(LIMITS.derElements)).any(), /too many values/);
});

test('any bytes are read or refused, never misread', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        assert.deepEqual(over(bytes).any(), bytes.subarray(0, over(bytes).any().length));
      } catch (error) {
        assert.ok(error instanceof DerError, String(error));
      }
    }),
  );
});
