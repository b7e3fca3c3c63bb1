import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatIpAddress, parseIpAddress } from './ip-address.ts';

/** RFC 5952 section 4 and 5: text in, canonical text out. */
const CANONICAL: readonly [string, string][] = [
  ['127.0.0.1', '127.0.0.1'],
  ['0.0.0.0', '0.0.0.0'],
  ['::', '::'],
  ['::1', '::1'],
  ['2001:0db8::0001', '2001:db8::1'],
  ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:DB8::ABCD', '2001:db8::abcd'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['::ffff:c000:0280', '::ffff:192.0.2.128'],
  ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
];

test('text becomes its canonical form', () => {
  for (const [text, canonical] of CANONICAL) {
    const address = parseIpAddress(text);
    assert.ok(address !== null, text);
    assert.equal(formatIpAddress(address), canonical);
  }
});

test('what is not exactly an address is refused', () => {
  const wrong = ['', '1', '1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '0x7f.0.0.1', '1.2.3.4 ', '127.1', '٣.1.1.1'];
  wrong.push(
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    'g::',
    '::1%eth0',
  );
  wrong.push('[::1]', '::1/128', '1.2.3.4::', '::1.2.3.4:5', '::1.2.3', ':1:2:3:4:5:6:7', '1:2:3:4:5:6:7:');
  for (const text of wrong) assert.equal(parseIpAddress(text), null, text);
});

test('agrees with the runtime on any text made of the characters of addresses', () => {
  const text = fc.string({ unit: fc.constantFrom(...'0123456789abcdefF:.'), maxLength: 46 });
  fc.assert(fc.property(text, (text) => (parseIpAddress(text) !== null) === (isIP(text) !== 0)));
});

test('format, then parse, gives the same bytes', () => {
  const group = fc.constantFrom(0, 0, 1, 0xff);
  const bytes = fc.oneof(
    fc.array(group, { minLength: 16, maxLength: 16 }),
    fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }),
  );
  fc.assert(
    fc.property(bytes, (numbers) => {
      const address = Uint8Array.from(numbers);
      assert.deepEqual(parseIpAddress(formatIpAddress(address)), address);
    }),
  );
  assert.throws(() => formatIpAddress(new Uint8Array(5)), RangeError);
});
