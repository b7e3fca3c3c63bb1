import { ascii, type Bytes } from '../../core/bytes.ts';
import type { SignatureScheme } from '../../crypto/provider.ts';
import type { PeerIdentity } from '../connection.ts';
import type { ServerConfig } from '../server-config.ts';

/** Under what a session was made, of either version: part of what a ticket holds. */
export interface SessionTerms {
  /** When the full handshake was, by which both sides were authenticated. Milliseconds since the epoch. */
  readonly establishedAtMs: number;
  readonly serverName: string | null;
  readonly alpn: string | null;
  readonly certificatePolicy: string;
  /** Who the client has proved to be, and how. */
  readonly peer: PeerIdentity | null;
  readonly signatureScheme: SignatureScheme | null;
}

/**
 * Whether all that a session stands for is what a full handshake would come to now: with this name, this protocol, this policy,
 * and a client whose certificate still lives where there must be one.
 * @param now what the ClientHello asks for, and what we chose
 */
export function termsHold(
  terms: SessionTerms,
  config: ServerConfig,
  now: { readonly serverName: string | null; readonly alpn: string | null },
): boolean {
  const nowMs = config.now();
  const ageMs = nowMs - terms.establishedAtMs;
  return (
    ageMs >= 0 &&
    ageMs < 1000 * config.ticketLifetimeSeconds &&
    terms.serverName === now.serverName &&
    terms.alpn === now.alpn &&
    terms.certificatePolicy === config.certificatePolicy &&
    (terms.peer === null
      ? config.clientCertificate !== 'required'
      : config.clientCertificate !== 'none' && nowMs < 1000 * terms.peer.notAfterSeconds)
  );
}

/** JSON with its characters beyond ASCII escaped. */
export function asciiJson(value: unknown): Bytes {
  const escaped = (letter: string) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return ascii(JSON.stringify(value).replace(/[\u007f-\uffff]/g, escaped));
}
