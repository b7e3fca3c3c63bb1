import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type GeneralNames,
  ipBytes,
  nameConstraints,
  subjectAltName,
} from '../../tests/support/certificate-extensions.ts';
import { certificate, commonName, distinguishedName } from '../../tests/support/certificates.ts';
import {
  explicit,
  ia5String,
  implicit,
  oid,
  printableString,
  tlv,
  utf8String,
} from '../../tests/support/der-writer.ts';
import { type Bytes, concat, unhex } from '../core/bytes.ts';
import { TlsError } from '../core/failures.ts';
import { LIMITS } from '../core/limits.ts';
import { Budget } from './budget.ts';
import { Certificate } from './certificate.ts';
import { checkNameConstraints } from './name-constraints.ts';

interface Constraints {
  readonly permitted?: GeneralNames;
  readonly excluded?: GeneralNames;
}

/** The reason for which a certificate with those names is refused below a CA with those constraints; undefined if it is not. */
function refusal(
  constraints: Constraints,
  names: GeneralNames,
  subject: Bytes = distinguishedName([]),
): string | undefined {
  const ca = new Certificate(certificate({ subject: 'ca', extensions: { nc: nameConstraints(constraints) } }).der);
  const leaf = new Certificate(certificate({ subject, extensions: { san: subjectAltName(names) } }).der);
  const { nameConstraints: read } = ca.extensions;
  assert.ok(read !== undefined);
  try {
    checkNameConstraints(read, leaf, new Budget());
    return undefined;
  } catch (error) {
    assert.ok(error instanceof TlsError && error.why === 'certificate-name-constraint', String(error));
    return error.detail;
  }
}

type Kind = 'dns' | 'ip' | 'email' | 'uri' | 'directory';

/** For each case: constraint, name, whether the name is within it. Checked as permitted and as excluded. */
function both(kind: Kind, cases: readonly (readonly [string | Bytes, string | Bytes, boolean])[]): void {
  for (const [base, name, within] of cases)
    test(`${String(name)} is ${within ? '' : 'not '}within ${String(base) || '(all)'}`, () => {
      const permitted = refusal({ permitted: { [kind]: [base] } }, { [kind]: [name] });
      const excluded = refusal({ excluded: { [kind]: [base] } }, { [kind]: [name] });
      if (within) assert.deepEqual([permitted, /excluded/.test(excluded ?? '')], [undefined, true]);
      else assert.deepEqual([/not among those permitted/.test(permitted ?? ''), excluded], [true, undefined]);
    });
}

describe('dns', () => {
  both('dns', [
    ['example.test', 'example.test', true],
    ['example.test', 'www.example.test', true],
    ['example.test', 'a.b.example.test', true],
    ['example.test', 'EXAMPLE.Test', true],
    ['EXAMPLE.test', 'www.example.test', true],
    ['example.test', 'notexample.test', false],
    ['www.example.test', 'example.test', false],
    ['', 'example.test', true],
    ['example.test', '*.example.test', true],
    ['example.test', '*.www.example.test', true],
    ['other.test', '*.example.test', false],
    ['a.b.example.test', '*.example.test', false],
  ]);

  test('a wildcard may stand for what is excluded, and for more than is permitted (CVE-2025-61727)', () => {
    assert.match(refusal({ excluded: { dns: ['bar.example.test'] } }, { dns: ['*.example.test'] }) ?? '', /excluded/);
    assert.match(refusal({ permitted: { dns: ['foo.example.test'] } }, { dns: ['*.example.test'] }) ?? '', /not among/);
  });

  test('malformed names and constraints', () => {
    const permitted = { dns: ['example.test'] };
    for (const name of [
      '',
      'a..example.test',
      '*',
      'a.*.example.test',
      'example.test.',
      '10.example.1',
      '-.example.test',
    ])
      assert.match(refusal({ permitted }, { dns: [name] }) ?? '', /malformed/, name);
    for (const base of ['.example.test', '*.example.test', 'example.test.', 'a b'])
      assert.match(
        refusal({ excluded: { dns: [base] } }, { dns: ['www.example.test'] }) ?? '',
        /not a domain name/,
        base,
      );
  });
});

describe('ip', () => {
  const network = (address: string, mask: string): Bytes => concat(ipBytes(address), ipBytes(mask));
  both('ip', [
    [network('192.0.2.0', '255.255.255.0'), '192.0.2.77', true],
    [network('192.0.2.0', '255.255.255.0'), '192.0.3.77', false],
    [network('192.0.2.0', '255.255.254.0'), '192.0.3.77', true],
    [network('0.0.0.0', '0.0.0.0'), '192.0.2.1', true],
    [network('192.0.2.1', '255.255.255.255'), '192.0.2.1', true],
    [network('2001:db8::', 'ffff:ffff::'), '2001:db8::1', true],
    [network('2001:db8::', 'ffff:ffff::'), '2001:db9::1', false],
    [network('::', '::'), '192.0.2.1', false],
  ]);
  test('a mask that is no prefix, or no mask', () => {
    const names = { ip: ['192.0.2.1'] };
    for (const base of [
      network('192.0.2.0', '255.0.255.0'),
      network('192.0.2.0', '255.255.255.1'),
      ipBytes('192.0.2.0'),
    ])
      assert.match(refusal({ permitted: { ip: [base] } }, names) ?? '', /not a network/);
  });
  test('an address of neither kind', () => {
    const permitted = { ip: [network('0.0.0.0', '0.0.0.0')] };
    assert.match(refusal({ permitted }, { ip: [unhex('c00002')] }) ?? '', /malformed/);
  });
});

describe('email', () => {
  both('email', [
    ['example.test', 'a@example.test', true],
    ['example.test', 'a@EXAMPLE.test', true],
    ['example.test', 'a@www.example.test', false],
    ['.example.test', 'a@www.example.test', true],
    ['.example.test', 'a@example.test', false],
    ['a@example.test', 'a@example.test', true],
    ['a@Example.test', 'a@example.test', true],
    ['A@example.test', 'a@example.test', false],
    ['*@example.test', 'a@example.test', false],
    ['*@example.test', '*@example.test', true],
    ['', 'a@example.test', true],
  ]);
  test('malformed', () => {
    for (const name of ['example.test', 'a@b@example.test', '@example.test', 'a@'])
      assert.match(refusal({ permitted: { email: ['example.test'] } }, { email: [name] }) ?? '', /malformed/, name);
    for (const base of ['a@', '@', 'a@b@c.test', '..test'])
      assert.match(
        refusal({ excluded: { email: [base] } }, { email: ['a@b.test'] }) ?? '',
        /not a (mailbox|host)/,
        base,
      );
  });
  test('in the subject, where subjectAltName has none', () => {
    const subject = distinguishedName([['1.2.840.113549.1.9.1', ia5String('a@evil.test')]]);
    const permitted = { email: ['example.test'] };
    assert.match(refusal({ permitted }, { dns: ['a.test'] }, subject) ?? '', /email:a@evil\.test/);
    assert.equal(refusal({ permitted }, { email: ['a@example.test'] }, subject), undefined);
  });
});

describe('uri', () => {
  both('uri', [
    ['example.test', 'https://example.test/a', true],
    ['example.test', 'https://user@example.test:8443?x', true],
    ['example.test', 'https://www.example.test/', false],
    ['.example.test', 'https://www.example.test/', true],
    ['.example.test', 'https://example.test/', false],
    ['example.test', 'https://evil.test/@example.test/', false],
    ['example.test', 'https://evil.test#@example.test', false],
  ]);
  test('without a host name it is refused', () => {
    for (const name of ['urn:a:b', 'https:///a', 'https://192.0.2.1/', 'https://[::1]/', 'example.test', ''])
      assert.match(refusal({ excluded: { uri: ['example.test'] } }, { uri: [name] }) ?? '', /malformed/, name);
  });
});

describe('directory', () => {
  const [O, CN] = ['2.5.4.10', '2.5.4.3'];
  const base = distinguishedName([[O, utf8String('Example')]]);
  const inside = distinguishedName([
    [O, printableString('EXAMPLE')],
    [CN, utf8String('x')],
  ]);
  test('the subject counts', () => {
    assert.equal(refusal({ permitted: { directory: [base] } }, { dns: ['a.test'] }, inside), undefined);
    assert.match(refusal({ excluded: { directory: [base] } }, { dns: ['a.test'] }, inside) ?? '', /excluded/);
    assert.match(
      refusal({ permitted: { directory: [base] } }, { dns: ['a.test'] }, commonName('x')) ?? '',
      /not among/,
    );
    assert.equal(refusal({ permitted: { directory: [base] } }, { dns: ['a.test'] }), undefined);
  });
  test('a name in subjectAltName counts', () => {
    assert.match(refusal({ excluded: { directory: [base] } }, { directory: [inside] }) ?? '', /excluded/);
    assert.equal(refusal({ permitted: { directory: [base] } }, { directory: [inside] }), undefined);
    assert.match(refusal({ permitted: { directory: [inside] } }, { directory: [base] }) ?? '', /not among/);
  });
});

test('constraints of another kind do not matter', () => {
  assert.equal(
    refusal(
      { permitted: { email: ['example.test'] }, excluded: { ip: [unhex('0a000000ff000000')] } },
      { dns: ['a.test'] },
    ),
    undefined,
  );
});

test('one name outside is enough, whatever the others are', () => {
  const permitted = { dns: ['example.test', 'other.test'] };
  assert.equal(refusal({ permitted }, { dns: ['a.example.test', 'b.other.test'] }), undefined);
  assert.match(refusal({ permitted }, { dns: ['a.example.test', 'evil.test'] }) ?? '', /dns:evil\.test/);
});

test('excluded goes before permitted', () => {
  const constraints = { permitted: { dns: ['example.test'] }, excluded: { dns: ['a.example.test'] } };
  assert.match(refusal(constraints, { dns: ['a.example.test'] }) ?? '', /excluded/);
});

test('a kind that we cannot compare is refused if the certificate has such a name', () => {
  const other = tlv(0xa0, oid('1.2.3'), explicit(0, utf8String('x')));
  assert.match(refusal({ excluded: { raw: [other] } }, { raw: [other] }) ?? '', /cannot compare/);
  assert.equal(refusal({ excluded: { raw: [other] } }, { dns: ['a.test'] }), undefined);
  const registered = implicit(8, unhex('2a03'));
  assert.match(refusal({ permitted: { raw: [registered] } }, { raw: [registered] }) ?? '', /cannot compare/);
});

test('the number of comparisons is bounded', () => {
  const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `a${index}.test`);
  const side = Math.floor(Math.sqrt(LIMITS.nameComparisons)) + 1;
  const { nameConstraints: constraints } = new Certificate(
    certificate({ subject: 'ca', extensions: { nc: nameConstraints({ excluded: { dns: names(side) } }) } }).der,
  ).extensions;
  const leaf = new Certificate(
    certificate({
      subject: 'leaf',
      extensions: { san: subjectAltName({ dns: names(side).map((name) => `x${name}`) }) },
    }).der,
  );
  assert.ok(constraints !== undefined);
  assert.throws(
    () => checkNameConstraints(constraints, leaf, new Budget()),
    (error) => error instanceof TlsError && error.why === 'certificate-budget-exhausted',
  );
});

test('so is the length of what is compared: names as long as certificates, on every path anew', () => {
  const ca = certificate({
    subject: 'ca',
    extensions: { nc: nameConstraints({ excluded: { directory: [commonName('z')] } }) },
  });
  const { nameConstraints: constraints } = new Certificate(ca.der).extensions;
  const leaf = new Certificate(certificate({ subject: 'x'.repeat(20_000) }).der);
  assert.ok(constraints !== undefined);
  const budget = new Budget();
  checkNameConstraints(constraints, leaf, budget);
  assert.throws(
    () => {
      for (let path = 0; path < 10; path++) checkNameConstraints(constraints, leaf, budget);
    },
    (error) => error instanceof TlsError && error.why === 'certificate-budget-exhausted',
  );
});
