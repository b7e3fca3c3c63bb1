import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  authorityKeyIdentifier,
  basicConstraints,
  extension,
  nameConstraints,
  subjectAltName,
} from '../../tests/support/certificate-extensions.ts';
import {
  authority,
  certificate,
  chainOf,
  clientCertificate,
  daysFromNow,
  serverCertificate,
  type TestCertificate,
} from '../../tests/support/certificates.ts';
import { implicit, sequence } from '../../tests/support/der-writer.ts';
import { testKey } from '../../tests/support/keys.ts';
import {
  accepted,
  anchors,
  counting,
  NAMES,
  NO_LISTS,
  REFERENCE,
  rejected,
  verify,
} from '../../tests/support/verification.ts';
import { type Bytes, unhex } from '../core/bytes.ts';
import { LIMITS } from '../core/limits.ts';
import { nodeCrypto } from '../crypto-node/provider.ts';
import type { ReferenceIdentifier } from './names.ts';
import { VerifiedPath, verifyCertificate } from './verify.ts';

const ROOT = authority('Root');
const ISSUING = authority('Issuing', { issuer: ROOT });
const LEAF = serverCertificate(ISSUING, NAMES);

describe('a path is found', () => {
  test('and proves which', () => {
    const path = accepted(verify([LEAF, ISSUING]));
    assert.deepEqual(
      path.certificates.map(({ der }) => der),
      [LEAF.der, ISSUING.der, ROOT.der],
    );
    assert.deepEqual(path.leaf.der, LEAF.der);
    assert.deepEqual(path.matched, [REFERENCE]);
    assert.equal(VerifiedPath.isGenuine(path), true);
    assert.equal(VerifiedPath.isGenuine({ ...path }), false);
    assert.equal(VerifiedPath.isGenuine(Object.create(VerifiedPath.prototype)), false);
  });

  test('without an intermediate', () => {
    accepted(verify([serverCertificate(ROOT, NAMES)]));
  });

  test('with the root sent along', () => {
    accepted(verify([LEAF, ISSUING, ROOT]));
  });

  test('to an intermediate that is itself in the store', () => {
    assert.equal(accepted(verify([LEAF], { anchors: anchors(ISSUING) })).certificates.length, 2);
  });

  test('to the leaf itself, a CA or not, if it is self-issued and in the store', () => {
    const own = certificate({
      subject: 'device',
      extensions: { names: subjectAltName(NAMES), ca: basicConstraints(true) },
    });
    assert.equal(accepted(verify([own])).certificates.length, 1);
    const plain = certificate({ subject: 'device', extensions: { names: subjectAltName(NAMES) } });
    accepted(verify([plain], { anchors: anchors(plain) }));
    // One that a CA has issued is worth no more than that CA says.
    rejected(verify([LEAF], { anchors: anchors(LEAF) }), 'certificate-unknown-issuer', /Issuing/);
    const other = certificate({ subject: 'device', extensions: { names: subjectAltName(NAMES) } });
    rejected(verify([other], { anchors: anchors(own) }), 'certificate-bad-signature', /CN=device/);
  });

  test('in whatever order the rest is sent, with certificates that do not belong', () => {
    const second = authority('Second', { issuer: ISSUING });
    const leaf = serverCertificate(second, NAMES);
    const strangers = [authority('Stranger'), serverCertificate(undefined, NAMES), authority('Issuing')];
    fc.assert(
      fc.property(fc.shuffledSubarray([second, ISSUING, ROOT, ...strangers], { minLength: 6 }), (rest) => {
        assert.deepEqual(
          accepted(verify([leaf, ...rest])).certificates.map(({ der }) => der),
          [leaf.der, second.der, ISSUING.der, ROOT.der],
        );
      }),
      { numRuns: 30 },
    );
  });

  for (const kind of ['rsa-2048', 'rsa-pss-2048', 'p256', 'p384', 'p521', 'ed25519'] as const)
    test(`with ${kind} keys`, () => {
      const root = authority('root', { key: kind });
      accepted(verify([serverCertificate(root, NAMES, { key: kind })]));
    });

  for (const [key, algorithm] of [
    ['p256', 'ecdsa-sha384'],
    ['p384', 'ecdsa-sha256'],
    ['p521', 'ecdsa-sha256'],
    ['rsa-2048', 'rsa-pss-sha384'],
    ['rsa-2048', 'rsa-sha512'],
  ] as const)
    test(`signed by ${key} with ${algorithm}`, () => {
      accepted(verify([serverCertificate(authority('root', { key }), NAMES, { algorithm })]));
    });

  test('for clients', () => {
    accepted(verify([clientCertificate(ROOT, NAMES)], { purpose: 'client' }));
  });

  test('with a cross-signed issuer, whichever of its certificates leads to the store', () => {
    const old = authority('Old root');
    const key = testKey('p256', 1000);
    const cross = authority('New root', { key, issuer: old });
    const own = authority('New root', { key });
    const leaf = serverCertificate(own, NAMES);
    for (const store of [old, own]) accepted(verify([leaf, cross, own], { anchors: anchors(store) }));
  });

  test('past an issuer of the same name and another key, and past an expired one', () => {
    const impostor = authority('Issuing', { issuer: authority('Impostor') });
    const expired = authority('Issuing', { issuer: ROOT, key: ISSUING.key, notAfter: daysFromNow(-1) });
    for (const rest of [
      [impostor, expired, ISSUING],
      [ISSUING, expired, impostor],
      [expired, impostor, ISSUING],
    ])
      accepted(verify([LEAF, ...rest]));
  });

  test('past anchors of the same name', () => {
    accepted(verify([LEAF, ISSUING], { anchors: anchors(authority('Root'), ROOT, authority('Root')) }));
  });

  test('past what cannot be read', () => {
    const { references, now } = { references: { identifiers: [REFERENCE] }, now: Date.now() / 1000 };
    const rest = [unhex('3003020101'), ISSUING.der, new Uint8Array(10)];
    accepted(
      verifyCertificate({
        chain: [LEAF.der, ...rest],
        anchors: anchors(ROOT),
        now,
        purpose: 'server',
        references,
        revocation: NO_LISTS,
        crypto: nodeCrypto,
      }),
    );
  });

  test('through CAs that certify each other in a circle (CVE-2024-0567)', () => {
    const [a, b] = [testKey('p256', 1001), testKey('p256', 1002)];
    const anchorA = authority('A', { key: a });
    const anchorB = authority('B', { key: b });
    const [aByB, bByA] = [authority('A', { key: a, issuer: anchorB }), authority('B', { key: b, issuer: anchorA })];
    const leaf = serverCertificate(anchorA, NAMES);
    accepted(verify([leaf, aByB, bByA], { anchors: anchors(anchorA) }));
    accepted(verify([leaf, aByB, bByA], { anchors: anchors(anchorB) }));
    rejected(verify([leaf, aByB, bByA], { anchors: anchors(ROOT) }), 'certificate-unknown-issuer', /CN=A|CN=B/);
  });
});

describe('time', () => {
  const [notBefore, notAfter] = [new Date('2030-01-01T00:00:00Z'), new Date('2030-06-01T00:00:00Z')];
  const root = authority('root', {
    notBefore: new Date('2020-01-01T00:00:00Z'),
    notAfter: new Date('2040-01-01T00:00:00Z'),
  });
  const leaf = serverCertificate(root, NAMES, { notBefore, notAfter });
  const at = (ms: number) => verify([leaf], { now: ms / 1000 });
  test('both ends are within, and the last second to its end', () => {
    accepted(at(notBefore.getTime()));
    accepted(at(notAfter.getTime() + 999));
    rejected(at(notBefore.getTime() - 1), 'certificate-not-yet-valid', /2030-01-01/);
    rejected(at(notAfter.getTime() + 1000), 'certificate-expired', /2030-06-01/);
  });
});

describe('references', () => {
  const keyOf = ({ key }: TestCertificate) => nodeCrypto.hash('sha256', key.spki);
  const [right, wrong] = [keyOf(LEAF), keyOf(ISSUING)];
  const reference = (digest: Bytes): ReferenceIdentifier => ({ type: 'spki-sha256', digest });
  const check = (identifiers: ReferenceIdentifier[], pins: Bytes[] = []) =>
    verify([LEAF, ISSUING], { references: { identifiers, pins } });
  const other: ReferenceIdentifier = { type: 'dns', name: 'b.test' };
  const mismatch = /has the key spki-sha256:[0-9a-f]{64}, and not spki-sha256:/;

  test('one of the names', () => {
    assert.deepEqual(accepted(check([other, REFERENCE])).matched, [REFERENCE]);
  });
  test('a key alone says who the peer is', () => {
    assert.deepEqual(accepted(check([reference(wrong), reference(right)])).matched, [reference(right)]);
    rejected(check([reference(wrong)]), 'certificate-pin-mismatch', mismatch);
  });
  test('pins come in addition to a name', () => {
    assert.deepEqual(accepted(check([REFERENCE], [wrong, right])).matched, [REFERENCE, reference(right)]);
    rejected(check([REFERENCE], [wrong]), 'certificate-pin-mismatch', mismatch);
    rejected(check([other], [right]), 'certificate-name-mismatch', /dns:b\.test/);
  });
  test('pins come in addition to a key, too', () => {
    accepted(check([reference(right)], [right]));
    rejected(check([reference(right)], [wrong]), 'certificate-pin-mismatch', mismatch);
  });
  test('names and keys together could mean two things', () => {
    assert.throws(() => check([REFERENCE, reference(right)]), RangeError);
  });
  test('a pin does not replace the path', () => {
    const verification = verify([LEAF, ISSUING], {
      references: { identifiers: [reference(right)] },
      anchors: anchors(authority('Other')),
    });
    rejected(verification, 'certificate-unknown-issuer', /CN=Root/);
  });
  test('none at all is the mistake of the caller', () => {
    assert.throws(() => check([]), RangeError);
    assert.throws(() => check([], [right]), RangeError);
    assert.throws(() => verify([LEAF], { now: Number.NaN }), RangeError);
  });
});

describe('self-issued certificates', () => {
  const first = authority('Rolling', { issuer: ROOT, pathLength: 0 });
  const second = authority('Rolling', { issuer: first });
  test('do not count for the path length', () => {
    accepted(verify(chainOf(serverCertificate(second, NAMES))));
  });
  test('do not count for the depth', () => {
    accepted(verify(chainOf(serverCertificate(second, NAMES)), { maximumIntermediates: 1 }));
  });
  test('are exempt from name constraints, but not as the leaf', () => {
    const constrained = authority('Root', { extensions: { nc: nameConstraints({ permitted: { dns: ['a.test'] } }) } });
    const rolling = authority('Root', {
      issuer: constrained,
      extensions: { san: subjectAltName({ dns: ['b.test'] }) },
    });
    accepted(verify(chainOf(serverCertificate(rolling, NAMES))));
    const leaf = serverCertificate(constrained, { dns: ['a.test', 'b.test'] }, { subject: constrained.subject });
    rejected(verify([leaf]), 'certificate-name-constraint', /b\.test/);
  });
});

test('a critical policyConstraints that demands no policy asks for nothing', () => {
  const constraints = extension('2.5.29.36', sequence(implicit(1, unhex('00'))), true);
  const issuing = authority('Issuing', { issuer: ROOT, extensions: { constraints } });
  accepted(verify(chainOf(serverCertificate(issuing, NAMES))));
});

test('the most specific reason survives, wherever in the search it was met', () => {
  const expired = authority('Issuing', { issuer: ROOT, key: ISSUING.key, notAfter: daysFromNow(-1) });
  const impostor = authority('Issuing', { issuer: ROOT });
  for (const rest of [
    [expired, impostor],
    [impostor, expired],
  ])
    rejected(verify([LEAF, ...rest], { anchors: anchors(ROOT) }), 'certificate-expired', /CN=Issuing/);
});

describe('bounds', () => {
  test('certificates in a chain', () => {
    const rest = new Array<TestCertificate>(LIMITS.chainCertificates - 2).fill(authority('Stranger'));
    accepted(verify([LEAF, ISSUING, ...rest]));
    rejected(
      verify([LEAF, ISSUING, ...rest, ROOT]),
      'certificate-chain-too-long',
      /has 11 certificates, where 10 are the most/,
    );
  });

  test('bytes of a chain', () => {
    const large = (fill: number) => new Uint8Array(LIMITS.certificateBytes).fill(fill);
    const size = LIMITS.certificateMessageBytes - LEAF.der.length - ISSUING.der.length - LIMITS.certificateBytes;
    const run = (bytes: number) =>
      verify([LEAF, ISSUING, { ...ROOT, der: large(1) }, { ...ROOT, der: new Uint8Array(bytes) }], {
        anchors: anchors(ROOT),
      });
    accepted(run(size));
    rejected(run(size + 1), 'certificate-chain-too-long', /has 102401 bytes, where 102400 are the most/);
  });

  test('no certificate at all', () => {
    const verification = verifyCertificate({
      chain: [],
      anchors: anchors(ROOT),
      now: 0,
      purpose: 'server',
      references: { identifiers: [REFERENCE] },
      revocation: NO_LISTS,
      crypto: nodeCrypto,
    });
    assert.deepEqual(verification.ok ? undefined : verification.failure.why, 'no-certificate');
  });

  test('ways to combine certificates, all of one name and none in the store', () => {
    const same = Array.from({ length: LIMITS.chainCertificates - 1 }, () =>
      authority('Same', { issuer: authority('Same') }),
    );
    const leaf = serverCertificate(same[0], NAMES);
    let signatures = 0;
    const crypto = { ...counting(() => signatures++) };
    const verification = verify([leaf, ...same], { anchors: anchors(ROOT), crypto });
    rejected(verification, 'certificate-budget-exhausted', /more than \d+ ways/);
    assert.equal(signatures, 0);
  });

  test('signatures, by anchors of one name', () => {
    const store = Array.from({ length: LIMITS.pathSignatures + 1 }, () => authority('Same'));
    let signatures = 0;
    const crypto = counting(() => signatures++);
    const leaf = serverCertificate(authority('Same'), NAMES, { extensions: { authorityKeyIdentifier: null } });
    rejected(
      verify([leaf], { anchors: anchors(...store), crypto }),
      'certificate-budget-exhausted',
      /signatures to check/,
    );
    assert.equal(signatures, LIMITS.pathSignatures);
  });

  test('a signature that failed is not checked again on another path', () => {
    const impostors = [0, 1, 2].map(() => authority('Issuing', { issuer: ROOT, signer: testKey('p256', 1003) }));
    let signatures = 0;
    const crypto = counting(() => signatures++);
    rejected(verify([LEAF, ...impostors], { anchors: anchors(ROOT), crypto }), 'certificate-bad-signature', /Issuing/);
    assert.equal(signatures, impostors.length);
  });
});

test('the issuer whose key identifier is named is tried first', () => {
  const twins = [0, 1, 2, 3].map(() => authority('Twin'));
  const [, , issuer] = twins as [TestCertificate, TestCertificate, TestCertificate];
  let signatures = 0;
  accepted(
    verify([serverCertificate(issuer, NAMES)], { anchors: anchors(...twins), crypto: counting(() => signatures++) }),
  );
  assert.equal(signatures, 1);
});

test('a key identifier that is not the issuer’s does not keep the path from being found', () => {
  const leaf = serverCertificate(ROOT, NAMES, {
    extensions: { authorityKeyIdentifier: authorityKeyIdentifier(unhex('aabb')) },
  });
  accepted(verify([leaf]));
});
