import { describe, test } from 'node:test';
import {
  authorityInfoAccess,
  extendedKeyUsage,
  extension,
  keyUsage,
  nameConstraints,
  policyConstraints,
} from '../../tests/support/certificate-extensions.ts';
import {
  authority,
  type CertificateOptions,
  certificate,
  chainOf,
  daysFromNow,
  serverCertificate,
  type TestCertificate,
} from '../../tests/support/certificates.ts';
import { nullValue, sequence } from '../../tests/support/der-writer.ts';
import { testKey } from '../../tests/support/keys.ts';
import { accepted, anchors, NAMES, rejected, verify } from '../../tests/support/verification.ts';
import type { Why } from '../core/failures.ts';
import type { Verification } from './verify.ts';

const ROOT = authority('Root');
const ISSUING = authority('Issuing', { issuer: ROOT });
const LEAF = serverCertificate(ISSUING, NAMES);

/** A leaf below an intermediate, each with its own oddities. */
function chain(leaf: CertificateOptions, issuing: CertificateOptions = {}): TestCertificate[] {
  return chainOf(serverCertificate(authority('Issuing', { issuer: ROOT, ...issuing }), NAMES, leaf));
}

/** One defect, and what is said about it. */
const DEFECTS: Readonly<Record<string, readonly [() => Verification, Why, RegExp]>> = {
  'leaf expired': [
    () => verify(chain({ notAfter: daysFromNow(-1) })),
    'certificate-expired',
    /^the server's certificate \(CN=a\.test\) expired on .*UTC, and it is .*UTC$/,
  ],
  'leaf not yet valid': [
    () => verify(chain({ notBefore: daysFromNow(1) })),
    'certificate-not-yet-valid',
    /^the server's certificate \(CN=a\.test\) is valid from/,
  ],
  'intermediate expired': [
    () => verify(chain({}, { notAfter: daysFromNow(-1) })),
    'certificate-expired',
    /^the intermediate certificate \(CN=Issuing\) expired/,
  ],
  'root expired': [
    () => verify([serverCertificate(authority('Old', { notAfter: daysFromNow(-1) }), NAMES)]),
    'certificate-expired',
    /^the trusted certificate \(CN=Old\) expired/,
  ],
  'another name': [
    () => verify([LEAF, ISSUING], { references: { identifiers: [{ type: 'dns', name: 'b.test' }] } }),
    'certificate-name-mismatch',
    /is for dns:a\.test, and not for dns:b\.test$/,
  ],
  'no subjectAltName': [
    () => verify(chain({ extensions: { subjectAltName: null } })),
    'certificate-name-mismatch',
    /it has no subjectAltName, and a common name does not count/,
  ],
  'self-signed': [
    () => verify([serverCertificate(undefined, NAMES)], { anchors: anchors(ROOT) }),
    'certificate-self-signed',
    /signed by itself/,
  ],
  'unknown root': [
    () => verify([LEAF, ISSUING, ROOT], { anchors: anchors(authority('Other')) }),
    'certificate-unknown-issuer',
    /the chain ends at CN=Root, which is not in the trust store/,
  ],
  'unknown root, not sent': [
    () => verify([LEAF, ISSUING], { anchors: anchors(authority('Other')) }),
    'certificate-unknown-issuer',
    /^the intermediate certificate \(CN=Issuing\) was issued by CN=Root, which is neither in the chain nor in the trust store/,
  ],
  'missing intermediate': [
    () => verify([serverCertificate(ISSUING, NAMES, { extensions: { aia: authorityInfoAccess('http://ca.test/') } })]),
    'certificate-missing-intermediate',
    /was issued by CN=Issuing, which is neither/,
  ],
  'leaf signed by another key': [
    () => verify(chain({ signer: testKey('p256', 1003) })),
    'certificate-bad-signature',
    /^the server's certificate \(CN=a\.test\) is not signed with the key of the intermediate certificate \(CN=Issuing\)$/,
  ],
  'intermediate signed by another key': [
    () => verify(chain({}, { signer: testKey('p256', 1003) })),
    'certificate-bad-signature',
    /^the intermediate certificate \(CN=Issuing\) is not signed with the key of the trusted certificate \(CN=Root\)$/,
  ],
  'signature of another family': [
    () => verify(chain({ signer: testKey('ed25519') })),
    'certificate-bad-signature',
    /is not signed with the key/,
  ],
  'signature altered': [
    () => verify(chain({ signature: new Uint8Array(70).fill(1) })),
    'certificate-bad-signature',
    /CN=a\.test/,
  ],
  'leaf for clients': [
    () => verify(chain({ extensions: { extKeyUsage: extendedKeyUsage(['clientAuth', 'emailProtection']) } })),
    'certificate-wrong-purpose',
    /is not for TLS servers: it is for TLS clients, e-mail$/,
  ],
  'leaf for any purpose': [
    () => verify(chain({ extensions: { extKeyUsage: extendedKeyUsage(['any']) } })),
    'certificate-wrong-purpose',
    /it is for any purpose/,
  ],
  'leaf not for signatures': [
    () => verify(chain({ extensions: { keyUsage: keyUsage(['keyEncipherment']) } })),
    'certificate-wrong-purpose',
    /not for digital signatures/,
  ],
  'server certificate for a client': [
    () => verify([LEAF, ISSUING], { purpose: 'client' }),
    'certificate-wrong-purpose',
    /^the client's certificate .* is not for TLS clients/,
  ],
  'intermediate for e-mail': [
    () => verify(chain({}, { extensions: { eku: extendedKeyUsage(['emailProtection']) } })),
    'certificate-wrong-purpose',
    /CN=Issuing\) may not issue for TLS servers/,
  ],
  'issuer is not a CA': [
    () => verify(chainOf(serverCertificate(serverCertificate(ROOT, { dns: ['b.test'] }), NAMES))),
    'certificate-issuer-not-a-ca',
    /CN=b\.test\) issued a certificate, and is not a CA/,
  ],
  'issuer without basicConstraints': [
    () => verify(chain({}, { extensions: { basicConstraints: null } })),
    'certificate-issuer-not-a-ca',
    /basicConstraints/,
  ],
  'issuer of version 1': [
    () => verify([serverCertificate(certificate({ subject: 'v1', version: null }), NAMES)]),
    'certificate-issuer-not-a-ca',
    /CN=v1/,
  ],
  'issuer not for signing certificates': [
    () => verify(chain({}, { extensions: { keyUsage: keyUsage(['cRLSign']) } })),
    'certificate-issuer-not-a-ca',
    /not for signing certificates \(keyUsage\)/,
  ],
  'path length': [
    () =>
      verify(
        chainOf(
          serverCertificate(
            authority('Second', { issuer: authority('First', { issuer: ROOT, pathLength: 0 }) }),
            NAMES,
          ),
        ),
      ),
    'certificate-path-too-long',
    /CN=First\) allows 0 CA certificates below it, and there are 1$/,
  ],
  'more intermediates than the caller allows': [
    () => verify([LEAF, ISSUING], { maximumIntermediates: 0 }),
    'certificate-path-too-long',
    /more than 0 certificates between/,
  ],
  'unknown critical extension in the leaf': [
    () => verify(chain({ extensions: { odd: extension('1.2.3', nullValue(), true) } })),
    'certificate-unknown-critical-extension',
    /CN=a\.test\) has the critical extension 1\.2\.3/,
  ],
  'unknown critical extension in the intermediate': [
    () => verify(chain({}, { extensions: { odd: extension('1.2.3', nullValue(), true) } })),
    'certificate-unknown-critical-extension',
    /CN=Issuing/,
  ],
  'no policy where one is demanded': [
    () => verify(chain({}, { extensions: { constraints: policyConstraints({ requireExplicit: 0 }) } })),
    'certificate-not-conforming',
    /^the chain has no policy in common, and CN=Issuing demands one/,
  ],
  'name constraints': [
    () => verify(chain({}, { extensions: { nc: nameConstraints({ permitted: { dns: ['b.test'] } }) } })),
    'certificate-name-constraint',
    /^the server's certificate \(CN=a\.test\) has the name dns:a\.test, which is not among those permitted/,
  ],
  'weak key in the leaf': [
    () => verify(chain({ key: 'rsa-1024' })),
    'certificate-weak-key',
    /CN=a\.test\) has an RSA key of 1024 bits/,
  ],
  'weak key in the issuer': [
    () => verify(chain({}, { key: 'rsa-1024' })),
    'certificate-weak-key',
    /CN=Issuing\) has an RSA key of 1024/,
  ],
  'odd curve in the leaf': [() => verify(chain({ key: 'p224' })), 'certificate-unsupported-key', /P-224/],
  'SHA-1 on the leaf': [
    () => verify(chain({ algorithm: 'ecdsa-sha1' })),
    'certificate-weak-signature',
    /CN=a\.test\) is signed with SHA-1 and ECDSA/,
  ],
  'SHA-1 on the intermediate': [
    () => verify(chain({}, { algorithm: 'ecdsa-sha1' })),
    'certificate-weak-signature',
    /CN=Issuing\) is signed with SHA-1/,
  ],
  'malformed leaf': [
    () => verify([{ ...LEAF, der: LEAF.der.subarray(1) }, ISSUING], { anchors: anchors(ROOT) }),
    'certificate-malformed',
    /^the server's certificate is malformed: /,
  ],
  'malformed intermediate': [
    () => verify([LEAF, { ...ISSUING, der: ISSUING.der.subarray(1) }], { anchors: anchors(ROOT) }),
    'certificate-malformed',
    /^certificate 2 of the chain is malformed: /,
  ],
  'empty issuer': [
    () => verify([serverCertificate(authority('Root', { subject: sequence() }), NAMES)]),
    'certificate-malformed',
    /empty issuer/,
  ],
};

describe('one defect is reported as what it is', () => {
  for (const [name, [run, why, detail]] of Object.entries(DEFECTS)) test(name, () => void rejected(run(), why, detail));
});

describe('a SHA-1 signature does not matter', () => {
  test('on a trust anchor, which is trusted whatever signed it', () => {
    accepted(verify([serverCertificate(authority('Old', { algorithm: 'ecdsa-sha1' }), NAMES)]));
  });
});
