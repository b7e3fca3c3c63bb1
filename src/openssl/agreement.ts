import { type Bytes, latin1 } from '../core/bytes.ts';
import { TlsError, type Why } from '../core/failures.ts';
import { decodeServerHello } from '../engine/codec/messages.ts';
import { EXTENSION, HANDSHAKE_TYPE, VERSION } from '../engine/codec/registry.ts';
import type { PeerIdentity, SessionFacts } from '../engine/connection.ts';
import { keyTypeOf } from '../engine/peer-certificate.ts';
import { type Handle, type OpenSslLibrary, readFacts } from './library.ts';
import { groupName, schemeName, suiteName, versionName } from './policy.ts';
import type { Role } from './role.ts';

/** What our verdict on the peer's certificate has found; nulls without one. */
export interface Verdict {
  readonly peer: PeerIdentity | null;
  /** DER SubjectPublicKeyInfo of the leaf. */
  readonly spki: Bytes | null;
}

/** What the handshake has agreed on. */
export function sessionFacts(library: OpenSslLibrary, handle: Handle, role: Role, verdict: Verdict): SessionFacts {
  const facts = readFacts(library, handle);
  const version = versionName(facts.version);
  const suite = suiteName(facts.suite);
  if (version === null || suite === null) throw new TlsError('internal-error', `OpenSSL chose ${facts.suite}`);
  const resumed = facts.resumed === 1;
  const { resumes } = role;
  const peer = resumed ? (resumes?.peer ?? null) : verdict.peer;
  if (role.role === 'client' && peer === null) throw new TlsError('internal-error', 'open without a verdict');
  const key = verdict.spki === null ? null : keyTypeOf(verdict.spki);
  return {
    version,
    suite,
    group: groupName(facts.group),
    signatureScheme: resumed
      ? (resumes?.signatureScheme ?? null)
      : schemeName(facts.signatureType, facts.signatureHash, key),
    alpn: protocol(library, handle),
    serverName: role.serverName((type) => messageBody(library, handle, type)),
    resumed,
    helloRetryRequest: facts.clientHellos > 1,
    ech: 'not-offered',
    peer,
  };
}

/** What OpenSSL allows and we do not: TLS 1.2 without RFC 7627, and a protocol that was not offered (RFC 7301 section 3.2). */
export function disagreement(
  library: OpenSslLibrary,
  handle: Handle,
  { alpn }: Role,
  extendedMasterSecret: boolean,
): Why | null {
  if (isTls12(library, handle) && !extendedMasterSecret) return 'extended-master-secret-missing';
  const chosen = protocol(library, handle);
  return chosen !== null && !alpn.includes(chosen) ? 'unsolicited-alpn' : null;
}

/** OpenSSL says it only when the handshake is over, and then it is too late for an alert. */
export function serverTookExtendedMasterSecret(library: OpenSslLibrary, handle: Handle): boolean {
  const hello = messageBody(library, handle, HANDSHAKE_TYPE.server_hello);
  return hello !== undefined && decodeServerHello(hello).extensions.has(EXTENSION.extended_master_secret);
}

/** The peer's last message of that type, without its header of four bytes; see the library. */
export function messageBody(library: OpenSslLibrary, handle: Handle, type: number): Bytes | undefined {
  return library.message(handle, type)?.subarray(4);
}

/** Whether TLS 1.2 was chosen. */
export function isTls12(library: OpenSslLibrary, handle: Handle): boolean {
  return readFacts(library, handle).version === VERSION.tls12;
}

function protocol(library: OpenSslLibrary, handle: Handle): string | null {
  const name = library.protocol(handle);
  return name === undefined ? null : latin1(name);
}
