import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  authorityKeyIdentifier,
  basicConstraints,
  extendedKeyUsage,
  extension,
  keyUsage,
  nameConstraints,
  policyConstraints,
  subjectAltName,
  subjectKeyIdentifier,
} from '../../tests/support/certificate-extensions.ts';
import {
  authority,
  type CertificateOptions,
  chainOf,
  clientCertificate,
  keyIdentifier,
  rootOf,
  serverCertificate,
  type TestCertificate,
} from '../../tests/support/certificates.ts';
import { implicit, integer, sequence, tlv } from '../../tests/support/der-writer.ts';
import { accepted, anchorsWith, rejected, verify } from '../../tests/support/verification.ts';
import { ascii, concat, unhex } from '../core/bytes.ts';

const NAMES = { dns: ['a.test'] };
const ROOT = authority('Root');
const ISSUING = authority('Issuing', { issuer: ROOT });

function asPublic(leaf: TestCertificate): ReturnType<typeof verify> {
  return verify(chainOf(leaf), { anchors: anchorsWith('public', [rootOf(leaf)]) });
}

/** Below a public anchor it is refused, and below a private one it is not. */
function onlyPrivately(leaf: TestCertificate, detail: RegExp): void {
  rejected(asPublic(leaf), 'certificate-not-conforming', detail);
  accepted(verify(chainOf(leaf)));
}

function leaf(options: CertificateOptions): TestCertificate {
  return serverCertificate(ISSUING, NAMES, options);
}

test('a usual chain conforms', () => {
  accepted(asPublic(leaf({})));
  accepted(
    asPublic(
      serverCertificate(ISSUING, { dns: ['*.b.test', 'a.test'], ip: ['192.0.2.1', '::1'] }, { subject: 'a.test' }),
    ),
  );
});

describe('end-entity certificates', () => {
  const cases: Readonly<Record<string, readonly [CertificateOptions, RegExp]>> = {
    'serial number 0': [{ serial: integer(0) }, /not positive/],
    'negative serial number': [{ serial: integer(-5) }, /not positive/],
    'serial number of 21 bytes': [{ serial: integer(1n << 160n) }, /more than 20 bytes/],
    'GeneralizedTime before 2050': [
      { notAfter: tlv(0x18, Buffer.from('20490101000000Z')) },
      /a GeneralizedTime for a year/,
    ],
    'CA': [{ extensions: { basicConstraints: basicConstraints(true) } }, /that of a CA/],
    'keyCertSign': [
      { extensions: { keyUsage: keyUsage(['digitalSignature', 'keyCertSign']) } },
      /for signing certificates/,
    ],
    'name constraints': [
      { extensions: { nc: nameConstraints({ permitted: { dns: ['a.test'] } }) } },
      /has name constraints/,
    ],
    'no purpose': [{ extensions: { extKeyUsage: null } }, /does not say which purpose/],
    'any purpose too': [
      { extensions: { extKeyUsage: extendedKeyUsage(['serverAuth', 'any']) } },
      /does not say which purpose/,
    ],
    'critical purpose': [
      { extensions: { extKeyUsage: extendedKeyUsage(['serverAuth'], true) } },
      /critical extKeyUsage/,
    ],
    'no authority key identifier': [{ extensions: { authorityKeyIdentifier: null } }, /no authorityKeyIdentifier/],
    'authority key identifier without a key': [
      { extensions: { authorityKeyIdentifier: extension('2.5.29.35', sequence(implicit(2, unhex('05')))) } },
      /no authorityKeyIdentifier/,
    ],
    'critical authority key identifier': [
      { extensions: { authorityKeyIdentifier: authorityKeyIdentifier(keyIdentifier(ISSUING.key), true) } },
      /critical key identifier/,
    ],
    'critical subject key identifier': [
      { extensions: { subjectKeyIdentifier: subjectKeyIdentifier(unhex('aa'), true) } },
      /critical key identifier/,
    ],
    'critical names beside a subject': [
      { extensions: { subjectAltName: subjectAltName(NAMES, true) } },
      /subjectAltName that is critical/,
    ],
    'names that are not critical without a subject': [{ subject: sequence() }, /or is not without one/],
    'underscore': [
      { extensions: { subjectAltName: subjectAltName({ dns: ['a.test', 'b_c.test'] }) } },
      /dns:b_c\.test/,
    ],
    'wildcard under a top-level domain': [
      { extensions: { subjectAltName: subjectAltName({ dns: ['a.test', '*.test'] }) } },
      /dns:\*\.test/,
    ],
    'address that is none': [
      { extensions: { subjectAltName: subjectAltName({ dns: ['a.test'], ip: [unhex('010203')] }) } },
      /an IP address of an unknown kind/,
    ],
    'common name that is no name': [
      { subject: 'b.test' },
      /the common name "b\.test", which is not in its subjectAltName/,
    ],
    'common name in another case': [{ subject: 'A.test' }, /the common name "A\.test"/],
  };
  for (const [name, [options, detail]] of Object.entries(cases)) test(name, () => onlyPrivately(leaf(options), detail));

  test('critical names without a subject', () => {
    accepted(asPublic(leaf({ subject: sequence(), extensions: { subjectAltName: subjectAltName(NAMES, true) } })));
  });
  test('the common name of a client need not be a name', () => {
    const client = clientCertificate(ISSUING, NAMES, { subject: 'Somebody' });
    accepted(verify(chainOf(client), { purpose: 'client', anchors: anchorsWith('public', [ROOT]) }));
  });
});

describe('intermediates', () => {
  const below = (options: CertificateOptions) =>
    serverCertificate(authority('Issuing', { issuer: ROOT, ...options }), NAMES);
  test('no subject key identifier', () => {
    onlyPrivately(below({ extensions: { subjectKeyIdentifier: null } }), /^the intermediate.*no subjectKeyIdentifier/);
  });
  test('no authority key identifier', () => {
    onlyPrivately(below({ extensions: { authorityKeyIdentifier: null } }), /no authorityKeyIdentifier/);
  });
  test('basicConstraints that are not critical', () => {
    onlyPrivately(
      below({ extensions: { basicConstraints: basicConstraints(true, undefined, false) } }),
      /not critical/,
    );
  });
  test('policyConstraints that are not critical', () => {
    onlyPrivately(below({ extensions: { pc: policyConstraints({ inhibitMapping: 0 }, false) } }), /policyConstraints/);
  });
});

describe('anchors', () => {
  const below = (extensions: CertificateOptions['extensions']) =>
    serverCertificate(authority('Old', extensions === undefined ? {} : { extensions }), NAMES);
  test('are exempt from what roots in use differ in', () => {
    const none = { subjectKeyIdentifier: null, authorityKeyIdentifier: null, keyUsage: null };
    accepted(asPublic(below({ ...none, basicConstraints: basicConstraints(true, undefined, false) })));
  });
  test('are not for a purpose of their own: their extKeyUsage would be news to their store', () => {
    onlyPrivately(
      below({ extKeyUsage: extendedKeyUsage(['serverAuth']) }),
      /^the trusted certificate \(CN=Old\) is a root with an extKeyUsage \(BR 7\.1\.2\.1\.2\)/,
    );
  });
  test('must not name another key as their own issuer', () => {
    onlyPrivately(
      below({ authorityKeyIdentifier: authorityKeyIdentifier(unhex('aabb')) }),
      /^the trusted.*not its own/,
    );
    const named = extension(
      '2.5.29.35',
      sequence(implicit(1, concat(implicit(2, ascii('a.test'))), 'constructed'), implicit(2, unhex('05'))),
    );
    onlyPrivately(below({ authorityKeyIdentifier: named }), /no authorityKeyIdentifier/);
  });
});

test('a CA that is trusted both as public and as private is held to the laxer rules', () => {
  const odd = leaf({ serial: integer(0) });
  const [both, alone] = [[...anchorList('public'), ...anchorList('private')], anchorList('public')];
  accepted(verify(chainOf(odd), { anchors: { bySubject: () => both } }));
  rejected(verify(chainOf(odd), { anchors: { bySubject: () => alone } }), 'certificate-not-conforming', /serial/);
  assert.equal(alone.length, 1);
});

function anchorList(
  profile: 'public' | 'private',
): { readonly der: Uint8Array; readonly profile: 'public' | 'private' }[] {
  return [{ der: ROOT.der.slice(), profile }];
}
