import type { Bytes } from '../core/bytes.ts';
import type { CertificateQuestion, SessionFacts, Ticket } from '../engine/connection.ts';

/** What one role does differently from the other. */
export interface Role {
  readonly role: 'client' | 'server';
  /** The name that a client asked for. @param message as for {@link question} */
  serverName(message: (type: number) => Bytes | undefined): string | null;
  readonly alpn: readonly string[];
  /** Which certificate to show, from what the peer has said. @throws TlsError for what it may not say */
  question(message: (type: number) => Bytes | undefined, tls12: boolean): CertificateQuestion;
  /** What a server's tickets are bound to: at most 32 bytes. @param clientHello without its header */
  ticketContext(clientHello: Bytes): Bytes;
  /** Whether OpenSSL has the peer's certificate before it lets us say what we think of it. */
  readonly verifiesLate: boolean;
  /** The ticket that a client has offered, with who its server has proved to be. */
  readonly resumes: Ticket | null;
  /** A session that the server gave; null keeps none. */
  ticketOf(session: Bytes, facts: SessionFacts, lifetimeSeconds: number): Ticket | null;
}
