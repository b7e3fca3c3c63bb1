import { writeFileSync } from 'node:fs';
import { ed448 } from '@noble/curves/ed448.js';
import { concat, unhex } from '../../src/core/bytes.ts';
import {
  authority,
  type ServerFiles,
  serverCertificate,
  type TestCertificate,
  writeServerFiles,
} from './certificates.ts';
import { type KeyKind, pemBlock } from './keys.ts';
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

/** As {@link localServer}, with an Ed448 key, which Bun has none of. */
export function localEd448Server(): ServerFiles {
  const { secretKey, publicKey } = ed448.keygen();
  const spki = concat(unhex('3043 3005 06032b6571 033a00'), publicKey);
  const files = filesOf(serverCertificate(ISSUING_CA, LOCAL_NAMES, { spki }));
  const pkcs8 = concat(unhex('3047 020100 3005 06032b6571 043b 0439'), secretKey);
  writeFileSync(files.key, pemBlock('PRIVATE KEY', pkcs8));
  return files;
}

export function filesOf(leaf: TestCertificate): ServerFiles {
  return writeServerFiles(scratchPath('pki'), leaf);
}

/** Options of `connect` that make {@link TEST_ROOT} the only trust anchor. */
export function trustTestRoot(): string[] {
  return ['--no-system-ca', '--ca', localServer().ca];
}
