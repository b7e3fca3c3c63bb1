import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  authority,
  clientCertificate,
  distinguishedName,
  serverCertificate,
  type TestCertificate,
} from '../../tests/support/certificates.ts';
import { utf8String } from '../../tests/support/der-writer.ts';
import { accepted, anchors, NAMES, rejected, verify } from '../../tests/support/verification.ts';
import { hex } from '../core/bytes.ts';
import { nodeCrypto } from '../crypto-node/provider.ts';
import { formatClientRule, parseClientRule, type Welcome } from './clients.ts';
import { InvalidIdentifier } from './names.ts';
import type { Verification } from './verify.ts';

const ROOT = authority('Root');
const ISSUING = authority('Issuing', { issuer: ROOT });
const CLIENT = clientCertificate(ISSUING, {
  dns: ['Agent.a.test', '*.wild.test'],
  email: ['Joe@A.test'],
  uri: ['spiffe://a.test/ns/web'],
  ip: ['192.0.2.1'],
});

const rule = (text: string) => parseClientRule(text, () => '');

function check(match: Welcome['match'], rules: readonly string[], client = CLIENT): Verification {
  return verify([client, ISSUING], {
    anchors: anchors(ROOT),
    purpose: 'client',
    references: { match, rules: rules.map(rule) },
  });
}

const keyOf = ({ key }: TestCertificate): string => `spki-sha256:${hex(nodeCrypto.hash('sha256', key.spki))}`;

describe('a client is welcome', () => {
  const holding = [
    'any',
    `ca:${keyOf(ISSUING)}`,
    `ca:${keyOf(ROOT)}`,
    'dns:agent.a.test',
    'dns:*.a.test',
    'dns:*.test',
    'email:Joe@a.test',
    'email:*@a.test',
    'uri:spiffe://a.test/ns/web',
    'uri:spiffe://a.test/ns/*',
    'uri:spiffe://a.test/*',
    'ip:192.0.2.1',
    keyOf(CLIENT),
    'subject:CN=client',
  ];
  for (const text of holding)
    test(`by ${text.slice(0, 40)}`, () => {
      assert.deepEqual(accepted(check('any', ['dns:nobody.test', text])).welcome, [rule(text)]);
      assert.deepEqual(accepted(check('all', [text])).welcome, [rule(text)]);
      assert.equal(formatClientRule(rule(text)), text);
    });
  test('by all of them', () => {
    assert.equal(accepted(check('all', holding)).welcome.length, holding.length);
    assert.deepEqual(accepted(check('all', holding)).matched, []);
  });

  const failing = [
    `ca:${keyOf(CLIENT)}`,
    `ca:${keyOf(authority('Root'))}`,
    'dns:a.test',
    'dns:*.agent.a.test',
    'dns:b.wild.test',
    'dns:*.wild.test',
    'email:joe@a.test',
    'email:*@test',
    'uri:spiffe://a.test/ns',
    'uri:spiffe://a.test/ns/web/*',
    'uri:spiffe://A.test/*',
    'ip:192.0.2.2',
    keyOf(ISSUING),
    'subject:CN=Client',
    'subject:CN=client,O=more',
  ];
  for (const text of failing)
    test(`and not by ${text.slice(0, 40)}`, () => {
      rejected(
        check('any', [text]),
        'certificate-not-welcome',
        /^the client's certificate \(CN=client\) is verified, and not/,
      );
      rejected(check('all', ['any', text]), 'certificate-not-welcome', /: it is not (?!any)/);
    });
});

test('without a rule nobody is welcome, whatever must match', () => {
  for (const match of ['any', 'all'] as const)
    rejected(check(match, []), 'certificate-not-welcome', /nobody is, as no rule says who/);
});

test('one rule that fails is enough where all must hold, and the message says which', () => {
  rejected(
    check('all', ['any', 'dns:b.test', 'dns:c.test']),
    'certificate-not-welcome',
    /it is not dns:b\.test and dns:c\.test$/,
  );
  rejected(
    check('any', ['dns:b.test', 'dns:c.test']),
    'certificate-not-welcome',
    /it is not dns:b\.test or dns:c\.test$/,
  );
  const many = Array.from({ length: 7 }, (_, index) => `dns:b${index}.test`);
  rejected(check('any', many), 'certificate-not-welcome', /dns:b4\.test and 2 more$/);
});

test('rules do not replace the path', () => {
  const stranger = clientCertificate(authority('Stranger'), NAMES);
  const references: Welcome = { match: 'any', rules: [rule('any'), rule(keyOf(stranger))] };
  rejected(
    verify([stranger], { anchors: anchors(ROOT), purpose: 'client', references }),
    'certificate-unknown-issuer',
    /CN=Stranger/,
  );
  const server = serverCertificate(ISSUING, NAMES);
  rejected(
    verify([server, ISSUING], { anchors: anchors(ROOT), purpose: 'client', references }),
    'certificate-wrong-purpose',
    /is not for TLS clients/,
  );
});

test('a self-signed client that is itself in the store comes from no CA', () => {
  const own = clientCertificate(undefined, { dns: ['agent.a.test'] });
  const run = (text: string) =>
    verify([own], {
      anchors: anchors(own),
      purpose: 'client',
      references: { match: 'any', rules: [rule(text)] },
    });
  accepted(run('any'));
  rejected(run(`ca:${keyOf(own)}`), 'certificate-not-welcome', /ca:spki/);
});

test('of several paths one through the right CA is enough', () => {
  const old = authority('Old root');
  const cross = authority('Root', { key: ROOT.key, issuer: old });
  const run = (ca: TestCertificate) =>
    verify([CLIENT, ISSUING, cross], {
      anchors: anchors(ROOT, old),
      purpose: 'client',
      references: { match: 'all', rules: [rule(`ca:${keyOf(ca)}`)] },
    });
  for (const ca of [ROOT, old]) accepted(run(ca));
});

test('rules for clients say of no server who it is', () => {
  const references: Welcome = { match: 'any', rules: [rule('any')] };
  assert.throws(() => verify([CLIENT, ISSUING], { anchors: anchors(ROOT), references }), RangeError);
});

test('a subject is compared whole, however long, and with everything that is invisible', () => {
  const long = 'x'.repeat(400);
  const name = (last: string) =>
    distinguishedName([
      ['2.5.4.10', utf8String(`A, "B"+\u202e${long}${last}`)],
      ['2.5.4.3', utf8String(' #c')],
    ]);
  const client = clientCertificate(ISSUING, NAMES, { subject: name('y') });
  const text = `CN=\\ #c,O=A\\, \\"B\\"\\+\\e2\\80\\ae${long}`;
  accepted(check('any', [`subject:${text}y`], client));
  for (const other of [`${text}z`, text, `${text}…`])
    rejected(check('any', [`subject:${other}`], client), 'certificate-not-welcome', /subject:/);
});

test('a URI below a path has nothing in it that leads out again', () => {
  const below = (path: string) =>
    check('any', ['uri:spiffe://a.test/ns/*'], clientCertificate(ISSUING, { uri: [`spiffe://a.test/ns/${path}`] })).ok;
  for (const path of ['web', 'web/1', 'a.b', '...a', 'x@y:z']) assert.equal(below(path), true, path);
  for (const path of [
    '',
    '/',
    'web/',
    '..',
    '../admin',
    'web/../../x',
    '.',
    '%2e%2e',
    'web?x',
    'web#x',
    'a//b',
    'a\\b',
    'a b',
  ])
    assert.equal(below(path), false, path);
});

describe('rules as text', () => {
  const bad = [
    '',
    'any:',
    'Any',
    'ca:',
    'ca:Root',
    'spki-sha256:aa',
    'dns:',
    'dns:*',
    'dns:a.*',
    'dns:**.a',
    'dns:*.*.a',
    'dns:a b',
  ];
  const worse = [
    'email:*',
    'email:joe',
    'email:*@*',
    'uri:/a',
    'uri:https://*.test/',
    'uri:a:b*c',
    'ip:192.0.2',
    'subject:',
    'srv:_a.b',
  ];
  for (const text of [...bad, ...worse])
    test(`refused: ${JSON.stringify(text)}`, () => {
      assert.throws(() => rule(text), InvalidIdentifier);
    });
  test('any text is a rule that reads the same again, or is refused', () => {
    const types = fc.constantFrom(
      '',
      'any',
      'ca:spki-sha256:',
      'dns:',
      'dns:*.',
      'email:',
      'email:*@',
      'uri:',
      'ip:',
      'subject:',
    );
    fc.assert(
      fc.property(types, fc.string(), (type, rest) => {
        try {
          const read = rule(type + rest);
          assert.deepEqual(rule(formatClientRule(read)), read);
        } catch (error) {
          if (!(error instanceof InvalidIdentifier)) throw error;
        }
      }),
    );
  });
});
