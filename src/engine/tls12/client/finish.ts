import { equalSecret } from '../../../core/bytes.ts';
import { EchRejected, TlsError } from '../../../core/failures.ts';
import { LIMITS } from '../../../core/limits.ts';
import { TLS12_SUITES } from '../../../crypto/cipher-suites.ts';
import { SIGNATURE_SCHEMES } from '../../../crypto/signature-schemes.ts';
import type { ClientContext } from '../../client/states.ts';
import { encodeCertificateVerify, encodeFinished } from '../../codec/messages.ts';
import { decodeNewSessionTicket12, encodeCertificate12, encodeClientKeyExchange } from '../../codec/messages12.ts';
import { HANDSHAKE_TYPE } from '../../codec/registry.ts';
import type { SessionFacts, Ticket } from '../../connection.ts';
import { logSecrets } from '../../key-log.ts';
import { type Action, type Event, expectAnswer, expectMessage, requireAligned, type Step } from '../../machine.ts';
import { RULES } from '../../record/incoming.ts';
import { extendedMasterSecret, protection12, verifyData } from '../../schedule/schedule12.ts';
import { expectChangeCipherSpec } from '../change-cipher-spec.ts';
import type {
  AwaitAgreement12,
  AwaitSignature12,
  ClientState12,
  ExpectChangeCipherSpec,
  ExpectFinished12,
  ExpectTicket,
} from './states.ts';

/** The secret is there: Certificate if we were asked for one, and ClientKeyExchange, to which the master secret is bound (RFC 7627). */
export function onAgreement12(context: ClientContext, state: AwaitAgreement12, event: Event): Step<ClientState12> {
  const { publicShare, secret } = expectAnswer(event, 'responded');
  const { crypto } = context;
  const { certificate, peerShare: _, ...identified } = state;
  const { transcript, suite, randoms } = state;
  const actions: Action[] = [];
  if (certificate.asked) {
    const message = encodeCertificate12(certificate.credential?.chain ?? []);
    transcript.add(message);
    actions.push({ action: 'send', message });
  }
  const clientKeyExchange = encodeClientKeyExchange(publicShare);
  transcript.add(clientKeyExchange);
  actions.push({ action: 'send', message: clientKeyExchange });

  const master = extendedMasterSecret(crypto, TLS12_SUITES[suite].hash, secret, transcript.hash());
  secret.fill(0);
  actions.push(...logSecrets(context.config, randoms.client, { CLIENT_RANDOM: master }));
  const keyed = {
    ...identified,
    resumed: null,
    secrets: { master },
    ...protection12(crypto, suite, master, randoms, 'client'),
  };
  if (!certificate.asked || certificate.credential === null) return finish(context, keyed, actions);
  const { scheme: signatureScheme, credential } = certificate;
  actions.push({
    action: 'ask',
    effect: {
      effect: 'sign',
      key: credential.key,
      scheme: signatureScheme,
      content: { version: 'TLSv1.2', role: 'client', handshakeMessages: transcript.messages() },
    },
  });
  return { state: { ...keyed, state: 'tls12-await-signature', signatureScheme }, actions };
}

/** RFC 5246 section 7.4.8. */
export function onSigned12(context: ClientContext, state: AwaitSignature12, event: Event): Step<ClientState12> {
  const { signature } = expectAnswer(event, 'signed');
  const { signatureScheme, ...keyed } = state;
  const message = encodeCertificateVerify({ scheme: SIGNATURE_SCHEMES[signatureScheme].codePoint, signature });
  state.transcript.add(message);
  return finish(context, keyed, [{ action: 'send', message }]);
}

type Keyed = Omit<ExpectTicket, 'state'>;

/** A full handshake: ours is the first Finished. */
function finish(context: ClientContext, keyed: Keyed, actions: readonly Action[]): Step<ClientState12> {
  keyed.transcript.forgetMessages();
  const finished = ourFinished(context, keyed);
  const next = expectServersLast(keyed);
  return { state: next.state, actions: [...actions, ...finished, ...next.actions] };
}

/**
 * RFC 5077 section 3.3: a ticket that was promised comes before the server's change_cipher_spec. In a resumption this is all that
 * is left: its Finished comes first, and ours answers it (RFC 5246 section 7.3, figure 2).
 */
export function expectServersLast(keyed: Keyed): Step<ClientState12> {
  if (keyed.ticketPromised) return { state: { ...keyed, state: 'tls12-expect-ticket' }, actions: [] };
  return {
    state: { ...keyed, state: 'tls12-expect-change-cipher-spec', newTicket: null },
    actions: [{ action: 'apply-rules', rules: RULES.changeCipherSpec12 }],
  };
}

/** RFC 5077 section 3.3. */
export function onTicket(state: ExpectTicket, event: Event): Step<ClientState12> {
  const { message } = expectMessage(event, HANDSHAKE_TYPE.new_session_ticket);
  const { lifetimeHintSeconds, ticket } = decodeNewSessionTicket12(message.body);
  state.transcript.add(message.whole);
  const lifetimeSeconds = Math.min(
    lifetimeHintSeconds === 0 ? LIMITS.ticketLifetimeUnstatedSeconds : lifetimeHintSeconds,
    LIMITS.ticketLifetimeSeconds,
  );
  return {
    state: {
      ...state,
      state: 'tls12-expect-change-cipher-spec',
      newTicket: ticket.length === 0 ? null : { lifetimeSeconds, ticket: ticket.slice() },
    },
    actions: [{ action: 'apply-rules', rules: RULES.changeCipherSpec12 }],
  };
}

/** RFC 5246 section 7.1: from the record after this one on, the server's are protected. */
export function onChangeCipherSpec(state: ExpectChangeCipherSpec, event: Event): Step<ClientState12> {
  return {
    state: { ...state, state: 'tls12-expect-finished' },
    actions: [
      { action: 'open-with', opener: state.opener, aligned: expectChangeCipherSpec(event) },
      { action: 'apply-rules', rules: RULES.finished12 },
    ],
  };
}

/** RFC 5246 section 7.4.9. */
export function onFinished12(context: ClientContext, state: ExpectFinished12, event: Event): Step<ClientState12> {
  const message = expectMessage(event, HANDSHAKE_TYPE.finished);
  requireAligned(message);
  const { suite, transcript, secrets, resumed, recordLimits } = state;
  const { hash } = TLS12_SUITES[suite];
  const expected = verifyData(context.crypto, hash, secrets.master, 'server', transcript.hash());
  if (!equalSecret(expected, message.message.body)) throw new TlsError('bad-finished');
  transcript.add(message.message.whole);
  const { ech } = state.offer;
  // RFC 9849 section 6.1.6: of TLS 1.2 there are no retry configs.
  if (ech.ech === 'rejected') throw new EchRejected(ech.publicName, null);

  const session: SessionFacts = {
    version: 'TLSv1.2',
    suite,
    group: state.group,
    signatureScheme: state.scheme,
    alpn: state.alpn,
    serverName: context.config.serverName,
    resumed: resumed !== null,
    helloRetryRequest: false,
    ech: ech.ech === 'grease' ? 'grease' : 'not-offered',
    peer: state.peer,
  };
  const ticket = ticketOf(context, state, session);
  const actions: Action[] = [
    ...(resumed === null ? [] : ourFinished(context, state)),
    {
      action: 'limit-records',
      sendBytes: recordLimits.sendBytes + 1,
      receiveBytes: recordLimits.receiveBytes,
    },
    { action: 'apply-rules', rules: RULES.open12 },
    { action: 'open', session },
    ...(ticket === null ? [] : [{ action: 'ticket', ticket } as const]),
  ];
  return { state: { state: 'tls12-open', session, suite, randoms: state.randoms, secrets }, actions };
}

/** change_cipher_spec and Finished: all that we say from here on is protected. */
function ourFinished({ crypto }: ClientContext, keyed: Keyed): Action[] {
  const { suite, transcript, secrets, sealer } = keyed;
  const { hash } = TLS12_SUITES[suite];
  const message = encodeFinished(verifyData(crypto, hash, secrets.master, 'client', transcript.hash()));
  transcript.add(message);
  return [{ action: 'send-change-cipher-spec' }, { action: 'seal-with', sealer }, { action: 'send', message }];
}

/** Only now is it known that the ticket came from who has the master secret. */
function ticketOf({ config }: ClientContext, state: ExpectFinished12, session: SessionFacts): Ticket | null {
  const { newTicket, secrets, resumed } = state;
  if (newTicket === null || !config.keepTickets) return null;
  // A resumption makes no new secret, so a new ticket does not make the old secret younger: a week after the full handshake it ends.
  const nowMs = config.now();
  const receivedAtMs = resumed?.receivedAtMs ?? nowMs;
  const untilSeconds = Math.floor((nowMs - receivedAtMs) / 1000) + newTicket.lifetimeSeconds;
  return {
    version: 'TLSv1.2',
    ticket: newTicket.ticket,
    resumptionSecret: secrets.master.slice(),
    suite: session.suite,
    group: state.group,
    lifetimeSeconds: Math.min(untilSeconds, LIMITS.ticketLifetimeSeconds),
    ageAdd: 0,
    receivedAtMs,
    serverName: session.serverName,
    alpn: session.alpn,
    certificatePolicy: config.certificatePolicy,
    peer: session.peer,
    signatureScheme: session.signatureScheme,
  };
}
