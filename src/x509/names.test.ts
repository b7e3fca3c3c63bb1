import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ipBytes } from '../../tests/support/certificate-extensions.ts';
import { explicit, ia5String, oid, utf8String } from '../../tests/support/der-writer.ts';
import { ascii, type Bytes, hex, unhex } from '../core/bytes.ts';
import type { GeneralName } from './general-names.ts';
import {
  formatGeneralName,
  formatReference,
  hostReference,
  InvalidIdentifier,
  isDnsName,
  matches,
  parseReferenceIdentifier,
} from './names.ts';

/** UTS 46 of the one name that the tests have. */
const toAscii = (name: string): string => (name === 'bücher.test' ? 'xn--bcher-kva.test' : '');

const dns = (name: string): GeneralName => ({ kind: 'dns', bytes: ascii(name) });
const ip = (bytes: Bytes): GeneralName => ({ kind: 'ip', bytes });
const email = (mailbox: string): GeneralName => ({ kind: 'email', bytes: ascii(mailbox) });

describe('--name', () => {
  const digest = `${'aa'.repeat(31)}f0`;
  const good: Readonly<Record<string, string>> = {
    'dns:Example.TEST': 'dns:example.test',
    'dns:example.test.': 'dns:example.test',
    'dns:bücher.test': 'dns:xn--bcher-kva.test',
    'dns:localhost': 'dns:localhost',
    'dns:my_service': 'dns:my_service',
    'ip:192.0.2.1': 'ip:192.0.2.1',
    'ip:2001:DB8::1': 'ip:2001:db8::1',
    'ip:[::1]': 'ip:::1',
    'email:User@Example.test': 'email:User@example.test',
    'srv:_IMAPS.Example.test': 'srv:_imaps.example.test',
    'uri:SIP:Example.test': 'uri:sip:example.test',
    'uri:https://bücher.test': 'uri:https://xn--bcher-kva.test',
    'uri:spiffe://Example.test/Path': 'uri:spiffe://example.test/Path',
    [`spki-sha256:${digest.toUpperCase()}`]: `spki-sha256:${digest}`,
    [`spki-sha256:${digest.replace(/..(?=.)/g, '$&:')}`]: `spki-sha256:${digest}`,
    [`spki-sha256:${Buffer.from(unhex(digest)).toString('base64')}`]: `spki-sha256:${digest}`,
    'example.test': 'dns:example.test',
    '192.0.2.1': 'ip:192.0.2.1',
    '::1': 'ip:::1',
    'dead:beef::': 'ip:dead:beef::',
  };
  for (const [text, expected] of Object.entries(good))
    test(text, () => assert.equal(formatReference(parseReferenceIdentifier(text, toAscii)), expected));

  const bad = [
    '',
    'dns:',
    'dns:.',
    'dns:a..b',
    'dns:-a.test',
    'dns:a-.test',
    'dns:*.example.test',
    'dns:a b',
    'dns:192.0.2.1',
    'dns:192.0.2.256',
    'dns:grüße.test',
    `dns:${'a'.repeat(64)}.test`,
    `dns:${'a.'.repeat(127)}test`,
    'ip:192.0.2',
    'ip:192.0.2.01',
    'ip:example.test',
    'email:example.test',
    'email:@example.test',
    'email:a@b@example.test',
    'srv:imaps.example.test',
    'srv:_imaps.*.test',
    'srv:_imaps',
    'uri:example.test',
    'uri:https://a@example.test',
    'uri:https://example.test:443',
    'uri:https://*.test',
    'uri:https://example.test/ ',
    'spki-sha256:aa',
    `spki-sha256:${'g'.repeat(64)}`,
    `spki-sha256:${'A'.repeat(42)}B=`,
    `spki-sha256:${'A'.repeat(44)}`,
    'a\nb',
  ];
  for (const text of bad)
    test(`refused: ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parseReferenceIdentifier(text, toAscii),
        (error) => error instanceof InvalidIdentifier && !/\p{Cc}/u.test(error.message),
      );
    });
});

test('the host that was dialled: brackets and zone are not part of the name', () => {
  assert.equal(formatReference(hostReference('[fe80::1%eth0]', toAscii)), 'ip:fe80::1');
  assert.equal(formatReference(hostReference('fe80::1%25', toAscii)), 'ip:fe80::1');
  assert.equal(formatReference(hostReference('www.example.test.', toAscii)), 'dns:www.example.test');
  assert.throws(() => hostReference('a%b', toAscii), InvalidIdentifier);
});

describe('RFC 9525 section 6.3', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['example.test', 'example.test', true],
    ['EXAMPLE.Test', 'example.test', true],
    ['example.test', 'www.example.test', false],
    ['www.example.test', 'example.test', false],
    ['example.test.', 'example.test', false],
    ['*.example.test', 'www.example.test', true],
    ['*.Example.test', 'www.example.test', true],
    ['*.example.test', 'xn--bcher-kva.example.test', true],
    ['*.example.test', 'example.test', false],
    ['*.example.test', 'a.b.example.test', false],
    ['*.*.example.test', 'a.b.example.test', false],
    ['a.*.example.test', 'a.b.example.test', false],
    ['w*.example.test', 'www.example.test', false],
    ['*w.example.test', 'www.example.test', false],
    ['xn--*.example.test', 'xn--bcher-kva.example.test', false],
    ['*.test', 'example.test', false],
    ['*', 'localhost', false],
    ['*.', 'localhost', false],
    ['', 'localhost', false],
    ['localhost', 'localhost', true],
    ['192.0.2.1', '192.0.2.1', false],
    ['example.test\u0000.evil.test', 'example.test', false],
  ];
  for (const [presented, name, expected] of cases)
    test(`${JSON.stringify(presented)} is ${expected ? '' : 'not '}${name}`, () => {
      assert.equal(matches(dns(presented), { type: 'dns', name }), expected);
    });

  test('addresses: all bytes, and only those of an iPAddress', () => {
    const reference = { type: 'ip', address: ipBytes('192.0.2.1') } as const;
    assert.equal(matches(ip(ipBytes('192.0.2.1')), reference), true);
    assert.equal(matches(ip(ipBytes('192.0.2.2')), reference), false);
    assert.equal(matches(ip(ipBytes('::ffff:c000:201')), reference), false);
    assert.equal(matches(dns('192.0.2.1'), reference), false);
  });

  test('mailboxes: the local part exactly, the host in any case', () => {
    const reference = { type: 'email', mailbox: 'User@example.test' } as const;
    assert.equal(matches(email('User@EXAMPLE.test'), reference), true);
    assert.equal(matches(email('user@example.test'), reference), false);
    assert.equal(matches(dns('User@example.test'), reference), false);
  });

  test('services: an SRVName (RFC 4985), as a whole', () => {
    const srv = (type: string, ...value: Bytes[]): GeneralName => ({
      kind: 'other',
      bytes: explicit(0, oid(type), explicit(0, ...value)),
    });
    const matching = (presented: GeneralName) => matches(presented, { type: 'srv', name: '_imaps.example.test' });
    const id = '1.3.6.1.5.5.7.8.7';
    assert.equal(matching(srv(id, ia5String('_IMAPS.example.TEST'))), true);
    assert.equal(matching(srv(id, ia5String('_imap.example.test'))), false);
    assert.equal(matching(srv(id, ia5String('_imaps.*.test'))), false);
    assert.equal(matching(srv('1.3.6.1.5.5.7.8.5', ia5String('_imaps.example.test'))), false);
    assert.equal(matching(srv(id, utf8String('_imaps.example.test'))), false);
    assert.equal(matching(srv(id, ia5String('_imaps.example.test'), ia5String(''))), false);
    assert.equal(matching(dns('_imaps.example.test')), false);
  });

  const uris: readonly (readonly [string, string, boolean])[] = [
    ['https://Example.test/any?thing', 'https://example.test', true],
    ['SIP:user@example.test', 'sip:example.test', true],
    ['sip:example.test:5061', 'sip:example.test', true],
    ['sips:example.test', 'sip:example.test', false],
    ['https://example.test.evil.test/', 'https://example.test', false],
    ['https://example.test@evil.test/', 'https://example.test', false],
    ['https://*.test/', 'https://example.test', false],
    ['https://evil.test/https://example.test', 'https://example.test', false],
    ['spiffe://Example.test/a', 'spiffe://example.test/a', true],
    ['spiffe://example.test/A', 'spiffe://example.test/a', false],
    ['spiffe://example.test/a/b', 'spiffe://example.test/a', false],
    ['spiffe://example.test:1/a', 'spiffe://example.test/a', false],
    ['spiffe://x@example.test/a', 'spiffe://example.test/a', false],
    ['spiffe://example.test', 'spiffe://example.test/a', false],
  ];
  for (const [presented, uri, expected] of uris)
    test(`the URI ${presented} is ${expected ? '' : 'not '}${uri}`, () => {
      assert.equal(matches({ kind: 'uri', bytes: ascii(presented) }, { type: 'uri', uri }), expected);
      assert.equal(matches(dns(presented), { type: 'uri', uri }), false);
    });

  test('a name of another kind, and a pin, are no name', () => {
    assert.equal(matches({ kind: 'uri', bytes: ascii('example.test') }, { type: 'dns', name: 'example.test' }), false);
    assert.equal(matches(dns('a.test'), { type: 'spki-sha256', digest: new Uint8Array(32) }), false);
  });
});

test('domain names', () => {
  assert.equal(isDnsName('*.a.test', 'wildcard-allowed'), true);
  assert.equal(isDnsName('*.a.test', 'no-wildcard'), false);
  assert.equal(isDnsName('*.test', 'wildcard-allowed'), false);
  assert.equal(isDnsName('a.1', 'no-wildcard'), false);
  assert.equal(isDnsName('1.a', 'no-wildcard'), true);
  assert.equal(isDnsName(`${'a.'.repeat(126)}a`, 'no-wildcard'), true);
  assert.equal(isDnsName(`${'a.'.repeat(126)}aa`, 'no-wildcard'), false);
});

test('names for people', () => {
  assert.equal(formatGeneralName(dns('a\u001b[31m')), 'dns:a\\1b[31m');
  assert.equal(formatGeneralName(ip(ipBytes('::1'))), 'ip:::1');
  assert.equal(formatGeneralName(ip(unhex('0102'))), `ip:${hex(unhex('0102'))}`);
  assert.equal(formatGeneralName({ kind: 'directory', bytes: unhex('3000') }), 'directory');
  for (const kind of ['dns', 'email', 'uri', 'ip'] as const)
    assert.ok(formatGeneralName({ kind, bytes: new Uint8Array(46_000) }).length < 320, kind);
});
