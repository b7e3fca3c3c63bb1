import { type Bytes, EMPTY } from '../core/bytes.ts';
import { TlsError } from '../core/failures.ts';
import { LIMITS } from '../core/limits.ts';
import { knownSignatureSchemes } from '../crypto/signature-schemes.ts';
import { readCertificateRequest } from '../engine/client/flight.ts';
import { ticketFits } from '../engine/client/resumption.ts';
import { decodeCertificateRequest12 } from '../engine/codec/messages12.ts';
import { HANDSHAKE_TYPE } from '../engine/codec/registry.ts';
import { type ClientConfig, checkAlpn, requireVersions } from '../engine/config.ts';
import type { CertificateQuestion, SessionFacts, Ticket } from '../engine/connection.ts';
import { requestedSchemes } from '../engine/tls12/signatures12.ts';
import { OpenSslConnection, type PrivateKeys } from './connection.ts';
import type { OpenSsl } from './library.ts';
import { createConnection, protocolList } from './policy.ts';
import type { Role } from './role.ts';

/**
 * The client's end of a connection that the system's OpenSSL makes. Of the configuration it does not use `keyShareGroups`,
 * `certificateSignatureSchemes`, `certificateCompressions`, `certificateAuthorities`, `recordSizeLimit`, `maxFragment`,
 * `recordsPerKey`, `grease` and that of `ech`, in which OpenSSL has its own ways. A response that is stapled in TLS 1.2 comes after the verdict.
 */
export class OpenSslClient extends OpenSslConnection {
  /**
   * @param keys of the certificates that may be chosen: they are in this process
   * @throws RangeError for a configuration that cannot work, or that asks for `padding`, `insecureKeyLog` or Encrypted Client Hello
   */
  constructor(config: ClientConfig, openSsl: OpenSsl, keys: PrivateKeys = new Map()) {
    const { library } = openSsl;
    requireVersions(config);
    checkAlpn(config.alpn);
    if (config.padding !== null) throw new RangeError('padding: not with OpenSSL');
    if (config.ech !== null && config.ech !== 'grease') throw new RangeError('ech: not with OpenSSL');
    if (config.insecureKeyLog) throw new RangeError('insecureKeyLog: not with OpenSSL');
    const session = usableTicket(config);
    const tickets = config.keepTickets || session !== null;
    const handle = createConnection(openSsl, 'client', tickets ? 'tickets' : 'no-tickets', config);
    library.setVerify(handle, SSL_VERIFY_PEER);
    if (config.serverName !== null) library.setServerName(handle, config.serverName);
    if (config.alpn.length > 0) library.setProtocols(handle, protocolList(config.alpn));
    if (config.requestOcsp) library.requestStatus(handle);
    if (config.keepTickets) library.keepSessions(handle);
    if (session !== null) library.setSession(handle, session.resumptionSecret);
    super(library, handle, new ClientRole(config, session), keys);
  }
}

class ClientRole implements Role {
  readonly role = 'client';
  readonly verifiesLate = false;
  readonly alpn: readonly string[];
  readonly resumes: Ticket | null;
  readonly #config: ClientConfig;

  constructor(config: ClientConfig, session: Ticket | null) {
    this.alpn = config.alpn;
    this.resumes = session;
    this.#config = config;
  }

  serverName(): string | null {
    return this.#config.serverName;
  }

  /** A client gives none. */
  ticketContext(): Bytes {
    return EMPTY;
  }

  question(message: (type: number) => Bytes | undefined, tls12: boolean): CertificateQuestion {
    const body = message(HANDSHAKE_TYPE.certificate_request);
    if (body === undefined) throw new TlsError('internal-error', 'nobody asked for a certificate');
    const serverName = this.serverName();
    const { alpn: alpnOffered } = this;
    const asked = { effect: 'choose-certificate', role: 'client', serverName, alpnOffered, curves: null } as const;
    if (!tls12) {
      const { schemes, certificateSchemes, authorities, ocspRequested } = readCertificateRequest(body);
      return { ...asked, version: 'TLSv1.3', schemes, certificateSchemes, authorities, ocspRequested };
    }
    const request = decodeCertificateRequest12(body);
    return {
      ...asked,
      version: 'TLSv1.2',
      schemes: requestedSchemes(request),
      certificateSchemes: knownSignatureSchemes(request.signatureSchemes),
      authorities: request.authorities,
      ocspRequested: false,
    };
  }

  ticketOf(session: Bytes, facts: SessionFacts, lifetimeSeconds: number): Ticket | null {
    if (!this.#config.keepTickets) return null;
    return {
      version: facts.version,
      ticket: EMPTY,
      // The whole of OpenSSL's session, which has the secret in it.
      resumptionSecret: session,
      suite: facts.suite,
      group: facts.group,
      lifetimeSeconds: Math.min(lifetimeSeconds, LIMITS.ticketLifetimeSeconds),
      ageAdd: 0,
      receivedAtMs: this.#config.now(),
      serverName: facts.serverName,
      alpn: facts.alpn,
      certificatePolicy: policyOf(this.#config),
      peer: facts.peer,
      signatureScheme: facts.signatureScheme,
    };
  }
}

/** Neither backend is to take the other's tickets, in which the same fields have other contents. */
function policyOf({ certificatePolicy }: ClientConfig): string {
  return `openssl:${certificatePolicy}`;
}

/** The ticket of the configuration if it fits: by the rules of the engine. */
function usableTicket(config: ClientConfig): Ticket | null {
  const { session, minVersion, maxVersion } = config;
  if (session === null || session.version < minVersion || session.version > maxVersion) return null;
  return ticketFits(session, { ...config, certificatePolicy: policyOf(config) }) ? session : null;
}

/** openssl/ssl.h. What it verifies is what we say. */
const SSL_VERIFY_PEER = 1;
