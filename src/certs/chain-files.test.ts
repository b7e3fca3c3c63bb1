import { expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { authority, serverCertificate } from '../../tests/support/certificates.ts';
import { scratchPath } from '../../tests/support/scratch.ts';
import { type ChainFileError, certificatesIn, readChainFile } from './chain-files.ts';

const ROOT = authority('Root');
const LEAF = serverCertificate(ROOT, { dns: ['a.test'] });

function file(content: string | Uint8Array) {
  const path = scratchPath('chain');
  writeFileSync(path, content);
  return readChainFile(path);
}

test('PEM: all certificates in their order; a key among them does not stay in memory', () => {
  const { path, bytes } = file(`# mine\n${LEAF.pem}${LEAF.key.privatePem}${ROOT.pem}`);
  expect(certificatesIn({ path, bytes })).toEqual([LEAF.der, ROOT.der]);
  expect(bytes.includes('PRIVATE')).toBe(false);
});

test('DER: one certificate', () => {
  expect(certificatesIn(file(LEAF.der))).toEqual([LEAF.der]);
});

test.each([
  ['', /no certificate in it/],
  [LEAF.key.privatePem, /no certificate in it/],
  ['-----BEGIN CERTIFICATE-----\nAAAA\n', /line 1: a certificate that does not end/],
  ['-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n', /line 2 is not base64/],
])('%j is refused', (content, says) => {
  expect(() => certificatesIn(file(content))).toThrow(says);
});

test('what is no file, is not there, or is too large is refused', () => {
  expect(() => readChainFile('/nowhere')).toThrow(/cannot read \/nowhere: there is no such file/);
  expect(() => readChainFile('/dev/null')).toThrow(/it is not a file/);
  expect(() => file(new Uint8Array(1024 * 1024 + 1))).toThrow(/larger than 1048576 bytes/);
  expect(() => readChainFile('/nowhere')).toThrow(
    expect.objectContaining({ name: 'ChainFileError' }) as ChainFileError,
  );
});
