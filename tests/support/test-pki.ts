import {
  authority,
  type ServerFiles,
  serverCertificate,
  type TestCertificate,
  writeServerFiles,
} from './certificates.ts';
import type { KeyKind } from './keys.ts';
import { scratchPath } from './scratch.ts';

/** A root and an issuing CA that every test file of this process shares. */
export const TEST_ROOT = authority('tlsify test root');
export const ISSUING_CA = authority('tlsify test issuing CA', { issuer: TEST_ROOT });

const LOCAL_NAMES = { dns: ['localhost'], ip: ['127.0.0.1', '::1'] };

const byKind = new Map<KeyKind, ServerFiles>();

/** Files of a certificate for this machine's own names that any client which trusts {@link TEST_ROOT} accepts. */
export function localServer(key: KeyKind = 'p256'): ServerFiles {
  const files = byKind.get(key) ?? filesOf(serverCertificate(ISSUING_CA, LOCAL_NAMES, { key }));
  byKind.set(key, files);
  return files;
}

export function filesOf(leaf: TestCertificate): ServerFiles {
  return writeServerFiles(scratchPath('pki'), leaf);
}

/** Options of `connect` that make {@link TEST_ROOT} the only trust anchor. */
export function trustTestRoot(): string[] {
  return ['--no-system-ca', '--ca', localServer().ca];
}
