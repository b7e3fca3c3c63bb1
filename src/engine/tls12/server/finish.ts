import { type Bytes, EMPTY, equalSecret } from '../../../core/bytes.ts';
import { TlsError } from '../../../core/failures.ts';
import { LIMITS } from '../../../core/limits.ts';
import { TLS12_SUITES } from '../../../crypto/cipher-suites.ts';
import { encodeFinished } from '../../codec/messages.ts';
import { encodeNewSessionTicket12 } from '../../codec/messages12.ts';
import { HANDSHAKE_TYPE } from '../../codec/registry.ts';
import type { SessionFacts } from '../../connection.ts';
import { type Action, type Event, expectAnswer, expectMessage, requireAligned, type Step } from '../../machine.ts';
import { RULES } from '../../record/incoming.ts';
import { verifyData } from '../../schedule/schedule12.ts';
import { fitTicket } from '../../server/session-terms.ts';
import type { ServerContext } from '../../server/states.ts';
import { expectChangeCipherSpec } from '../change-cipher-spec.ts';
import { encodeSession12, issuesTicket, type Session12 } from './session.ts';
import type { AwaitTicket12, ExpectChangeCipherSpec, ExpectFinished12, Keyed, ServerState12 } from './states.ts';

/** RFC 5246 section 7.1: from the record after this one on, the client's are protected. */
export function onChangeCipherSpec(state: ExpectChangeCipherSpec, event: Event): Step<ServerState12> {
  return {
    state: { ...state, state: 'tls12-expect-finished' },
    actions: [
      { action: 'open-with', opener: state.opener, aligned: expectChangeCipherSpec(event) },
      { action: 'apply-rules', rules: RULES.finished12 },
    ],
  };
}

/** RFC 5246 section 7.4.9. It ends a resumption; in a full handshake the last word is ours. */
export function onFinished12(context: ServerContext, state: ExpectFinished12, event: Event): Step<ServerState12> {
  const message = expectMessage(event, HANDSHAKE_TYPE.finished);
  requireAligned(message);
  const { suite, transcript, secrets } = state;
  const expected = verifyData(context.crypto, TLS12_SUITES[suite].hash, secrets.master, 'client', transcript.hash());
  if (!equalSecret(expected, message.message.body)) throw new TlsError('bad-finished');
  transcript.add(message.message.whole);
  if (state.resumed !== null) return open(context, state, []);
  if (issuesTicket(context.config, state.offer)) return askForTicket(context, state);
  return open(context, state, ourFinished(context, state, null));
}

/** A ticket for this connection's session: its age is that of the full handshake, whose secret it has. */
export function askForTicket(context: ServerContext, keyed: Keyed): Step<ServerState12> {
  const { config } = context;
  const session: Session12 = {
    suite: keyed.suite,
    masterSecret: keyed.secrets.master,
    group: keyed.group,
    establishedAtMs: keyed.resumed?.establishedAtMs ?? config.now(),
    serverName: keyed.offer.serverName,
    alpn: keyed.offer.alpn,
    certificatePolicy: config.certificatePolicy,
    peer: keyed.peer,
    signatureScheme: keyed.scheme,
  };
  const state: AwaitTicket12 = { ...keyed, state: 'tls12-await-ticket' };
  if (!fitTicket(session)) return sendTicket(context, state, EMPTY);
  const plaintext = encodeSession12(session);
  return { state, actions: [{ action: 'ask', effect: { effect: 'seal-ticket', purpose: 'ticket', plaintext } }] };
}

/**
 * Sends the ticket and our Finished: the last of a full handshake, and of a resumption what the client answers. A keeper that
 * refuses ends nothing: one was promised, and an empty one is none (RFC 5077 section 3.3).
 */
export function onTicketSealed12(context: ServerContext, state: AwaitTicket12, event: Event): Step<ServerState12> {
  const isRefused = event.event === 'answer' && event.answer.answer === 'refused';
  return sendTicket(context, state, isRefused ? EMPTY : expectAnswer(event, 'ticket-sealed').ticket);
}

function sendTicket(context: ServerContext, state: AwaitTicket12, ticket: Bytes): Step<ServerState12> {
  const finished = ourFinished(context, state, ticket);
  if (state.resumed === null) return open(context, state, finished);
  return {
    state: { ...state, state: 'tls12-expect-change-cipher-spec' },
    actions: [...finished, { action: 'apply-rules', rules: RULES.changeCipherSpec12 }],
  };
}

/** NewSessionTicket if one was promised, change_cipher_spec and Finished: all that we say from here on is protected. */
function ourFinished({ config, crypto }: ServerContext, keyed: Keyed, ticket: Bytes | null): Action[] {
  const { suite, transcript, secrets, sealer } = keyed;
  const actions: Action[] = [];
  if (ticket !== null) {
    const ageSeconds = keyed.resumed === null ? 0 : (config.now() - keyed.resumed.establishedAtMs) / 1000;
    const message = encodeNewSessionTicket12({
      lifetimeHintSeconds: Math.max(1, Math.floor(config.ticketLifetimeSeconds - ageSeconds)),
      ticket,
    });
    transcript.add(message);
    actions.push({ action: 'send', message });
  }
  const message = encodeFinished(
    verifyData(crypto, TLS12_SUITES[suite].hash, secrets.master, 'server', transcript.hash()),
  );
  transcript.add(message);
  actions.push({ action: 'send-change-cipher-spec' }, { action: 'seal-with', sealer }, { action: 'send', message });
  return actions;
}

function open({ config }: ServerContext, keyed: Keyed, actions: readonly Action[]): Step<ServerState12> {
  const { offer, suite, randoms, secrets } = keyed;
  const session: SessionFacts = {
    version: 'TLSv1.2',
    suite,
    group: keyed.group,
    signatureScheme: keyed.scheme,
    alpn: offer.alpn,
    serverName: offer.serverName,
    resumed: keyed.resumed !== null,
    helloRetryRequest: false,
    ech: offer.ech,
    peer: keyed.peer,
  };
  const limited = offer.recordSizeLimit !== null && config.recordSizeLimit !== null;
  return {
    state: { state: 'tls12-open', session, suite, randoms, secrets },
    actions: [
      ...actions,
      {
        action: 'limit-records',
        sendBytes: (limited ? (offer.recordSizeLimit as number) : LIMITS.plaintextBytes) + 1,
        receiveBytes: limited
          ? Math.min(config.recordSizeLimit as number, LIMITS.plaintextBytes)
          : LIMITS.plaintextBytes,
      },
      { action: 'apply-rules', rules: RULES.open12 },
      { action: 'open', session },
    ],
  };
}
