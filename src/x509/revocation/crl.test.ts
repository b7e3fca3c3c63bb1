import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { extension, type GeneralNames, generalNames, keyUsage } from '../../../tests/support/certificate-extensions.ts';
import {
  authority,
  daysFromNow,
  serverCertificate,
  type TestCertificate,
} from '../../../tests/support/certificates.ts';
import {
  explicit,
  generalizedTime,
  implicit,
  integer,
  namedBits,
  nullValue,
  sequence,
  tlv,
  tlvWithLength,
} from '../../../tests/support/der-writer.ts';
import { testKey } from '../../../tests/support/keys.ts';
import {
  type CrlOptions,
  crlEntry,
  issuingDistributionPoint,
  reasonCode,
  revocationList,
} from '../../../tests/support/revocation.ts';
import { accepted, anchors, counting, NAMES, rejected, verify } from '../../../tests/support/verification.ts';
import { ascii, type Bytes, concat, unhex } from '../../core/bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import { DerError } from '../der.ts';
import type { Verification } from '../verify.ts';
import { RevocationList } from './crl.ts';
import type { Revocation } from './revocation.ts';

const ROOT = authority('Root');
const LEAF = serverCertificate(ROOT, NAMES);
const OTHER = serverCertificate(ROOT, NAMES);

function check(lists: readonly Bytes[], policy: Revocation['policy'] = 'hard', leaf = LEAF): Verification {
  return verify([leaf], { revocation: { policy, lists: lists.map((der) => new RevocationList(der)) } });
}

/** The list says nothing of the leaf: why, for the hard policy; no matter, for the soft one. */
function inconclusive(list: Bytes, detail: RegExp, leaf = LEAF): void {
  rejected(check([list], 'hard', leaf), 'certificate-status-missing', detail);
  accepted(check([list], 'soft', leaf));
}

function unreadable(list: Bytes, problem: RegExp): void {
  assert.throws(
    () => new RevocationList(list),
    (error) => error instanceof DerError && problem.test(error.message),
  );
}

function made(options: CrlOptions): Bytes {
  return revocationList(ROOT, [], options);
}

describe('a list', () => {
  test('says that a certificate is revoked which is itself in the store', () => {
    const revocation: Revocation = { policy: 'soft', lists: [new RevocationList(revocationList(ROOT, [LEAF]))] };
    for (const store of [anchors(ROOT, LEAF), anchors(LEAF, ROOT)])
      rejected(verify([LEAF], { anchors: store, revocation }), 'certificate-revoked', /CN=a\.test/);
  });

  test('says who is revoked, and who is not', () => {
    accepted(check([revocationList(ROOT, [OTHER])]));
    for (const policy of ['soft', 'hard'] as const)
      rejected(
        check([revocationList(ROOT, [OTHER, LEAF])], policy),
        'certificate-revoked',
        /^the server's certificate \(CN=a\.test\) was revoked on .* UTC$/,
      );
  });
  test('says why', () => {
    for (const [code, reason] of [
      [1, 'keyCompromise'],
      [6, 'certificateHold'],
      [10, 'aACompromise'],
    ] as const)
      rejected(
        check([made({ entries: [crlEntry(LEAF.serial, [reasonCode(code)])] })]),
        'certificate-revoked',
        new RegExp(`UTC \\(${reason}\\)$`),
      );
    const date = extension('2.5.29.24', generalizedTime(daysFromNow(-3)));
    rejected(
      check([made({ entries: [crlEntry(LEAF.serial, [date, reasonCode(4)])] })]),
      'certificate-revoked',
      /\(superseded\)$/,
    );
  });
  test('that is empty, and one of another algorithm', () => {
    accepted(check([made({})]));
    const root = authority('Root', { key: 'ed25519' });
    const leaf = serverCertificate(root, NAMES);
    accepted(check([revocationList(root, [])], 'hard', leaf));
    rejected(check([revocationList(root, [leaf])], 'hard', leaf), 'certificate-revoked', /revoked/);
  });
  test('counts even if it is old: what is revoked stays so', () => {
    const old = { thisUpdate: daysFromNow(-30), nextUpdate: daysFromNow(-20) };
    rejected(check([revocationList(ROOT, [LEAF], old)], 'soft'), 'certificate-revoked', /revoked/);
  });
  test('of all that lie there, one that has the certificate is enough, and one that has not', () => {
    const [listed, clean] = [revocationList(ROOT, [LEAF]), revocationList(ROOT, [])];
    const old = revocationList(ROOT, [], { nextUpdate: daysFromNow(-1), thisUpdate: daysFromNow(-2) });
    const stranger = revocationList(authority('Stranger'), [LEAF]);
    accepted(check([stranger, old, clean]));
    accepted(check([clean, old, stranger]));
    for (const lists of [
      [listed, clean],
      [clean, listed],
    ])
      rejected(check(lists), 'certificate-revoked', /revoked/);
  });
  test('of a CA of the same name and another key is another list', () => {
    const twin = authority('Root');
    inconclusive(revocationList(twin, [LEAF]), /no CRL of CN=Root is there/);
    inconclusive(
      revocationList(twin, [LEAF], { extensions: { authorityKeyIdentifier: null } }),
      /is not signed with its key/,
    );
  });
});

describe('a list that says nothing', () => {
  const minutes = (count: number) => new Date(Date.now() + count * 60_000);
  test('altered', () => inconclusive(made({ signature: new Uint8Array(70).fill(1) }), /is not signed with its key/));
  test('signed with SHA-1', () => inconclusive(made({ algorithm: 'ecdsa-sha1' }), /is signed with SHA-1 and ECDSA/));
  test('signed by another kind of key', () => {
    inconclusive(made({ signer: testKey('ed25519') }), /is not signed with its key/);
  });
  test('of an issuer that may not sign lists', () => {
    const root = authority('Root', { extensions: { keyUsage: keyUsage(['keyCertSign']) } });
    const leaf = serverCertificate(root, NAMES);
    inconclusive(revocationList(root, [leaf]), /not for signing CRLs \(keyUsage\)/, leaf);
    const any = authority('Root', { extensions: { keyUsage: null } });
    accepted(check([revocationList(any, [])], 'hard', serverCertificate(any, NAMES)));
  });
  test('too old, or of tomorrow, by more than clocks differ', () => {
    const past = (count: number) => made({ thisUpdate: daysFromNow(-8), nextUpdate: minutes(count) });
    inconclusive(past(-6), /was good until .*, and it is/);
    inconclusive(made({ thisUpdate: minutes(6) }), /is from .*, and it is/);
    accepted(check([past(-4)]));
    accepted(check([made({ thisUpdate: minutes(4) })]));
  });
});

describe('scope (issuingDistributionPoint)', () => {
  const flag = (number: number) => implicit(number, Uint8Array.of(0xff));
  const point = (names: GeneralNames) => explicit(0, explicit(0, ...generalNames(names)));
  const scoped = (fields: readonly Bytes[], certificates: readonly TestCertificate[] = []) =>
    revocationList(ROOT, certificates, { extensions: { idp: issuingDistributionPoint(fields) } });
  const published = (...points: Bytes[]) =>
    serverCertificate(ROOT, NAMES, { extensions: { points: extension('2.5.29.31', sequence(...points)) } });
  const url = { uri: ['http://ca.test/1.crl'] };

  test('end-entity certificates alone, or CA certificates alone', () => {
    accepted(check([scoped([flag(1)])]));
    inconclusive(scoped([flag(2)]), /is for other certificates than this one/);
    inconclusive(scoped([flag(2)], [LEAF]), /is for other certificates/);
    inconclusive(scoped([flag(5)]), /is for other certificates/);
    const issuing = authority('Issuing', { issuer: ROOT });
    const leaf = serverCertificate(issuing, NAMES);
    const lists = [scoped([flag(2)], [issuing]), revocationList(issuing, [])].map((der) => new RevocationList(der));
    rejected(verify([leaf, issuing], { revocation: { policy: 'hard', lists } }), 'certificate-revoked', /CN=Issuing/);
  });
  test('the certificates that name the same place', () => {
    const leaf = published(sequence(point(url)));
    accepted(check([scoped([point({ uri: ['http://other.test/', ...url.uri] })])], 'hard', leaf));
    inconclusive(scoped([point({ uri: ['http://ca.test/2.crl'] })], [leaf]), /is for other certificates/, leaf);
    inconclusive(scoped([point(url)]), /is for other certificates/);
    inconclusive(scoped([explicit(0, explicit(1, tlv(0x30)))]), /is for other certificates/, leaf);
  });
  test('a place for some reasons only, or of another issuer, is not the same', () => {
    const reasons = implicit(1, namedBits([1]).subarray(2));
    const issuer = explicit(2, ...generalNames({ directory: [ROOT.subject] }));
    for (const limit of [reasons, issuer]) {
      const leaf = published(sequence(point(url), limit));
      inconclusive(scoped([point(url)]), /is for other certificates/, leaf);
    }
  });
  test('some reasons: who is listed is revoked, and who is not may be elsewhere', () => {
    const reasons = implicit(3, namedBits([1]).subarray(2));
    inconclusive(scoped([reasons]), /is for some reasons only/);
    rejected(check([scoped([reasons], [LEAF])]), 'certificate-revoked', /revoked/);
  });
  test('indirect lists, and contradictions, are not read', () => {
    unreadable(scoped([flag(4)]), /an indirect CRL/);
    unreadable(scoped([flag(1), flag(2)]), /more than one kind/);
    unreadable(scoped([]), /empty/);
    unreadable(scoped([implicit(1, Uint8Array.of(0))]), /FALSE is the default/);
  });
});

describe('structure', () => {
  const entries = [crlEntry(LEAF.serial, [reasonCode(1)]), crlEntry(OTHER.serial)];
  const whole = made({ entries });
  test('cut off at every byte, or with a byte more', () => {
    for (let length = 0; length < whole.length; length++) unreadable(whole.subarray(0, length), /./);
    unreadable(concat(whole, Uint8Array.of(0)), /trailing bytes/);
  });
  const cases: Readonly<Record<string, readonly [CrlOptions, RegExp]>> = {
    'version 1': [{ version: null }, /not of version 2/],
    'version 3': [{ version: integer(2) }, /greater than 1/],
    'another algorithm inside': [
      { innerAlgorithm: sequence(unhex('06032b6570')) },
      /not the algorithm that stands outside/,
    ],
    'no nextUpdate': [{ nextUpdate: null }, /no nextUpdate/],
    'nextUpdate before thisUpdate': [
      { thisUpdate: daysFromNow(0), nextUpdate: daysFromNow(-1) },
      /nextUpdate before thisUpdate/,
    ],
    'no extensions': [{ extensions: { authorityKeyIdentifier: null, cRLNumber: null } }, /crlExtensions.* missing/],
    'no CRL number': [{ extensions: { cRLNumber: null } }, /no CRL number/],
    'a negative CRL number': [{ extensions: { cRLNumber: extension('2.5.29.20', integer(-1)) } }, /not a CRL number/],
    'a critical CRL number': [
      { extensions: { cRLNumber: extension('2.5.29.20', integer(1), true) } },
      /the extension 2\.5\.29\.20 is critical/,
    ],
    'a critical extension that is unknown': [
      { extensions: { odd: extension('1.2.3', nullValue(), true) } },
      /the extension 1\.2\.3 is critical/,
    ],
    'a delta CRL': [{ extensions: { delta: extension('2.5.29.27', integer(1), true) } }, /a delta CRL/],
  };
  for (const [name, [options, problem]] of Object.entries(cases)) test(name, () => unreadable(made(options), problem));
  test('larger than is read', () => unreadable(new Uint8Array(LIMITS.revocationListBytes + 1), /longer than/));
});

describe('entries', () => {
  const serial = integer(7);
  const now = generalizedTime(daysFromNow(-1));
  const cases: Readonly<Record<string, readonly [readonly Bytes[], RegExp]>> = {
    'not a sequence': [[integer(7)], /an entry of another form/],
    'without a date': [[sequence(serial)], /cut off/],
    'without a serial number': [[sequence(now)], /an entry of another form/],
    'an empty serial number': [[sequence(unhex('0200'), now)], /not of 1 to 32 bytes/],
    'a serial number longer than needed': [[sequence(unhex('02020007'), now)], /integer longer than needed/],
    'a serial number of 33 bytes': [[crlEntry(tlv(0x02, new Uint8Array(33).fill(1)))], /not of 1 to 32 bytes/],
    'no such time': [[sequence(serial, tlv(0x18, ascii('20260230000000Z')))], /no such time/],
    'not a time': [[sequence(serial, tlv(0x17, ascii('2602010000Z')))], /not a time in seconds and UTC/],
    'another string as a time': [[sequence(serial, tlv(0x0c, ascii('260201000000Z')))], /an entry of another form/],
    'a field more': [[sequence(serial, now, nullValue())], /an entry of another form/],
    'bytes behind the extensions': [
      [sequence(serial, now, sequence(reasonCode(1)), sequence(reasonCode(1)))],
      /trailing bytes/,
    ],
    'an empty list of extensions': [[sequence(serial, now, sequence())], /empty/],
    'a critical extension': [
      [crlEntry(serial, [extension('2.5.29.29', nullValue(), true)])],
      /the extension 2\.5\.29\.29 is critical/,
    ],
    'a reason that stands in delta CRLs': [[crlEntry(serial, [reasonCode(8)])], /no such reason/],
    'a reason that is none': [[crlEntry(serial, [reasonCode(7)])], /no such reason/],
    'a reason of another type': [
      [crlEntry(serial, [extension('2.5.29.21', integer(1))])],
      /tag 0x02 where 0x0a belongs/,
    ],
    'two reasons': [[crlEntry(serial, [reasonCode(1), reasonCode(1)])], /the same extension twice/],
    'the same serial number twice': [[crlEntry(serial), crlEntry(integer(8)), crlEntry(serial)], /twice/],
    'an indefinite length': [[tlvWithLength(0x30, [0x80], concat(serial, now, unhex('0000')))], /indefinite/],
    'a length longer than needed': [
      [tlvWithLength(0x30, [0x81, 20], concat(serial, now))],
      /length longer than needed/,
    ],
    'a length past the end': [[tlvWithLength(0x30, [0x7f], concat(serial, now))], /cut off/],
    'a length of three octets': [
      [tlvWithLength(0x30, [0x83, 1, 0, 0], concat(serial, now, new Uint8Array(65_516)))],
      /too long/,
    ],
  };
  for (const [name, [list, problem]] of Object.entries(cases))
    test(name, () => unreadable(made({ entries: list }), problem));

  test('an error says where', () => {
    const list = made({ entries: [crlEntry(serial), crlEntry(serial)] });
    const error = (() => {
      try {
        return new RevocationList(list);
      } catch (caught) {
        return caught as DerError;
      }
    })();
    assert.ok(error instanceof DerError);
    assert.equal(error.path, 'tbsCertList.revokedCertificates');
    assert.deepEqual(list.subarray(error.offset, error.offset + crlEntry(serial).length), crlEntry(serial));
  });

  test('long ones, which have lengths of one and two octets', () => {
    for (const bytes of [200, 300]) {
      const odd = extension('1.2.3', tlv(0x04, new Uint8Array(bytes)));
      rejected(check([made({ entries: [crlEntry(LEAF.serial, [odd])] })]), 'certificate-revoked', /UTC$/);
    }
  });

  test('each is found, and no other, however many there are', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.bigInt({ min: 1n, max: 2n ** 40n }), { minLength: 2, maxLength: 60 }),
        (serials) => {
          const listed = serials.slice(1);
          const list = new RevocationList(made({ entries: listed.map((number) => crlEntry(integer(number))) }));
          assert.equal(list.size, listed.length);
          for (const number of serials)
            assert.equal(list.find(integer(number).subarray(2)) !== undefined, listed.includes(number));
        },
      ),
      { numRuns: 30 },
    );
  });
});

test('serial numbers that fall into one place are refused before they cost much', () => {
  /** The hash of the table, FNV-1a. */
  const hashOf = (bytes: Bytes): number => {
    let hash = 0x811c9dc5;
    for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
    return hash ^ (hash >>> 15);
  };
  const serials: Bytes[] = [];
  for (let number = 1_000_000; serials.length < 1_200; number++) {
    const serial = integer(number);
    if ((hashOf(serial.subarray(2)) & 0x1fff) < 0x80) serials.push(serial);
  }
  const entriesOf = (count: number) => serials.slice(0, count).map((serial) => crlEntry(serial));
  assert.equal(new RevocationList(made({ entries: entriesOf(1_000) })).size, 1_000);
  unreadable(made({ entries: entriesOf(1_200) }), /serial numbers that were made to collide/);
});

test('the signature of a list is checked once for each key', () => {
  const list = new RevocationList(revocationList(ROOT, [OTHER]));
  let signatures = 0;
  const crypto = counting(() => signatures++);
  for (let round = 0; round < 3; round++)
    accepted(verify([LEAF], { crypto, revocation: { policy: 'hard', lists: [list] } }));
  assert.equal(signatures, 3 + 1);
});
