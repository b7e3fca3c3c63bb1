import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  basicConstraints,
  extendedKeyUsage,
  extension,
  keyUsage,
  tlsFeature,
} from '../../../tests/support/certificate-extensions.ts';
import {
  authority,
  type CertificateOptions,
  certificate,
  clientCertificate,
  daysFromNow,
  serverCertificate,
  type TestCertificate,
} from '../../../tests/support/certificates.ts';
import { explicit, integer, nullValue, octetString, sequence } from '../../../tests/support/der-writer.ts';
import { testKey } from '../../../tests/support/keys.ts';
import {
  NONCE,
  type OcspOptions,
  ocspError,
  ocspResponse,
  revocationList,
  revoked,
  singleResponse,
  UNKNOWN,
} from '../../../tests/support/revocation.ts';
import { accepted, anchors, counting, NAMES, rejected, verify } from '../../../tests/support/verification.ts';
import type { Bytes } from '../../core/bytes.ts';
import { unhex } from '../../core/bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Verification } from '../verify.ts';
import { RevocationList } from './crl.ts';
import type { Revocation } from './revocation.ts';

const CA_USAGE = keyUsage(['digitalSignature', 'keyCertSign', 'cRLSign']);
const ROOT = authority('Root', { extensions: { keyUsage: CA_USAGE } });
const LEAF = serverCertificate(ROOT, NAMES);
const NO_CHECK = extension('1.3.6.1.5.5.7.48.1.5', nullValue());

const SOFT: Revocation = { policy: 'soft', lists: [] };
const HARD: Revocation = { policy: 'hard', lists: [] };

function check(response: Bytes | undefined, revocation = HARD, leaf = LEAF): Verification {
  return verify([leaf], { ocspResponse: response, revocation });
}

/** With the response's signature and everything else as it should be. */
function stapled(options: OcspOptions, revocation = HARD): Verification {
  return check(ocspResponse(LEAF, options), revocation);
}

function responder(options: CertificateOptions = {}, issuer: TestCertificate = ROOT): TestCertificate {
  return certificate({
    subject: 'Responder',
    issuer,
    ...options,
    extensions: {
      keyUsage: keyUsage(['digitalSignature']),
      extKeyUsage: extendedKeyUsage(['ocspSigning']),
      noCheck: NO_CHECK,
      ...options.extensions,
    },
  });
}

describe('a response shows that a certificate is good', () => {
  test('signed by the issuer', () => void accepted(stapled({})));
  test('with the issuer named', () => void accepted(stapled({ responder: explicit(1, ROOT.subject) })));
  test('with SHA-256 in the CertID', () => void accepted(stapled({ hash: 'sha256' })));
  test('among responses for others', () => {
    const other = serverCertificate(ROOT, NAMES);
    accepted(stapled({ others: [singleResponse(other, { status: revoked(daysFromNow(-2)) })] }));
  });
  test('with extensions that do not matter', () => {
    accepted(stapled({ singleExtensions: [extension('1.2.3', nullValue())] }));
  });
  test('signed by who was delegated to do so', () => {
    accepted(stapled({ signer: responder() }));
    accepted(stapled({ signer: responder(), responder: explicit(1, responder().subject) }));
    accepted(stapled({ signer: responder({ key: 'ed25519' }) }));
  });
  test('with the certificate of the issuer sent along', () => void accepted(stapled({ certificates: [ROOT] })));
  test('for a client', () => {
    const leaf = clientCertificate(ROOT, NAMES);
    accepted(verify([leaf], { purpose: 'client', ocspResponse: ocspResponse(leaf), revocation: HARD }));
  });
});

describe('a response shows that a certificate was revoked', () => {
  for (const [name, revocation] of Object.entries({ soft: SOFT, hard: HARD }))
    test(`which both policies refuse: ${name}`, () => {
      rejected(
        stapled({ status: revoked(new Date('2026-01-02T03:04:05Z'), 1) }, revocation),
        'certificate-revoked',
        /^the server's certificate \(CN=a\.test\) was revoked on 2026-01-02 03:04:05 UTC \(keyCompromise\)$/,
      );
    });
  test('without a reason', () => {
    rejected(stapled({ status: revoked(daysFromNow(-1)) }), 'certificate-revoked', /UTC$/);
  });
  test('even if it is old, and even beside an answer that it is good', () => {
    const status = revoked(daysFromNow(-40));
    const old = { thisUpdate: daysFromNow(-30), nextUpdate: daysFromNow(-20) };
    rejected(stapled({ status, ...old }, SOFT), 'certificate-revoked', /revoked/);
    rejected(stapled({ others: [singleResponse(LEAF, { status })] }), 'certificate-revoked', /revoked/);
  });
});

/** Both policies refuse what must not be believed: RFC 6066 section 8. */
function refusedAlways(options: OcspOptions | Bytes, detail: RegExp): void {
  for (const revocation of [SOFT, HARD]) {
    const verification = options instanceof Uint8Array ? check(options, revocation) : stapled(options, revocation);
    const failure = rejected(verification, 'certificate-status-rejected', detail);
    assert.match(failure.detail ?? '', /^the server's certificate \(CN=a\.test\) came with an OCSP response that /);
  }
}

describe('a response that must not be believed', () => {
  const cases: Readonly<Record<string, readonly [OcspOptions, RegExp]>> = {
    'says that there is no such certificate': [{ status: UNKNOWN }, /knows of no such certificate/],
    'is for another serial number': [{ serial: integer(7) }, /is for another certificate/],
    'is for another issuer': [{ issuer: authority('Root') }, /is for another certificate/],
    'has a nonce': [{ responseExtensions: [NONCE] }, /has a nonce/],
    'has a critical extension': [
      { singleExtensions: [extension('1.2.3', nullValue(), true)] },
      /is malformed: .*singleExtensions.* a critical extension/,
    ],
    'has an altered signature': [{ signature: new Uint8Array(70).fill(1) }, /is not signed by its issuer \(CN=Root\)/],
    'is signed by somebody else': [{ signer: authority('Other'), certificates: [] }, /is not signed by its issuer/],
    'is signed with SHA-1': [{ algorithm: 'ecdsa-sha1' }, /is signed with SHA-1 and ECDSA/],
    'names another key': [{ responder: explicit(2, octetString(new Uint8Array(20))) }, /is not signed by its issuer/],
    'names another responder': [{ responder: explicit(1, LEAF.subject) }, /is not signed by its issuer/],
    'comes without the certificate of its responder': [
      { signer: responder(), certificates: [] },
      /is not signed by its issuer/,
    ],
    'comes from a responder for something else': [
      { signer: responder({ extensions: { extKeyUsage: extendedKeyUsage(['serverAuth', 'any']) } }) },
      /not for signing OCSP responses \(CN=Responder\)/,
    ],
    'comes from a responder for nothing in particular': [
      { signer: responder({ extensions: { extKeyUsage: null } }) },
      /not for signing OCSP responses/,
    ],
    'comes from a responder whose key is not for signatures': [
      { signer: responder({ extensions: { keyUsage: keyUsage(['keyAgreement']) } }) },
      /not for digital signatures/,
    ],
    'comes from a responder of another CA': [
      { signer: responder({}, authority('Other')) },
      /was not issued by CN=Root/,
    ],
    'comes from a responder below another key of that name': [
      { signer: responder({}, authority('Root')) },
      /was not issued by CN=Root/,
    ],
    'comes from a responder two steps below': [
      { signer: responder({}, authority('Sub', { issuer: ROOT })) },
      /was not issued by CN=Root/,
    ],
    'comes from a responder that has expired': [
      { signer: responder({ notAfter: daysFromNow(-1) }) },
      /the responder's certificate \(CN=Responder\) expired/,
    ],
    'comes from a responder of tomorrow': [{ signer: responder({ notBefore: daysFromNow(1) }) }, /is valid from/],
    'comes from a responder with a critical extension that is unknown': [
      { signer: responder({ extensions: { odd: extension('1.2.3', nullValue(), true) } }) },
      /critical extension 1\.2\.3/,
    ],
  };
  for (const [name, [options, detail]] of Object.entries(cases)) test(name, () => refusedAlways(options, detail));

  test('comes from the certificate itself', () => {
    refusedAlways({ signer: LEAF }, /not for signing OCSP responses/);
  });
  test('is signed with a CA key that is for certificates only', () => {
    const root = authority('Root');
    const leaf = serverCertificate(root, NAMES);
    rejected(check(ocspResponse(leaf), SOFT, leaf), 'certificate-status-rejected', /keyUsage without digitalSignature/);
  });
  test('is malformed', () => {
    const response = ocspResponse(LEAF);
    for (let length = 0; length < response.length; length++)
      refusedAlways(response.subarray(0, length), /is malformed/);
    refusedAlways(unhex('30030a0104'), /no such status/);
    refusedAlways(unhex('30030a0107'), /greater than 6/);
    refusedAlways(new Uint8Array(LIMITS.ocspResponseBytes + 1), /longer than/);
  });
  test('has more certificates than anybody needs', () => {
    const certificates = new Array<TestCertificate>(LIMITS.ocspCertificates + 1).fill(LEAF);
    refusedAlways({ certificates }, /more than 4 certificates/);
  });
  test('ends before it begins', () => {
    refusedAlways({ thisUpdate: daysFromNow(2), nextUpdate: daysFromNow(1) }, /nextUpdate before thisUpdate/);
  });
});

describe('a response that says nothing is as good as none', () => {
  const minutes = (count: number) => new Date(Date.now() + count * 60_000);
  const cases: Readonly<Record<string, readonly [Bytes, RegExp]>> = {
    'an error': [ocspError(3), /the stapled OCSP response is an error \(tryLater\)/],
    'an old one': [
      ocspResponse(LEAF, { thisUpdate: daysFromNow(-8), nextUpdate: minutes(-6) }),
      /the stapled OCSP response was good until .*, and it is/,
    ],
    'one of tomorrow': [ocspResponse(LEAF, { thisUpdate: minutes(6) }), /is from .*, and it is/],
    'one that was made tomorrow': [ocspResponse(LEAF, { producedAt: minutes(6) }), /is from .*, and it is/],
    'one without an end, a day later': [
      ocspResponse(LEAF, { thisUpdate: daysFromNow(-1.1), nextUpdate: null }),
      /was good until/,
    ],
  };
  for (const [name, [response, detail]] of Object.entries(cases))
    test(name, () => {
      accepted(check(response, SOFT));
      rejected(check(response), 'certificate-status-missing', detail);
    });
  test('clocks may differ by five minutes', () => {
    accepted(stapled({ thisUpdate: minutes(4), producedAt: minutes(4) }));
    accepted(stapled({ thisUpdate: daysFromNow(-8), nextUpdate: minutes(-4) }));
    accepted(stapled({ thisUpdate: daysFromNow(-0.9), nextUpdate: null }));
  });
});

describe('a responder whose own status matters (no id-pkix-ocsp-nocheck)', () => {
  const signer = responder({ extensions: { noCheck: null } });
  const response = ocspResponse(LEAF, { signer });
  const lists = (...revokedOnes: TestCertificate[]) => [new RevocationList(revocationList(ROOT, revokedOnes))];
  test('is believed by the soft policy, and by the hard one if a CRL does not list it', () => {
    accepted(check(response, SOFT));
    rejected(check(response), 'certificate-status-missing', /may be revoked: it has no id-pkix-ocsp-nocheck/);
    accepted(check(response, { policy: 'hard', lists: lists() }));
  });
  test('is not believed if a CRL lists it', () => {
    for (const policy of ['soft', 'hard'] as const)
      rejected(
        check(response, { policy, lists: lists(signer) }),
        'certificate-status-rejected',
        /is void: .*revoked on/,
      );
  });
});

describe('must-staple (RFC 7633)', () => {
  const demanding = serverCertificate(ROOT, NAMES, { extensions: { feature: tlsFeature([5]) } });
  test('is enforced by both policies', () => {
    for (const revocation of [SOFT, HARD]) {
      accepted(check(ocspResponse(demanding), revocation, demanding));
      rejected(
        check(undefined, revocation, demanding),
        'certificate-status-missing',
        /demands an OCSP response \(must-staple\), and no OCSP response was stapled/,
      );
      rejected(check(ocspError(3), revocation, demanding), 'certificate-status-missing', /must-staple.*tryLater/);
    }
  });
  test('is not satisfied by a CRL', () => {
    const lists = [new RevocationList(revocationList(ROOT, []))];
    rejected(check(undefined, { policy: 'hard', lists }, demanding), 'certificate-status-missing', /must-staple/);
  });
  test('asks nothing of a client, which nobody asks for a response', () => {
    const leaf = clientCertificate(ROOT, NAMES, { extensions: { feature: tlsFeature([5]) } });
    accepted(verify([leaf], { purpose: 'client' }));
  });
  test('a CA that demands it demands it of what it issues', () => {
    const issuing = authority('Issuing', {
      issuer: ROOT,
      extensions: { keyUsage: CA_USAGE, feature: tlsFeature([5]) },
    });
    const run = (leaf: TestCertificate) => verify([leaf, issuing], { ocspResponse: ocspResponse(leaf) });
    accepted(run(serverCertificate(issuing, NAMES, { extensions: { feature: tlsFeature([17, 5]) } })));
    for (const feature of [null, tlsFeature([17])])
      rejected(
        run(serverCertificate(issuing, NAMES, { extensions: { feature } })),
        'certificate-not-conforming',
        /^the server's certificate \(CN=a\.test\) lacks the TLS feature 5, which its issuer demands \(RFC 7633\)$/,
      );
  });
  test('a critical demand that we cannot enforce is refused', () => {
    accepted(check(ocspResponse(CRITICAL), SOFT, CRITICAL));
    const leaf = serverCertificate(ROOT, NAMES, { extensions: { feature: tlsFeature([5, 10], true) } });
    rejected(
      check(ocspResponse(leaf), SOFT, leaf),
      'certificate-unknown-critical-extension',
      /1\.3\.6\.1\.5\.5\.7\.1\.24/,
    );
  });
  test('other features are the handshake’s business', () => {
    accepted(check(undefined, SOFT, serverCertificate(ROOT, NAMES, { extensions: { feature: tlsFeature([10]) } })));
  });
});

describe('the policies', () => {
  test('without any information: soft goes on, hard does not', () => {
    accepted(check(undefined, SOFT));
    rejected(
      check(undefined),
      'certificate-status-missing',
      /is not shown to be good: no OCSP response was stapled, and no CRL of CN=Root is there/,
    );
  });
  test('hard wants to know of the intermediate too', () => {
    const issuing = authority('Issuing', { issuer: ROOT, extensions: { keyUsage: CA_USAGE } });
    const leaf = serverCertificate(issuing, NAMES);
    const run = (...lists: RevocationList[]) =>
      verify([leaf, issuing], { ocspResponse: ocspResponse(leaf), revocation: { policy: 'hard', lists } });
    rejected(
      run(),
      'certificate-status-missing',
      /^the intermediate certificate \(CN=Issuing\) is not shown to be good/,
    );
    accepted(run(new RevocationList(revocationList(ROOT, []))));
    rejected(
      run(new RevocationList(revocationList(ROOT, [issuing]))),
      'certificate-revoked',
      /^the intermediate certificate \(CN=Issuing\) was revoked/,
    );
  });
  test('a leaf that is itself trusted has nobody who could revoke it', () => {
    const own = certificate({ subject: 'device', extensions: { ca: basicConstraints(true), names: LEAF_NAMES } });
    accepted(verify([own], { anchors: anchors(own), revocation: HARD }));
  });
});

const CRITICAL = serverCertificate(ROOT, NAMES, { extensions: { feature: tlsFeature([5], true) } });
const LEAF_NAMES = extension('2.5.29.17', sequence(unhex('8206612e74657374')));

test('signatures of responses come from the same budget as those of the chain', () => {
  let signatures = 0;
  const crypto = counting(() => signatures++);
  const signer = responder({ key: testKey('p256', 2000) });
  accepted(verify([LEAF], { crypto, ocspResponse: ocspResponse(LEAF, { signer }), revocation: HARD }));
  assert.equal(signatures, 3);
});
