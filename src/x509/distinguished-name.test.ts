import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { distinguishedName } from '../../tests/support/certificates.ts';
import {
  ia5String,
  integer,
  oid,
  printableString,
  sequence,
  setOf,
  TAG,
  tlv,
  utf8String,
} from '../../tests/support/der-writer.ts';
import { type Bytes, unhex } from '../core/bytes.ts';
import { DerError, DerReader } from './der.ts';
import { comparableRelativeNames, formatName, isEmptyName, readName, visible } from './distinguished-name.ts';

const [CN, O, DC] = ['2.5.4.3', '2.5.4.10', '0.9.2342.19200300.100.1.25'];

function read(name: Bytes): Bytes {
  const reader = DerReader.over(name, '');
  const encoding = readName(reader, 'subject');
  reader.finish();
  return encoding;
}

test('the empty name', () => {
  assert.equal(isEmptyName(read(sequence())), true);
  assert.equal(isEmptyName(read(distinguishedName([[CN, utf8String('')]]))), false);
  assert.equal(formatName(sequence()), '');
});

describe('strings with characters that their type does not have', () => {
  const wrong: Readonly<Record<string, Bytes>> = {
    'PrintableString with *': tlv(TAG.printableString, Buffer.from('*')),
    'PrintableString with @': tlv(TAG.printableString, Buffer.from('a@b')),
    'IA5String with a byte above 7F': tlv(TAG.ia5String, unhex('e9')),
    'NumericString with a letter': tlv(TAG.numericString, Buffer.from('12a')),
    'BMPString of odd length': tlv(TAG.bmpString, unhex('006100')),
    'BMPString with a surrogate': tlv(TAG.bmpString, unhex('d83dde00')),
    'UniversalString above U+10FFFF': tlv(TAG.universalString, unhex('00110000')),
    'UTF8String: overlong': tlv(TAG.utf8String, unhex('c080')),
    'UTF8String: overlong, three bytes': tlv(TAG.utf8String, unhex('e08080')),
    'UTF8String: surrogate': tlv(TAG.utf8String, unhex('eda080')),
    'UTF8String: above U+10FFFF': tlv(TAG.utf8String, unhex('f4908080')),
    'UTF8String: cut off': tlv(TAG.utf8String, unhex('e282')),
    'UTF8String: continuation alone': tlv(TAG.utf8String, unhex('80')),
  };
  for (const [name, value] of Object.entries(wrong))
    test(name, () => {
      assert.throws(() => read(distinguishedName([[CN, value]])), /subject\[0\]\[0\]\.value at byte \d+: characters/);
    });
});

test('an attribute of another type is checked as DER', () => {
  read(distinguishedName([[CN, sequence(integer(1))]]));
  assert.throws(() => read(distinguishedName([[CN, tlv(0x30, unhex('0480'))]])), DerError);
});

test('the set of a relative name is not empty, in order, and each once', () => {
  const [a, b] = [sequence(oid(CN), utf8String('a')), sequence(oid(O), utf8String('b'))];
  read(sequence(setOf(a, b)));
  assert.throws(() => read(sequence(tlv(TAG.set, b, a))), /out of order/);
  assert.throws(() => read(sequence(tlv(TAG.set, a, a))), /out of order/);
  assert.throws(() => read(sequence(tlv(TAG.set))), /empty/);
});

describe('RFC 4514', () => {
  test('most specific part first, known and unknown types', () => {
    const name = distinguishedName([
      [DC, ia5String('test')],
      [O, printableString('Example')],
      ['1.2.3.4', utf8String('x')],
      [CN, utf8String('example.test')],
    ]);
    assert.equal(formatName(name), 'CN=example.test,1.2.3.4=x,O=Example,DC=test');
  });

  test('several attributes in one part', () => {
    const part = setOf(sequence(oid(O), utf8String('o')), sequence(oid(CN), utf8String('c')));
    assert.equal(formatName(sequence(part)), 'CN=c+O=o');
  });

  const escapes: Readonly<Record<string, string>> = {
    'a,b+c"d\\e<f>g;h': 'a\\,b\\+c\\"d\\\\e\\<f\\>g\\;h',
    '#a#': '\\#a#',
    ' a b ': '\\ a b\\ ',
    'a\nb\u001b[31m\u007f\u0000': 'a\\0ab\\1b[31m\\7f\\00',
    'Zürich 漢字 😀': 'Zürich 漢字 😀',
    'a\u202eb\u200bc\u2028d\u0085': 'a\\e2\\80\\aeb\\e2\\80\\8bc\\e2\\80\\a8d\\c2\\85',
  };
  for (const [text, expected] of Object.entries(escapes))
    test(JSON.stringify(text), () => {
      assert.equal(formatName(distinguishedName([[CN, utf8String(text)]])), `CN=${expected}`);
    });

  test('what is no string is shown as hexadecimal', () => {
    assert.equal(formatName(distinguishedName([[CN, integer(5)]])), 'CN=#05');
  });

  test('is cut off, and never throws', () => {
    assert.equal(formatName(distinguishedName([[CN, utf8String('a'.repeat(5000))]])).length, 301);
    assert.equal(formatName(unhex('3005')), '(malformed name)');
  });

  test('nothing that a terminal acts upon', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const shown = formatName(distinguishedName([[CN, utf8String(text)]]));
        return !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(shown);
      }),
    );
    assert.equal(visible('\ud800'), '\\ed\\a0\\80');
  });
});

test('RFC 5280 section 7.1: equal whatever the string type, the case and the spaces', () => {
  const forms = [
    utf8String('Example  Org'),
    printableString(' example org '),
    tlv(TAG.teletexString, Buffer.from('EXAMPLE ORG')),
  ];
  const [first, ...others] = forms.map((value) => comparableRelativeNames(distinguishedName([[O, value]])));
  for (const other of others) assert.deepEqual(other, first);
  assert.notDeepEqual(comparableRelativeNames(distinguishedName([[CN, utf8String('example org')]])), first);
  assert.notDeepEqual(comparableRelativeNames(distinguishedName([[O, utf8String('exampleorg')]])), first);
});
