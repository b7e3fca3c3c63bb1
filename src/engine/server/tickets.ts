import { type Bytes, EMPTY } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { TLS13_SUITES } from '../../crypto/cipher-suites.ts';
import { chooseGrease, GREASE_RANDOM_BYTES } from '../codec/grease.ts';
import { encodeNewSessionTicket } from '../codec/messages.ts';
import type { Event, Step } from '../machine.ts';
import { ticketSecret } from '../schedule/schedule13.ts';
import type { ClientOffer } from './client-offer.ts';
import { encodeSession13, type Session13 } from './session.ts';
import { fitTicket } from './session-terms.ts';
import type { Issuing, ServerContext, ServerOpen } from './states.ts';

/** RFC 8446 section 4.6.1: tickets of a connection that is open, if its client can use any. */
export function startIssuing(
  context: ServerContext,
  state: ServerOpen,
  offer: ClientOffer,
  session: Omit<Session13, 'secret'>,
): Step<ServerOpen> {
  const { config } = context;
  // The client's authentication, and ours, does not get younger by being resumed.
  const ageSeconds = Math.ceil((config.now() - session.establishedAtMs) / 1000);
  const lifetimeSeconds = config.ticketLifetimeSeconds - ageSeconds;
  if (!offer.pskWithDhe || config.ticketCount === 0 || lifetimeSeconds <= 0 || !fitTicket(session))
    return { state, actions: [] };
  return sealNext(context, state, { session, count: config.ticketCount, messages: [], lifetimeSeconds });
}

/** A ticket is sealed: it goes out, and the next is asked for. A keeper that refuses ends the giving, not the connection. */
export function onTicketSealed(
  context: ServerContext,
  state: ServerOpen,
  event: Extract<Event, { event: 'answer' }>,
): Step<ServerOpen> {
  const { issuing } = state;
  const { answer } = event;
  if (issuing === null) throw new TlsError('internal-error', `${answer.answer} after the handshake`);
  if (answer.answer === 'refused') return sendAll(state, issuing);
  if (answer.answer !== 'ticket-sealed')
    throw new TlsError('internal-error', `${answer.answer} in answer to another effect`);
  const messages = [...issuing.messages, newSessionTicket(context, issuing, answer.ticket)];
  return sealNext(context, state, { ...issuing, messages });
}

/** In one record, if they fit. */
function sendAll(state: ServerOpen, { messages }: Issuing): Step<ServerOpen> {
  return { state: { ...state, issuing: null }, actions: messages.map((message) => ({ action: 'send', message })) };
}

function sealNext({ crypto }: ServerContext, state: ServerOpen, issuing: Issuing): Step<ServerOpen> {
  if (issuing.messages.length >= issuing.count) return sendAll(state, issuing);
  const { hash } = TLS13_SUITES[state.suite];
  const secret = ticketSecret(crypto, hash, state.secrets.resumption, nonceOf(issuing));
  const plaintext = encodeSession13({ ...issuing.session, secret });
  secret.fill(0);
  return {
    state: { ...state, issuing },
    actions: [{ action: 'ask', effect: { effect: 'seal-ticket', purpose: 'ticket', plaintext } }],
  };
}

/** Different for each ticket of a connection, and so their secrets are. */
function nonceOf({ messages }: Issuing): Bytes {
  return Uint8Array.of(messages.length);
}

function newSessionTicket({ config, crypto }: ServerContext, issuing: Issuing, ticket: Bytes): Bytes {
  const [a, b, c, d] = crypto.randomBytes(4) as Bytes & [number, number, number, number];
  const extensions = new Map<number, Bytes>();
  if (config.grease) extensions.set(chooseGrease(crypto.randomBytes(GREASE_RANDOM_BYTES)).extensions[0], EMPTY);
  return encodeNewSessionTicket({
    lifetimeSeconds: issuing.lifetimeSeconds,
    ageAdd: ((a << 24) | (b << 16) | (c << 8) | d) >>> 0,
    nonce: nonceOf(issuing),
    ticket,
    extensions,
  });
}
