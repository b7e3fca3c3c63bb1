import { describe, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readRevocationLists } from '../../src/certs/revocation-lists.ts';
import type { Revocation } from '../../src/x509/revocation/revocation.ts';
import type { Verification } from '../../src/x509/verify.ts';
import { extendedKeyUsage, extension, keyUsage } from '../support/certificate-extensions.ts';
import { authority, certificate, serverCertificate, type TestCertificate } from '../support/certificates.ts';
import { nullValue } from '../support/der-writer.ts';
import type { KeyKind } from '../support/keys.ts';
import { crlPem, ocspResponse, revocationList } from '../support/revocation.ts';
import { scratchPath } from '../support/scratch.ts';
import { NAMES, verify } from '../support/verification.ts';

/** What OpenSSL issues, we understand; what our tests issue, OpenSSL understands, so that they test the right thing. */

const HARD: Revocation = { policy: 'hard', lists: [] };

/** A CA in a folder, as `openssl ca` and `openssl ocsp` want it: who is revoked and why, `null` for who is not. */
class OpenSslCa {
  readonly certificate: TestCertificate;
  readonly #folder = scratchPath('openssl-ca');

  constructor(key: KeyKind) {
    mkdirSync(this.#folder);
    const usage = keyUsage(['digitalSignature', 'keyCertSign', 'cRLSign']);
    this.certificate = authority('tlsify OpenSSL CA', { key, extensions: { keyUsage: usage } });
    this.write('ca.pem', this.certificate.pem);
    this.write('ca.key', this.certificate.key.privatePem);
    this.write('number', '1000\n');
    this.write('conf', `[ca]\ndefault_ca=it\n[it]\ndatabase=${this.path('index')}\ncrlnumber=${this.path('number')}\n`);
  }

  path(name: string): string {
    return `${this.#folder}/${name}`;
  }

  write(name: string, contents: string | Uint8Array): string {
    writeFileSync(this.path(name), contents);
    return this.path(name);
  }

  openssl(...args: readonly string[]): string {
    return execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  record(entries: readonly (readonly [TestCertificate, string | null])[]): void {
    const lines = entries.map(([{ serial }, reason]) => {
      const number = Buffer.from(serial.subarray(2)).toString('hex').toUpperCase();
      const revoked = reason === null ? '' : `260102030405Z${reason === '' ? '' : `,${reason}`}`;
      return `${reason === null ? 'V' : 'R'}\t491231235959Z\t${revoked}\t${number}\tunknown\t/CN=any\n`;
    });
    this.write('index', lines.join(''));
    this.write('index.attr', 'unique_subject = no\n');
  }

  respond(leaf: TestCertificate, signer: TestCertificate, ...more: readonly string[]): Uint8Array {
    const [cert, pem, key] = [leaf.pem, signer.pem, signer.key.privatePem].map((text, index) =>
      this.write(`${index}.pem`, text),
    ) as [string, string, string];
    const request = ['-issuer', this.path('ca.pem'), '-cert', cert, '-reqout', this.path('request')];
    this.openssl('ocsp', ...(more.includes('-nonce') ? [] : ['-no_nonce']), ...request);
    const output = ['-reqin', this.path('request'), '-respout', this.path('response'), '-ndays', '2', '-rmd', 'sha256'];
    const ca = ['-index', this.path('index'), '-CA', this.path('ca.pem'), '-rsigner', pem, '-rkey', key];
    this.openssl('ocsp', ...ca, ...output, ...more.filter((option) => option !== '-nonce'));
    return new Uint8Array(readFileSync(this.path('response')));
  }

  list(...more: readonly string[]): string {
    const keys = ['-cert', this.path('ca.pem'), '-keyfile', this.path('ca.key')];
    const how = [
      '-config',
      this.path('conf'),
      '-gencrl',
      '-crldays',
      '2',
      '-md',
      'sha256',
      '-out',
      this.path('crl.pem'),
    ];
    this.openssl('ca', ...how, ...keys, ...more);
    return this.path('crl.pem');
  }
}

function why(verification: Verification): string {
  return verification.ok ? 'accepted' : `${verification.failure.why}: ${verification.failure.detail}`;
}

for (const key of ['p256', 'rsa-2048'] as const)
  describe(`what OpenSSL issues with a key of ${key}`, () => {
    const ca = new OpenSslCa(key);
    const [good, revoked, unspecified, unknown] = ['good', 'revoked', 'unspecified', 'unknown'].map(() =>
      serverCertificate(ca.certificate, NAMES),
    ) as [TestCertificate, TestCertificate, TestCertificate, TestCertificate];
    ca.record([
      [good, null],
      [revoked, 'keyCompromise'],
      [unspecified, ''],
    ]);
    const responder = certificate({
      subject: 'responder',
      issuer: ca.certificate,
      extensions: {
        purpose: extendedKeyUsage(['ocspSigning']),
        noCheck: extension('1.3.6.1.5.5.7.48.1.5', nullValue()),
      },
    });
    const check = (leaf: TestCertificate, response: Uint8Array) =>
      why(verify([leaf], { ocspResponse: response, revocation: HARD }));

    test('OCSP responses of the CA itself, and of a responder', () => {
      for (const signer of [ca.certificate, responder]) {
        expect(check(good, ca.respond(good, signer))).toBe('accepted');
        expect(check(good, ca.respond(good, signer, '-resp_key_id'))).toBe('accepted');
        expect(check(revoked, ca.respond(revoked, signer))).toMatch(
          /^certificate-revoked: .* 2026-01-02 03:04:05 UTC \(keyCompromise\)$/,
        );
        expect(check(unspecified, ca.respond(unspecified, signer))).toMatch(/^certificate-revoked: .* UTC$/);
        expect(check(unknown, ca.respond(unknown, signer))).toMatch(
          /^certificate-status-rejected: .* no such certificate/,
        );
      }
    });

    test('not those with a nonce, of another certificate, or signed by the certificate itself', () => {
      expect(check(good, ca.respond(good, ca.certificate, '-nonce'))).toMatch(/^certificate-status-rejected: .* nonce/);
      expect(check(good, ca.respond(revoked, ca.certificate))).toMatch(/another certificate/);
      expect(check(good, ca.respond(good, good))).toMatch(/not for signing OCSP responses/);
    });

    test('CRLs', () => {
      const lists = readRevocationLists(ca.list());
      const listed = (leaf: TestCertificate) => why(verify([leaf], { revocation: { policy: 'hard', lists } }));
      expect(listed(good)).toBe('accepted');
      expect(listed(revoked)).toMatch(/^certificate-revoked: .* 2026-01-02 03:04:05 UTC \(keyCompromise\)$/);
      expect(listed(unspecified)).toMatch(/^certificate-revoked: .* UTC$/);
    });
  });

describe('what our tests issue, OpenSSL reads and believes', () => {
  const ca = new OpenSslCa('p256');
  const leaf = serverCertificate(ca.certificate, NAMES);

  test('OCSP responses', () => {
    const [response, cert] = [ca.write('ours', ocspResponse(leaf)), ca.write('leaf.pem', leaf.pem)];
    const said = ca.openssl(
      ...['ocsp', '-respin', response, '-issuer', ca.path('ca.pem'), '-cert', cert, '-CAfile', ca.path('ca.pem')],
    );
    expect(said).toMatch(/leaf\.pem: good/);
  });

  test('CRLs', () => {
    const verified = (list: Uint8Array): string => {
      const [crl, cert] = [ca.write('ours.crl', crlPem(list)), ca.write('leaf.pem', leaf.pem)];
      return ca.openssl('verify', '-crl_check', '-CRLfile', crl, '-CAfile', ca.path('ca.pem'), cert);
    };
    expect(verified(revocationList(ca.certificate, []))).toMatch(/leaf\.pem: OK/);
    expect(() => verified(revocationList(ca.certificate, [leaf]))).toThrow(/certificate revoked/);
  });
});
