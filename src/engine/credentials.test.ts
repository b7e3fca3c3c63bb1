import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SignatureScheme } from '../crypto/provider.ts';
import type { CertificateQuestion } from './connection.ts';
import { type CredentialOption, chooseCredential } from './credentials.ts';

const P256: CredentialOption = option('p256', ['ecdsa_secp256r1_sha256']);
const P384: CredentialOption = option('p384', ['ecdsa_secp384r1_sha384']);
const RSA: CredentialOption = option('rsa', ['rsa_pss_rsae_sha256', 'rsa_pkcs1_sha256']);

function option(keyType: CredentialOption['keyType'], schemes: SignatureScheme[]): CredentialOption {
  return { credential: { chain: [], key: keyType }, keyType, schemes };
}

const QUESTION: CertificateQuestion = {
  effect: 'choose-certificate',
  role: 'server',
  version: 'TLSv1.2',
  serverName: null,
  alpnOffered: [],
  schemes: ['ecdsa_secp256r1_sha256', 'rsa_pkcs1_sha256'],
  curves: ['x25519', 'secp256r1', 'secp384r1'],
  certificateSchemes: [],
  authorities: [],
  ocspRequested: false,
};

/** Key and scheme, or why there is none. */
function chosen(options: readonly CredentialOption[], changes: Partial<CertificateQuestion> = {}): string {
  const answer = chooseCredential(options, { ...QUESTION, ...changes }, 'refuse');
  if (answer.answer === 'refused') return answer.failure.why;
  assert.equal(answer.answer, 'certificate-chosen');
  if (answer.answer !== 'certificate-chosen' || answer.choice === null) return 'none';
  return `${answer.choice.credential.key} ${answer.choice.scheme}`;
}

test('the first certificate that fits, with the scheme that is best for its key', () => {
  assert.equal(chosen([P256, RSA]), 'p256 ecdsa_secp256r1_sha256');
  assert.equal(chosen([RSA, P256]), 'rsa rsa_pkcs1_sha256');
  assert.equal(
    chosen([P256, RSA], { schemes: ['rsa_pkcs1_sha256', 'rsa_pss_rsae_sha256'] }),
    'rsa rsa_pss_rsae_sha256',
  );
  assert.equal(chosen([P256], { schemes: ['rsa_pkcs1_sha256'] }), 'no-common-signature-scheme');
  assert.equal(chosen([P256], { schemes: ['rsa_pkcs1_sha256'], role: 'client' }), 'none');
});

test('in TLS 1.2 an ECDSA scheme names a hash, in TLS 1.3 the curve too', () => {
  assert.equal(chosen([P384]), 'p384 ecdsa_secp256r1_sha256');
  assert.equal(
    chosen([P384], { schemes: ['ecdsa_secp256r1_sha256', 'ecdsa_secp384r1_sha384'] }),
    'p384 ecdsa_secp384r1_sha384',
  );
  assert.equal(chosen([P384], { version: 'TLSv1.3', curves: null }), 'no-common-signature-scheme');
  assert.equal(chosen([RSA], { schemes: ['ecdsa_secp256r1_sha256'] }), 'no-common-signature-scheme');
});

test('a certificate whose key is on a curve that the peer does not have is none for it', () => {
  assert.equal(chosen([P384, RSA], { curves: ['x25519', 'secp256r1'] }), 'rsa rsa_pkcs1_sha256');
  assert.equal(chosen([P384], { curves: ['x25519', 'secp256r1'] }), 'no-common-signature-scheme');
  assert.equal(chosen([P384], { curves: null }), 'p384 ecdsa_secp256r1_sha256');
});

test('a name that no certificate has is refused, or answered with the first, as the policy says', () => {
  const a = { ...P256, names: ['a.example'] };
  const b = { ...RSA, names: ['b.example'] };
  assert.equal(chosen([a, b], { serverName: 'b.example' }), 'rsa rsa_pkcs1_sha256');
  assert.equal(chosen([a, b], { serverName: 'c.example' }), 'unrecognized-name');
  const shown = chooseCredential([a, b], { ...QUESTION, serverName: 'c.example' }, 'show-first');
  assert.ok(shown.answer === 'certificate-chosen');
  assert.equal(shown.choice?.credential.key, 'p256');
});
