import { ascii, type Bytes, equal, latin1 } from '../../core/bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import type { SignatureScheme } from '../../crypto/provider.ts';
import { SIGNATURE_SCHEMES } from '../../crypto/signature-schemes.ts';
import { malformed } from '../codec/decode.ts';
import type { PeerIdentity } from '../connection.ts';
import type { ServerConfig } from '../server-config.ts';

/**
 * What all begins with that a server has sealed for itself, tickets and cookies: to be raised with any change of what is in them. What
 * was sealed under the same key by an older or a newer program is so none of ours.
 */
export const SEALED_FORMAT = 1;

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

/** Whether a ticket may be made: not of a session whose client has a name of kilobytes. */
export function fitTicket(terms: SessionTerms): boolean {
  return encodeTerms(terms).length <= LIMITS.sessionTermsBytes;
}

/** JSON with its characters beyond ASCII escaped: the members in one order, and no others. */
export function encodeTerms(terms: SessionTerms): Bytes {
  const { establishedAtMs, serverName, alpn, certificatePolicy, signatureScheme } = terms;
  const peer = terms.peer === null ? null : membersOf(terms.peer);
  const members: SessionTerms = { establishedAtMs, serverName, alpn, certificatePolicy, peer, signatureScheme };
  const escaped = (letter: string) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return ascii(JSON.stringify(members).replace(/[\u007f-\uffff]/g, escaped));
}

/** @throws TlsError decode-error for all that {@link encodeTerms} does not write */
export function decodeTerms(json: Bytes): SessionTerms {
  const terms = parsed(latin1(json));
  if (!isTerms(terms) || !equal(encodeTerms(terms), json)) malformed('ticket');
  return terms;
}

function membersOf(peer: PeerIdentity): PeerIdentity {
  const { verified, matched, subject, spkiSha256, certificateSha256, notAfterSeconds } = peer;
  return { verified, matched, subject, spkiSha256, certificateSha256, notAfterSeconds };
}

/** Undefined for what is no JSON, or nested deeper than the runtime goes. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isTerms(value: unknown): value is SessionTerms {
  if (typeof value !== 'object' || value === null) return false;
  const terms = value as Readonly<Partial<Record<keyof SessionTerms, unknown>>>;
  return (
    Number.isFinite(terms.establishedAtMs) &&
    (terms.serverName === null || typeof terms.serverName === 'string') &&
    (terms.alpn === null || typeof terms.alpn === 'string') &&
    typeof terms.certificatePolicy === 'string' &&
    (terms.peer === null || isIdentity(terms.peer)) &&
    (terms.signatureScheme === null || isScheme(terms.signatureScheme))
  );
}

function isIdentity(value: unknown): value is PeerIdentity {
  if (typeof value !== 'object' || value === null) return false;
  const peer = value as Readonly<Partial<Record<keyof PeerIdentity, unknown>>>;
  return (
    typeof peer.verified === 'boolean' &&
    Array.isArray(peer.matched) &&
    peer.matched.every((identifier) => typeof identifier === 'string') &&
    typeof peer.subject === 'string' &&
    typeof peer.spkiSha256 === 'string' &&
    typeof peer.certificateSha256 === 'string' &&
    Number.isFinite(peer.notAfterSeconds)
  );
}

function isScheme(value: unknown): value is SignatureScheme {
  return typeof value === 'string' && Object.hasOwn(SIGNATURE_SCHEMES, value);
}
