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

export const LOCAL_NAMES = { dns: ['localhost'], ip: ['127.0.0.1', '::1'] };

/** For this machine's own names; any client that trusts {@link TEST_ROOT} accepts it. */
export const LOCAL_SERVER = serverCertificate(ISSUING_CA, LOCAL_NAMES);

const byKind = new Map<KeyKind, ServerFiles>();

/** Files of a certificate like {@link LOCAL_SERVER}, with a key of that kind. */
export function localServer(key: KeyKind = 'p256'): ServerFiles {
  const files =
    byKind.get(key) ?? filesOf(key === 'p256' ? LOCAL_SERVER : serverCertificate(ISSUING_CA, LOCAL_NAMES, { key }));
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
