import type { Bytes } from '../../core/bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import { TLS13_SUITES } from '../../crypto/cipher-suites.ts';
import { HASH_BYTES } from '../../crypto/hkdf.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { Transcript } from '../../crypto/transcript.ts';
import { type ClientHello, encodeClientHello } from '../codec/messages.ts';
import { encodeOfferedPsks } from '../codec/pre-shared-key.ts';
import { EXTENSION } from '../codec/registry.ts';
import type { ClientConfig, SuiteName } from '../config.ts';
import type { Ticket } from '../connection.ts';
import { EarlySecret, finishedMac } from '../schedule/schedule13.ts';

/** The ticket to offer for TLS 1.3, if there is one that fits. */
export function ticket13(config: ClientConfig): Ticket | null {
  const { session } = config;
  if (session === null || session.version !== 'TLSv1.3') return null;
  return config.suites.includes(session.suite as SuiteName) && ticketFits(session, config) ? session : null;
}

/**
 * Whether a ticket of either version is for this connection: of this name, judged by this policy, with a protocol that we still
 * offer. The server proved who it is when the ticket's full handshake was made, and does not do so again: its certificate must
 * still live.
 */
export function ticketFits({ peer, ...ticket }: Ticket, config: ClientConfig): boolean {
  const nowMs = config.now();
  const ageMs = nowMs - ticket.receivedAtMs;
  return (
    ticket.ticket.length <= LIMITS.ticketBytes &&
    ticket.serverName === config.serverName &&
    ticket.certificatePolicy === config.certificatePolicy &&
    (ticket.alpn === null ? config.alpn.length === 0 : config.alpn.includes(ticket.alpn)) &&
    ageMs >= 0 &&
    ageMs < 1000 * Math.min(ticket.lifetimeSeconds, LIMITS.ticketLifetimeSeconds) &&
    peer !== null &&
    (!peer.verified || nowMs < 1000 * peer.notAfterSeconds)
  );
}

/** The hash that a ticket's secret belongs to (RFC 8446 section 4.2.11). */
export function hashOf(ticket: Ticket): 'sha256' | 'sha384' {
  return TLS13_SUITES[ticket.suite as SuiteName].hash;
}

/** What a binder is made of. */
export interface Binding {
  readonly crypto: CryptoProvider;
  readonly ticket: Ticket;
  readonly nowMs: number;
  /** What came before this ClientHello: null for a first one. */
  readonly transcript: Transcript | null;
}

/** `hello` with the ticket at its end, and the binder that shows that we have its secret (RFC 8446 section 4.2.11.2). */
export function bind(hello: ClientHello, { crypto, ticket, nowMs, transcript }: Binding): ClientHello {
  const hash = hashOf(ticket);
  const obfuscatedTicketAge = (Math.floor(nowMs - ticket.receivedAtMs) + ticket.ageAdd) % 2 ** 32;
  const identities = [{ identity: ticket.ticket, obfuscatedTicketAge }];
  const withBinder = (binder: Bytes): ClientHello => {
    const extensions = new Map(hello.extensions);
    // Anew, so that it is the last.
    extensions.delete(EXTENSION.pre_shared_key);
    extensions.set(EXTENSION.pre_shared_key, encodeOfferedPsks({ identities, binders: [binder] }));
    return { ...hello, extensions };
  };
  const binderBytes = HASH_BYTES[hash];
  const unbound = encodeClientHello(withBinder(new Uint8Array(binderBytes)));
  const truncated = unbound.subarray(0, unbound.length - 2 - 1 - binderBytes);
  const schedule = new EarlySecret(crypto, hash, ticket.resumptionSecret);
  const binderKey = schedule.binderKey();
  schedule.overwrite();
  const covered = (transcript ?? new Transcript(crypto, hash)).hashWith(truncated);
  const binder = finishedMac(crypto, hash, binderKey, covered);
  binderKey.fill(0);
  return withBinder(binder);
}

/** `hello` without a ticket: of another hash than the suite that a HelloRetryRequest chose, it is of no use. */
export function unbind(hello: ClientHello): ClientHello {
  const extensions = new Map(hello.extensions);
  extensions.delete(EXTENSION.pre_shared_key);
  return { ...hello, extensions };
}
