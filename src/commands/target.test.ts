import { expect, test } from 'bun:test';
import { UsageError } from './options.ts';
import { formatTarget, parseTarget } from './target.ts';

const accepted: readonly (readonly [string, ReturnType<typeof parseTarget>])[] = [
  ['example.com:443', { host: 'example.com', literal: false, port: 443 }],
  ['EXAMPLE.com.:65535', { host: 'example.com.', literal: false, port: 65535 }],
  ['localhost:1', { host: 'localhost', literal: false, port: 1 }],
  ['bücher.example:443', { host: 'xn--bcher-kva.example', literal: false, port: 443 }],
  ['a_b.example:443', { host: 'a_b.example', literal: false, port: 443 }],
  ['192.0.2.1:443', { host: '192.0.2.1', literal: true, port: 443 }],
  ['[2001:db8::1]:443', { host: '2001:db8::1', literal: true, port: 443 }],
  ['[fe80::1%eth0]:443', { host: 'fe80::1%eth0', literal: true, port: 443 }],
  ['[fe80::1%2]:443', { host: 'fe80::1%2', literal: true, port: 443 }],
];

test.each(accepted)('%s', (text, target) => {
  expect(parseTarget(text)).toEqual(target);
});

test('a target is written as it is read', () => {
  for (const text of ['example.com:443', '192.0.2.1:443', '[2001:db8::1]:443', '[fe80::1%eth0]:443'])
    expect(formatTarget(parseTarget(text))).toBe(text);
});

const refused: readonly (readonly [string, string?])[] = [
  [''],
  [':443'],
  ['example.com:0'],
  ['example.com:65536'],
  ['example.com:+443'],
  ['example.com: 443'],
  ['127.1:443'],
  ['0x7f.0.0.1:443'],
  ['127.0.0.01:443'],
  ['-a.example:443'],
  ['a..example:443'],
  [`${'a'.repeat(64)}.example:443`],
  ['*.example:443'],
  ['[192.0.2.1]:443'],
  ['[fe80::1%]:443'],
  ['[fe80::1%a%b]:443'],
  ['[::1]443'],
  ['user@example.com:443'],
  ['example.com', 'tlsify connect example.com:443'],
  ['192.0.2.1', 'tlsify connect 192.0.2.1:443'],
  ['[::1]', 'tlsify connect [::1]:443'],
  ['::1', 'tlsify connect [::1]:443'],
  ['fe80::1%eth0', 'tlsify connect [fe80::1%eth0]:443'],
  ['2001:db8::1:443', 'tlsify connect [2001:db8::1]:443'],
  ['example.com:imaps', 'tlsify connect example.com:993'],
  ['https://example.com', 'tlsify connect example.com:443'],
  ['HTTPS://example.com:8443/x', 'tlsify connect example.com:8443'],
  ['smtps://mail.example/', 'tlsify connect mail.example:465'],
];

for (const [text, fix] of refused)
  test(`${text} is refused${fix === undefined ? '' : `: ${fix}`}`, () => {
    let refusal: unknown;
    try {
      parseTarget(text);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(UsageError);
    if (fix !== undefined) expect((refusal as UsageError).fix).toBe(fix);
  });

test('what a refusal suggests is accepted', () => {
  for (const [, fix] of refused)
    if (fix !== undefined) expect(() => parseTarget(fix.replace('tlsify connect ', ''))).not.toThrow();
});
