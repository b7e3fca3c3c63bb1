import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { TLS12_SUITES, TLS13_SUITES } from '../../src/crypto/cipher-suites.ts';
import type { ServerFiles } from '../support/certificates.ts';
import { requireProgram } from '../support/peer-process.ts';
import { scratchPath } from '../support/scratch.ts';

/** Suites by code point, as `:1301:1302`. */
export function nssSuites(suites: readonly string[]): string {
  const all: Readonly<Record<string, { readonly codePoint: number }>> = { ...TLS13_SUITES, ...TLS12_SUITES };
  return suites.map((suite) => `:${(all[suite]?.codePoint ?? 0).toString(16).toUpperCase().padStart(4, '0')}`).join('');
}

export const NSS_GROUPS: Readonly<Record<string, string>> = {
  x25519: 'x25519',
  secp256r1: 'P256',
  secp384r1: 'P384',
  secp521r1: 'P521',
};

/**
 * NSS takes keys and trust from databases of its own only. Makes one, with a certificate and its key by the nickname `peer`, and a
 * CA (a PEM file) that may certify servers and clients.
 * @param folder made if it is not there
 * @returns the folder
 */
export function nssDatabase(
  { certificate, trusted }: { readonly certificate?: ServerFiles; readonly trusted?: string },
  folder = scratchPath('nss'),
): string {
  requireProgram('pk12util', 'the package libnss3-tools');
  mkdirSync(folder, { recursive: true });
  const run = (program: string, ...args: string[]): void => {
    execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  };
  run('certutil', '-N', '-d', folder, '--empty-password');
  if (trusted !== undefined) run('certutil', '-A', '-d', folder, '-n', 'ca', '-t', 'CT,,', '-i', trusted);
  if (certificate === undefined) return folder;
  const bundle = scratchPath('peer.p12');
  const source = ['-inkey', certificate.key, '-in', certificate.chain, '-name', 'peer'];
  run('openssl', 'pkcs12', '-export', ...source, '-out', bundle, '-passout', 'pass:');
  run('pk12util', '-i', bundle, '-d', folder, '-W', '');
  return folder;
}
