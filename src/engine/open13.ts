import type { Bytes } from '../core/bytes.ts';
import { LIMITS } from '../core/limits.ts';
import { TLS13_SUITES } from '../crypto/cipher-suites.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { decodeU32 } from './codec/extensions.ts';
import { decodeKeyUpdate, decodeNewSessionTicket, encodeKeyUpdate } from './codec/messages.ts';
import { EXTENSION } from './codec/registry.ts';
import type { SuiteName } from './config.ts';
import type { SessionFacts, Ticket } from './connection.ts';
import { type Action, type MessageEvent, requireAligned, type Step } from './machine.ts';
import { nextTrafficSecret, openerOf, sealerOf, ticketSecret } from './schedule/schedule13.ts';

/** A TLS 1.3 connection after its handshake, of either role (RFC 8446 section 4.6). */
export interface Open13 {
  readonly state: 'open';
  readonly session: SessionFacts;
  readonly suite: SuiteName;
  readonly ticketsKept: number;
  readonly secrets: {
    /** application_traffic_secret_N of our direction and of the peer's. */
    readonly sending: Bytes;
    readonly receiving: Bytes;
    readonly exporter: Bytes;
    readonly resumption: Bytes;
  };
}

type OpenCrypto = Pick<CryptoProvider, 'hmac' | 'hash' | 'aead'>;

/** RFC 8446 section 4.6.3: the peer has changed its sending keys, and may want us to. */
export function onKeyUpdate<Open extends Open13>(crypto: OpenCrypto, state: Open, event: MessageEvent): Step<Open> {
  const request = decodeKeyUpdate(event.message.body);
  const aligned = requireAligned(event);
  const parameters = TLS13_SUITES[state.suite];
  const receiving = nextTrafficSecret(crypto, parameters.hash, state.secrets.receiving);
  const actions: Action[] = [{ action: 'open-with', opener: openerOf(crypto, parameters, receiving), aligned }];
  if (request === 'update_requested') actions.push({ action: 'owe-key-update' });
  return { state: { ...state, secrets: { ...state.secrets, receiving } }, actions };
}

/** We change our sending keys. */
export function updateKeys<Open extends Open13>(crypto: OpenCrypto, state: Open, requestPeer: boolean): Step<Open> {
  const parameters = TLS13_SUITES[state.suite];
  const sending = nextTrafficSecret(crypto, parameters.hash, state.secrets.sending);
  return {
    state: { ...state, secrets: { ...state.secrets, sending } },
    actions: [
      { action: 'send', message: encodeKeyUpdate(requestPeer ? 'update_requested' : 'update_not_requested') },
      { action: 'seal-with', sealer: sealerOf(crypto, parameters, sending) },
    ],
  };
}

/** RFC 8446 section 4.6.1. Always validated; given on only if the caller has a place for it. */
export function onNewSessionTicket(
  crypto: OpenCrypto,
  state: Open13,
  event: MessageEvent,
  keep: { readonly nowMs: number; readonly certificatePolicy: string } | null,
): Step<Open13> {
  const { lifetimeSeconds, ageAdd, nonce, ticket, extensions } = decodeNewSessionTicket(event.message.body);
  const earlyData = extensions.get(EXTENSION.early_data);
  if (earlyData !== undefined) decodeU32('early_data', earlyData);
  // A lifetime of zero says that it is not to be used.
  if (keep === null || lifetimeSeconds === 0 || state.ticketsKept >= LIMITS.ticketsKept) return { state, actions: [] };
  const { suite, session, secrets } = state;
  const kept: Ticket = {
    version: 'TLSv1.3',
    ticket: ticket.slice(),
    resumptionSecret: ticketSecret(crypto, TLS13_SUITES[suite].hash, secrets.resumption, nonce),
    suite,
    group: session.group,
    lifetimeSeconds: Math.min(lifetimeSeconds, LIMITS.ticketLifetimeSeconds),
    ageAdd,
    receivedAtMs: keep.nowMs,
    serverName: session.serverName,
    alpn: session.alpn,
    certificatePolicy: keep.certificatePolicy,
    peer: session.peer,
    signatureScheme: session.signatureScheme,
  };
  return { state: { ...state, ticketsKept: state.ticketsKept + 1 }, actions: [{ action: 'ticket', ticket: kept }] };
}
