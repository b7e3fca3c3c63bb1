import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  basicConstraints,
  extendedKeyUsage,
  extension,
  keyUsage,
  nameConstraints,
} from '../../tests/support/certificate-extensions.ts';
import {
  authority,
  type CertificateOptions,
  chainOf,
  daysFromNow,
  rootOf,
  serverCertificate,
  type TestCertificate,
} from '../../tests/support/certificates.ts';
import { nullValue, octetString } from '../../tests/support/der-writer.ts';
import { testKey } from '../../tests/support/keys.ts';
import { revocationList } from '../../tests/support/revocation.ts';
import { accepted, anchors, NAMES, verify } from '../../tests/support/verification.ts';
import type { Why } from '../core/failures.ts';
import { LIMITS } from '../core/limits.ts';
import { RevocationList } from './revocation/crl.ts';
import type { Verification, VerificationRequest } from './verify.ts';

/** A chain by how long it is, what else is sent with it, and in which order. */
interface Shape {
  readonly intermediates: number;
  readonly strangers: number;
  /** For each intermediate another certificate of that name, which leads to the root and has another key. */
  readonly twins: boolean;
  /** For each certificate of the path above the leaf, another that is like it and has expired. */
  readonly predecessors: boolean;
  /** Decides the order. */
  readonly seed: number;
}

const SHAPES: fc.Arbitrary<Shape> = fc.record({
  intermediates: fc.integer({ min: 0, max: 3 }),
  strangers: fc.integer({ min: 0, max: 2 }),
  twins: fc.boolean(),
  predecessors: fc.boolean(),
  seed: fc.integer({ min: 1 }),
});

/** One thing that is wrong, in the certificate at a place of the path: 0 is the leaf, the last one the root. */
interface Defect {
  readonly why: Why;
  /** Where it can be; `last` is the root's place. */
  readonly places: (last: number) => { readonly from: number; readonly to: number };
  readonly options?: (place: number) => CertificateOptions & { readonly pathLength?: number };
  readonly request?: (path: readonly TestCertificate[], place: number) => Partial<VerificationRequest>;
  /** Instead of the certificate at that place. */
  readonly sent?: 'nothing';
  /** Which certificate is at fault, where it is not the one at that place. */
  readonly blames?: (place: number) => number;
}

const BELOW_ROOT = (last: number) => ({ from: 0, to: last - 1 });
const ANYWHERE = (last: number) => ({ from: 0, to: last });
const ISSUERS = (last: number) => ({ from: 1, to: last });
const INTERMEDIATES = (last: number) => ({ from: 1, to: last - 1 });
const LEAF = () => ({ from: 0, to: 0 });

const odd = (name: string, value: ReturnType<typeof extension>): CertificateOptions => ({
  extensions: { [name]: value },
});

const DEFECTS: Readonly<Record<string, Defect>> = {
  'expired': { why: 'certificate-expired', places: ANYWHERE, options: () => ({ notAfter: daysFromNow(-0.5) }) },
  'not yet valid': {
    why: 'certificate-not-yet-valid',
    places: ANYWHERE,
    options: () => ({ notBefore: daysFromNow(1) }),
  },
  'signed by another key': {
    why: 'certificate-bad-signature',
    places: BELOW_ROOT,
    options: () => ({ signer: testKey('p256', 3000) }),
  },
  'signed with SHA-1': {
    why: 'certificate-weak-signature',
    places: BELOW_ROOT,
    options: () => ({ algorithm: 'ecdsa-sha1' }),
  },
  'an unknown critical extension': {
    why: 'certificate-unknown-critical-extension',
    places: ANYWHERE,
    options: () => odd('odd', extension('1.2.3', nullValue(), true)),
  },
  'an extension twice': {
    why: 'certificate-malformed',
    places: BELOW_ROOT,
    options: () => odd('again', extension('2.5.29.14', octetString(Uint8Array.of(1)))),
    // What cannot be read has no name, only a number.
    blames: () => -1,
  },
  'not a CA': {
    why: 'certificate-issuer-not-a-ca',
    places: ISSUERS,
    options: () => odd('basicConstraints', basicConstraints(false)),
  },
  'not for signing certificates': {
    why: 'certificate-issuer-not-a-ca',
    places: ISSUERS,
    options: () => odd('keyUsage', keyUsage(['cRLSign'])),
  },
  'a path length': {
    why: 'certificate-path-too-long',
    places: (last) => ({ from: 2, to: last }),
    options: (place) => ({ pathLength: place - 2 }),
  },
  'for e-mail': {
    why: 'certificate-wrong-purpose',
    places: ANYWHERE,
    options: () => odd('extKeyUsage', extendedKeyUsage(['emailProtection'])),
  },
  'a name constraint': {
    why: 'certificate-name-constraint',
    places: ISSUERS,
    options: () => odd('nc', nameConstraints({ excluded: { dns: ['a.test'] } })),
    blames: () => 0,
  },
  'a weak key': { why: 'certificate-weak-key', places: ANYWHERE, options: () => ({ key: 'rsa-1024' }) },
  'an odd curve': { why: 'certificate-unsupported-key', places: ANYWHERE, options: () => ({ key: 'p224' }) },
  'another name': {
    why: 'certificate-name-mismatch',
    places: LEAF,
    request: () => ({ references: { identifiers: [{ type: 'dns', name: 'b.test' }] } }),
  },
  'another key': {
    why: 'certificate-pin-mismatch',
    places: LEAF,
    request: () => ({ references: { identifiers: [{ type: 'dns', name: 'a.test' }], pins: [new Uint8Array(32)] } }),
  },
  'not for signatures': {
    why: 'certificate-wrong-purpose',
    places: LEAF,
    options: () => odd('keyUsage', keyUsage(['keyAgreement'])),
  },
  'revoked': {
    why: 'certificate-revoked',
    places: BELOW_ROOT,
    request: (path, place) => {
      const list = revocationList(path[place + 1] as TestCertificate, [path[place] as TestCertificate]);
      return { revocation: { policy: 'soft', lists: [new RevocationList(list)] } };
    },
  },
  'missing': {
    why: 'certificate-unknown-issuer',
    places: INTERMEDIATES,
    sent: 'nothing',
    blames: (place) => place - 1,
  },
};

/** From the leaf to the root; the certificate at `place` has that defect. */
function build({ intermediates }: Shape, defect?: Defect, place = -1): TestCertificate[] {
  const last = intermediates + 1;
  const options = (at: number) => (at === place ? (defect?.options?.(at) ?? {}) : {});
  let issuer = authority(`CA ${last}`, options(last));
  for (let at = last - 1; at > 0; at--) issuer = authority(`CA ${at}`, { issuer, ...options(at) });
  return [...chainOf(serverCertificate(issuer, NAMES, options(0))), rootOf(issuer)];
}

/** The leaf, and in any order all else that is to be sent: what belongs to the path, and as much of the rest as a chain may have. */
function send(path: readonly TestCertificate[], shape: Shape, without = -1): TestCertificate[] {
  const { strangers, twins, predecessors, seed } = shape;
  const [leaf, ...above] = path as [TestCertificate, ...TestCertificate[]];
  const belonging = above.filter((_, index) => index + 1 !== without);
  const others = Array.from({ length: strangers }, () => authority('Stranger'));
  for (const [index, { key, issuer }] of above.entries()) {
    const name = `CA ${index + 1}`;
    if (issuer !== undefined && twins) others.push(authority(name, { issuer: rootOf(leaf) }));
    if (issuer !== undefined && predecessors)
      others.push(authority(name, { issuer, key, notAfter: daysFromNow(-0.9) }));
  }
  const room = LIMITS.chainCertificates - 1 - belonging.length;
  return [leaf, ...shuffled([...belonging, ...shuffled(others, seed).slice(0, room)], seed)];
}

function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  const keyed = items.map((item, index) => ({ item, key: Math.imul(seed ^ (index * 0x9e3779b9), 0x85ebca6b) >>> 0 }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

function verifySent(
  path: readonly TestCertificate[],
  sent: readonly TestCertificate[],
  request: Partial<VerificationRequest> = {},
): Verification {
  return verify(sent, { anchors: anchors(path.at(-1) as TestCertificate), ...request });
}

describe('random chains', () => {
  test('with nothing wrong: the path is found, whatever else is sent and in whatever order', () => {
    fc.assert(
      fc.property(SHAPES, (shape) => {
        const path = build(shape);
        const { certificates } = accepted(verifySent(path, send(path, shape)));
        assert.deepEqual(
          certificates.map(({ der }) => der),
          path.map(({ der }) => der),
        );
      }),
      { numRuns: 60 },
    );
  });

  for (const [name, defect] of Object.entries(DEFECTS))
    test(`with one defect, that defect is reported, and where it is: ${name}`, () => {
      fc.assert(
        fc.property(SHAPES, fc.nat(), (any, where) => {
          // An expired predecessor is a defect of its own, and a twin of what is missing is a bad signature.
          const shape = { ...any, predecessors: false, twins: any.twins && defect.sent !== 'nothing' };
          const { from, to } = defect.places(shape.intermediates + 1);
          fc.pre(from <= to);
          const place = from + (where % (to - from + 1));
          const path = build(shape, defect, place);
          const sent = send(path, shape, defect.sent === 'nothing' ? place : -1);
          const verification = verifySent(path, sent, defect.request?.(path, place));
          assert.ok(!verification.ok, 'accepted');
          const { why, detail = '' } = verification.failure;
          assert.equal(why, defect.why, detail);
          const blamed = defect.blames?.(place) ?? place;
          const label = blamed === 0 ? 'CN=a.test' : `CN=CA ${blamed}`;
          if (blamed >= 0) assert.ok(detail.includes(`certificate (${label}) `), `${label}: ${detail}`);
        }),
        { numRuns: 25 },
      );
    });
});
