import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hex, unhex } from '../core/bytes.ts';
import { parseIpAddress } from '../core/ip-address.ts';
import {
  addressDomain,
  decodeAddress,
  encodeAddress,
  formatAddress,
  parseIpEndpoint,
  type SocketAddress,
} from './addresses.ts';
import { AF, ERRNO } from './constants.ts';
import { SystemError } from './errors.ts';

const interfaces = { interfaceIndex: (name: string) => (name === 'eth0' ? 7 : -ERRNO.ENODEV) };

function endpoint(text: string, port = 443): SocketAddress {
  const address = parseIpEndpoint(interfaces, text, port);
  assert.ok(address !== null, text);
  return address;
}

/** netinet/in.h and sys/un.h on x86-64 and arm64. */
const ENCODINGS: readonly [SocketAddress, number, string, string][] = [
  [endpoint('127.0.0.1'), AF.INET, '0200 01bb 7f000001 0000000000000000', '127.0.0.1:443'],
  [endpoint('::1', 8443), AF.INET6, '0a00 20fb 00000000 00000000000000000000000000000001 00000000', '[::1]:8443'],
  [endpoint('fe80::1%3'), AF.INET6, '0a00 01bb 00000000 fe800000000000000000000000000001 03000000', '[fe80::1%3]:443'],
  [
    endpoint('fe80::2%eth0'),
    AF.INET6,
    '0a00 01bb 00000000 fe800000000000000000000000000002 07000000',
    '[fe80::2%7]:443',
  ],
  [{ family: 'unix', path: '/run/a' }, AF.UNIX, '0100 2f72756e2f61 00', 'unix:/run/a'],
  [{ family: 'unix', path: '\0a' }, AF.UNIX, '0100 0061', 'unix:@a'],
];

test('addresses have the bytes of struct sockaddr', () => {
  for (const [address, domain, encoded, text] of ENCODINGS) {
    assert.equal(addressDomain(address), domain);
    assert.equal(hex(encodeAddress(address)), encoded.replaceAll(' ', ''));
    assert.deepEqual(decodeAddress(unhex(encoded)), address);
    assert.equal(formatAddress(address), text);
  }
});

test('a zone is the number or the name of an interface, and belongs to IPv6', () => {
  for (const text of ['fe80::1%', '127.0.0.1%lo', 'fe80::1%a/b', 'fe80::1%eth0%1', 'localhost', '[::1]'])
    assert.equal(parseIpEndpoint(interfaces, text, 1), null, text);
  assert.throws(() => parseIpEndpoint(interfaces, 'fe80::1%eth9', 1), SystemError);
});

test('what does not fit is refused', () => {
  for (const port of [-1, 65_536, 1.5, Number.NaN])
    assert.throws(() => parseIpEndpoint(interfaces, '127.0.0.1', port), RangeError);
  assert.throws(() => encodeAddress({ family: 'unix', path: 'x'.repeat(108) }), RangeError);
  assert.equal(encodeAddress({ family: 'unix', path: 'x'.repeat(107) }).length, 110);
});

test('an unnamed Unix socket has an empty path; other families and lengths are not decoded', () => {
  assert.deepEqual(decodeAddress(unhex('0100')), { family: 'unix', path: '' });
  for (const wrong of ['', '01', '0200', '1000 0000', '0200 01bb 7f000001', `0200 01bb 7f000001 ${'00'.repeat(9)}`])
    assert.equal(decodeAddress(unhex(wrong)), null, wrong);
  assert.equal(decodeAddress(unhex(`0a00${'00'.repeat(25)}`)), null);
  assert.equal(decodeAddress(unhex(`0100${'61'.repeat(110)}`)), null);
});

test('encode, then decode, gives the same address', () => {
  const ip = fc.oneof(fc.ipV4(), fc.ipV6());
  fc.assert(
    fc.property(ip, fc.nat(65_535), fc.nat(2 ** 32 - 1), (text, port, zone) => {
      const address = parseIpAddress(text) as Uint8Array;
      const scope = address.length === 16 ? zone : 0;
      const wanted: SocketAddress = { family: 'ip', address, port, scope };
      assert.deepEqual(decodeAddress(encodeAddress(wanted)), wanted);
    }),
  );
});

test('decoding takes any bytes', () => {
  const bytes = fc.uint8Array({ maxLength: 130 });
  fc.assert(
    fc.property(bytes, fc.constantFrom(0, 1, 2, 10), (bytes, family) => {
      if (bytes.length >= 2) bytes.set([family, 0]);
      const address = decodeAddress(bytes);
      if (address?.family === 'ip') assert.deepEqual(decodeAddress(encodeAddress(address)), address);
    }),
  );
});
