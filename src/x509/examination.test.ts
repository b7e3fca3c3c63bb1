import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { keyUsage } from '../../tests/support/certificate-extensions.ts';
import {
  authority,
  type CertificateOptions,
  daysFromNow,
  serverCertificate,
  type TestCertificate,
} from '../../tests/support/certificates.ts';
import { testKey } from '../../tests/support/keys.ts';
import { ocspResponse } from '../../tests/support/revocation.ts';
import { anchors, anchorsWith, NAMES, NO_LISTS, REFERENCE } from '../../tests/support/verification.ts';
import { nodeCrypto } from '../crypto-node/provider.ts';
import { type Examination, type ExaminationRequest, examineChain } from './examination.ts';

const LONG = { notAfter: daysFromNow(300) };
const ROOT = authority('Root', LONG);
/** May sign OCSP responses as well. */
const USAGE = { keyUsage: keyUsage(['digitalSignature', 'keyCertSign', 'cRLSign']) };
const ISSUING = authority('Issuing', { issuer: ROOT, ...LONG, extensions: USAGE });
const leafOf = (options: CertificateOptions = {}, issuer = ISSUING) =>
  serverCertificate(issuer, NAMES, { ...LONG, ...options });
const LEAF = leafOf();
const WARN_SECONDS = 30 * 86_400;

function examine(chain: readonly TestCertificate[], request: Partial<ExaminationRequest> = {}): Examination {
  return examineChain({
    chain: chain.map(({ der }) => der),
    anchors: anchors(ROOT),
    now: Date.now() / 1000,
    purpose: 'server',
    references: { identifiers: [REFERENCE] },
    revocation: NO_LISTS,
    crypto: nodeCrypto,
    warnSeconds: WARN_SECONDS,
    ...request,
  });
}

/** `1 error certificate-expired` for each remark, 0 standing for the chain. */
function remarksOf({ remarks, certificates }: Examination): string[] {
  return [
    ...remarks.map(({ severity, why }) => `0 ${severity} ${why}`),
    ...certificates.flatMap(({ number, remarks: own }) =>
      own.map(({ severity, why }) => `${number} ${severity} ${why}`),
    ),
  ];
}

describe('what is examined', () => {
  test('a chain that is as it should be: no remark, and the way up to what is trusted', () => {
    const examination = examine([LEAF, ISSUING]);
    assert.equal(examination.verdict, 'accepted');
    assert.deepEqual(remarksOf(examination), []);
    const ways = examination.certificates.map(({ number, sent, trusted, onPath, issuers }) => ({
      ...{ number, sent, trusted, onPath, issuers },
    }));
    assert.deepEqual(ways, [
      { number: 1, sent: true, trusted: null, onPath: true, issuers: [2] },
      { number: 2, sent: true, trusted: null, onPath: true, issuers: [3] },
      { number: 3, sent: false, trusted: 'private', onPath: true, issuers: [] },
    ]);
  });

  test('whatever is wrong, and not only the first that is', () => {
    const issuing = authority('Issuing', { issuer: ROOT, key: 'rsa-1024', notAfter: daysFromNow(-0.5) });
    const leaf = leafOf({ algorithm: 'rsa-sha1', notAfter: daysFromNow(-0.5) }, issuing);
    const references = { identifiers: [{ type: 'dns', name: 'b.test' } as const] };
    const examination = examine([leaf, issuing], { references });
    assert.equal(examination.verdict, 'rejected');
    assert.deepEqual(remarksOf(examination).sort(), [
      '1 error certificate-expired',
      '1 error certificate-name-mismatch',
      '1 error certificate-weak-signature',
      '2 error certificate-expired',
      '2 error certificate-weak-key',
    ]);
  });

  const REJECTED: Readonly<Record<string, { readonly chain: readonly TestCertificate[]; readonly remarks: string[] }>> =
    {
      'an intermediate that was not sent': { chain: [LEAF], remarks: ['1 error certificate-unknown-issuer'] },
      'a self-signed certificate': {
        chain: [serverCertificate(undefined, NAMES, LONG)],
        remarks: ['1 error certificate-self-signed'],
      },
      'an issuer of that name with another key': {
        chain: [LEAF, authority('Issuing', { issuer: ROOT, ...LONG })],
        remarks: ['1 error certificate-bad-signature', '2 note superfluous'],
      },
      'an issuer that is no CA': {
        chain: [leafOf({}, LEAF), LEAF, ISSUING],
        remarks: ['2 error certificate-issuer-not-a-ca'],
      },
      "a CA's certificate before the server's": {
        chain: [ISSUING, LEAF],
        remarks: ['0 error wrong-order', '1 error certificate-name-mismatch', '2 note superfluous'],
      },
    };
  for (const [name, { chain, remarks }] of Object.entries(REJECTED))
    test(`rejected: ${name}`, () => {
      const examination = examine(chain);
      assert.equal(examination.verdict, 'rejected');
      // What is superfluous in a chain that is rejected is not known: it is said, and is no reason.
      assert.deepEqual(remarksOf(examination).sort(), remarks.sort());
    });

  test('a certificate that cannot be read has no other remark, and hides nothing of the others', () => {
    const examination = examine([LEAF, { ...ISSUING, der: ISSUING.der.subarray(0, 100) }]);
    assert.equal(examination.verdict, 'rejected');
    assert.ok(remarksOf(examination).includes('1 error certificate-unknown-issuer'));
    assert.ok(remarksOf(examination).includes('2 error certificate-malformed'));
  });

  test('what only the verification says is said of the chain', () => {
    const examination = examine([LEAF, ISSUING], { revocation: { policy: 'hard', lists: [] } });
    assert.equal(examination.verdict, 'rejected');
    assert.deepEqual(remarksOf(examination), ['0 error certificate-status-missing']);
  });

  test('nothing at all is rejected', () => {
    assert.deepEqual(examine([]).verdict, 'rejected');
  });
});

describe('accepted, with something to say', () => {
  test('near its end: the leaf, a CA, and the trusted one, each by itself', () => {
    const soon = { notAfter: daysFromNow(29) };
    assert.deepEqual(remarksOf(examine([leafOf(soon), ISSUING])), ['1 warning expires-soon']);
    const issuing = authority('Issuing', { issuer: ROOT, ...soon });
    assert.deepEqual(remarksOf(examine([leafOf({}, issuing), issuing])), ['2 warning expires-soon']);
    assert.equal(examine([leafOf(soon), ISSUING]).verdict, 'warnings');
    assert.equal(examine([leafOf(soon), ISSUING], { warnSeconds: 28 * 86_400 }).verdict, 'accepted');
  });

  test('out of order, RFC 8446 section 4.4.2', () => {
    const lower = authority('Lower', { issuer: ISSUING, ...LONG });
    const examination = examine([leafOf({}, lower), ISSUING, lower]);
    assert.equal(examination.verdict, 'warnings');
    assert.deepEqual(remarksOf(examination), ['2 warning wrong-order']);
  });

  test('what nobody needs is noted, and is no warning', () => {
    const examination = examine([LEAF, ISSUING, ISSUING, authority('Stranger', LONG), ROOT]);
    assert.equal(examination.verdict, 'accepted');
    assert.deepEqual(remarksOf(examination), ['3 note superfluous', '4 note superfluous', '5 note trusted-sent']);
  });

  test('what is wrong beside the path is no more than a note', () => {
    const expired = authority('Issuing', { issuer: ROOT, key: ISSUING.key, notAfter: daysFromNow(-0.5) });
    const examination = examine([LEAF, expired, ISSUING]);
    assert.equal(examination.verdict, 'accepted');
    assert.deepEqual(remarksOf(examination), ['2 note certificate-expired']);
  });

  test('a staple that says good, and one that is out of date', () => {
    const good = examine([LEAF, ISSUING], { ocspResponse: ocspResponse(LEAF) });
    assert.deepEqual([good.verdict, ...remarksOf(good)], ['accepted', '1 note staple-good']);
    const at = { thisUpdate: daysFromNow(-9), nextUpdate: daysFromNow(-2) };
    const old = examine([LEAF, ISSUING], { ocspResponse: ocspResponse(LEAF, at) });
    assert.deepEqual([old.verdict, ...remarksOf(old)], ['warnings', '1 warning staple-useless']);
  });
});

describe('the key that it should be for', () => {
  test('is its own', () => {
    assert.equal(examine([LEAF, ISSUING], { ownKey: LEAF.key.spki }).verdict, 'accepted');
  });

  test('is another: rejected, although a client would accept the chain', () => {
    const examination = examine([LEAF, ISSUING], { ownKey: testKey('p256', 4000).spki });
    assert.equal(examination.verification.ok, true);
    assert.equal(examination.verdict, 'rejected');
    assert.deepEqual(remarksOf(examination), ['1 error key-mismatch']);
  });
});

test('below a public CA, what the CA/Browser Forum forbids is said of the certificate that does it', () => {
  const leaf = leafOf({ extensions: { keyUsage: keyUsage(['digitalSignature', 'keyCertSign']) } });
  const examination = examine([leaf, ISSUING], { anchors: anchorsWith('public', [ROOT]) });
  assert.ok(remarksOf(examination).includes('1 error certificate-not-conforming'));
  assert.equal(examination.certificates.at(-1)?.trusted, 'public');
});
