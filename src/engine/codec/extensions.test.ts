import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ascii, type Bytes, concat, EMPTY } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { ByteReader } from '../../core/reader.ts';
import { ByteWriter } from '../../core/writer.ts';
import { malformed } from './decode.ts';
import {
  decodeAuthorities,
  decodeCodePoints,
  decodeCookie,
  decodeEmpty,
  decodeKeyShareEntry,
  decodeKeyShares,
  decodeOcspResponse,
  decodeProtocolNames,
  decodePskModes,
  decodeServerName,
  decodeShortCodePoints,
  decodeU16,
  decodeU32,
  encodeAuthorities,
  encodeCodePoints,
  encodeCookie,
  encodeKeyShareEntry,
  encodeKeyShares,
  encodeOcspResponse,
  encodeProtocolNames,
  encodePskModes,
  encodeServerName,
  encodeShortCodePoints,
  encodeU16,
  encodeU32,
  readExtensions,
  requireRequested,
  writeExtensions,
} from './extensions.ts';
import { EXTENSION } from './registry.ts';

/** Each value goes there and back; each of its encoding's prefixes, and one byte more, is a decode-error. */
function roundTrips<T>(name: string, value: T, encode: (value: T) => Bytes, decode: (body: Bytes) => T): void {
  test(`${name}: there and back, and no other length`, () => {
    const encoded = encode(value);
    assert.deepEqual(decode(encoded), value);
    for (let length = 0; length < encoded.length; length++) isDecodeError(() => decode(encoded.subarray(0, length)));
    isDecodeError(() => decode(concat(encoded, Uint8Array.of(0))));
  });
}

function isDecodeError(work: () => unknown): void {
  assert.throws(work, (error) => error instanceof TlsError && error.why === 'decode-error');
}

const share = { group: 29, share: Uint8Array.of(1, 2, 3) };
const codes = (body: Bytes): readonly number[] => decodeCodePoints('supported_groups', body);
const shortCodes = (body: Bytes): readonly number[] => decodeShortCodePoints('supported_versions', body);

roundTrips('server_name', ascii('example.test'), encodeServerName, decodeServerName);
roundTrips('ALPN', [ascii('h2'), ascii('http/1.1')], encodeProtocolNames, decodeProtocolNames);
roundTrips('supported_groups', [29, 0x11ec], encodeCodePoints, codes);
roundTrips('supported_versions', [0x0304, 0x0303], encodeShortCodePoints, shortCodes);
roundTrips('a number of two bytes', 0xfe01, encodeU16, (body) => decodeU16('record_size_limit', body));
roundTrips('a number of four bytes', 0xfe010203, encodeU32, (body) => decodeU32('early_data', body));
roundTrips('cookie', ascii('cookie'), encodeCookie, decodeCookie);
roundTrips('key_share entry', share, encodeKeyShareEntry, decodeKeyShareEntry);
roundTrips('key_share list', [share, { group: 23, share: Uint8Array.of(4) }], encodeKeyShares, decodeKeyShares);
roundTrips('psk_key_exchange_modes', [1, 0], encodePskModes, decodePskModes);
roundTrips('certificate_authorities', [ascii('a'), ascii('bc')], encodeAuthorities, decodeAuthorities);
roundTrips('status_request of a certificate', ascii('response'), encodeOcspResponse, decodeOcspResponse);

test('what may not be empty is not', () => {
  isDecodeError(() => decodeServerName(encodeServerName(EMPTY)));
  isDecodeError(() => decodeProtocolNames(encodeProtocolNames([])));
  isDecodeError(() => decodeProtocolNames(encodeProtocolNames([ascii('h2'), EMPTY])));
  isDecodeError(() => codes(encodeCodePoints([])));
  isDecodeError(() => shortCodes(encodeShortCodePoints([])));
  isDecodeError(() => decodeCookie(encodeCookie(EMPTY)));
  isDecodeError(() => decodeKeyShareEntry(encodeKeyShareEntry({ group: 29, share: EMPTY })));
  isDecodeError(() => decodePskModes(encodePskModes([])));
  isDecodeError(() => decodeAuthorities(encodeAuthorities([])));
  isDecodeError(() => decodeAuthorities(encodeAuthorities([EMPTY])));
  isDecodeError(() => decodeOcspResponse(encodeOcspResponse(EMPTY)));
  isDecodeError(() => decodeEmpty('server_name', Uint8Array.of(0)));
});

test('lists of two-byte values have an even length', () => {
  isDecodeError(() => codes(Uint8Array.of(0, 3, 0, 29, 0)));
  isDecodeError(() => shortCodes(Uint8Array.of(3, 3, 4, 0)));
});

test('names and staples of other types than the one we know are refused', () => {
  isDecodeError(() => decodeServerName(Uint8Array.of(0, 4, 1, 0, 1, 0x61)));
  isDecodeError(() => decodeOcspResponse(Uint8Array.of(2, 0, 0, 1, 0x61)));
});

function block(...pairs: [number, Bytes][]): Bytes {
  const writer = new ByteWriter();
  writer.vector16((body) => {
    for (const [code, value] of pairs) body.u16(code).vector16(value);
  });
  return writer.finish();
}

function read(bytes: Bytes, ...rest: ['decode-error'] | []): ReadonlyMap<number, Bytes> {
  return readExtensions(new ByteReader(bytes, () => malformed('test')), ...rest);
}

test('an extension block keeps its order', () => {
  const extensions = new Map([
    [51, ascii('b')],
    [0, EMPTY],
    [0x0a0a, ascii('a')],
  ]);
  const writer = new ByteWriter();
  writeExtensions(writer, extensions);
  assert.deepEqual([...read(writer.finish())], [...extensions]);
});

test('an extension block is not cut short at any byte', () => {
  const whole = block([EXTENSION.server_name, EMPTY], [EXTENSION.cookie, ascii('abc')]);
  for (let length = 0; length < whole.length; length++) isDecodeError(() => read(whole.subarray(0, length)));
});

test('an extension comes once', () => {
  const twice = block([EXTENSION.cookie, EMPTY], [EXTENSION.cookie, EMPTY]);
  assert.throws(() => read(twice), { why: 'duplicate-extension', detail: 'cookie twice' });
  assert.throws(() => read(twice, 'decode-error'), { why: 'decode-error' });
});

test('an extension answers one that was asked for, where it belongs', () => {
  const extensions = new Map([[EXTENSION.key_share as number, EMPTY]]);
  const asked = (code: number): boolean => code === EXTENSION.key_share;
  requireRequested('ServerHello', extensions, [EXTENSION.key_share], asked);
  assert.throws(() => requireRequested('ServerHello', extensions, [EXTENSION.key_share], () => false), {
    why: 'unsolicited-extension',
    detail: 'key_share in ServerHello',
  });
  assert.throws(() => requireRequested('EncryptedExtensions', extensions, [], asked), { why: 'misplaced-extension' });
  assert.throws(() => requireRequested('ServerHello', new Map([[4242, EMPTY]]), [], asked), {
    detail: 'extension 4242 in ServerHello',
  });
});
