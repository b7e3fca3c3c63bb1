import { type Bytes, equal, equalSecret } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { TLS13_SUITES } from '../../crypto/cipher-suites.ts';
import { NAMED_GROUPS } from '../../crypto/named-groups.ts';
import { Transcript } from '../../crypto/transcript.ts';
import { decodeShortCodePoints } from '../codec/extensions.ts';
import { type ClientHello, decodeClientHello } from '../codec/messages.ts';
import { EXTENSION, HANDSHAKE_TYPE, VERSION } from '../codec/registry.ts';
import type { ProtocolVersion } from '../connection.ts';
import {
  type Action,
  type Event,
  expectAnswer,
  expectMessage,
  NO_SECRETS,
  requireAligned,
  type Step,
} from '../machine.ts';
import { checkedChoice } from '../own-certificate.ts';
import { RULES } from '../record/incoming.ts';
import type { HandshakeAligned } from '../record/joiner.ts';
import { EarlySecret, finishedMac } from '../schedule/schedule13.ts';
import { type ServerConfig, suitesFor } from '../server-config.ts';
import { startServer12 } from '../tls12/server/hello.ts';
import { chooseProtocol, readClientOffer } from './client-offer.ts';
import { retriedByCookie, sendRetry } from './retry.ts';
import { decodeSession13, type Session13 } from './session.ts';
import type {
  Authentication,
  AwaitCertificateChoice,
  AwaitCookieOpening,
  AwaitTicketOpening,
  ExpectClientHello,
  Greeted,
  Retried,
  ServerContext,
  ServerState,
} from './states.ts';

/** RFC 8446 section 4.1.2: the version first, and then what that version makes of the rest. */
export function onClientHello(context: ServerContext, state: ExpectClientHello, event: Event): Step<ServerState> {
  const message = expectMessage(event, HANDSHAKE_TYPE.client_hello);
  const { whole, body } = message.message;
  const hello = decodeClientHello(body);
  const { retried } = state;
  if (retried !== null) {
    requireUnchanged(retried.hello, hello);
    return greet(context, hello, whole, requireAligned(message), retried);
  }
  if (chooseVersion(context.config, hello) === 'TLSv1.2') return startServer12(context, hello, message);
  const aligned = requireAligned(message);
  const offer = readClientOffer(hello);
  if (context.config.statelessRetry && offer.cookie !== null) return askForCookie(hello, whole, offer.cookie, aligned);
  const suite = suitesFor(context.config, offer.suites).find((candidate) => offer.suites.includes(candidate));
  if (suite === undefined) throw new TlsError('no-common-suite');
  const group = context.config.groups.find((candidate) => offer.groups.includes(candidate));
  if (group === undefined) throw new TlsError('no-common-group');
  // What cannot come to a handshake is not asked to try again.
  chooseProtocol(context.config.alpn, offer.alpn);
  const peerShare = offer.keyShares.get(group);
  if (peerShare === undefined) return sendRetry(context, hello, whole, { suite, group }, offer.earlyData);
  const transcript = new Transcript(context.crypto, TLS13_SUITES[suite].hash);
  const greeted = { offer, suite, group, peerShare, retried: false, transcript, aligned };
  return authenticate(context, greeted, whole);
}

function askForCookie(
  hello: ClientHello,
  clientHello: Bytes,
  cookie: Bytes,
  aligned: HandshakeAligned,
): Step<ServerState> {
  return {
    state: { state: 'await-cookie-opening', secrets: NO_SECRETS, hello, clientHello, cookie, aligned },
    actions: [{ action: 'ask', effect: { effect: 'open-ticket', purpose: 'cookie', ticket: cookie } }],
  };
}

/** The cookie brings back what we know of the client (section 4.2.2). */
export function onCookieOpened(context: ServerContext, state: AwaitCookieOpening, event: Event): Step<ServerState> {
  const { hello, clientHello, aligned } = state;
  return greet(context, hello, clientHello, aligned, retriedByCookie(context, state, event));
}

/** The ClientHello that answers a HelloRetryRequest. @param retried from memory, or out of its cookie */
function greet(
  context: ServerContext,
  hello: ClientHello,
  whole: Bytes,
  aligned: HandshakeAligned,
  { suite, group, transcript }: Omit<Retried, 'hello'>,
): Step<ServerState> {
  const offer = readClientOffer(hello);
  // Section 4.1.2: the share that we asked for and no other, and no early data.
  const peerShare = offer.keyShares.get(group);
  if (peerShare === undefined || offer.keyShareCount !== 1)
    throw new TlsError('illegal-parameter', `not one of ${group}, which was asked for`);
  if (offer.earlyData) throw new TlsError('misplaced-extension', 'early_data after a HelloRetryRequest');
  if (!offer.suites.includes(suite)) throw new TlsError('changed-client-hello', `without ${suite}`);
  return authenticate(context, { offer, suite, group, peerShare, retried: true, transcript, aligned }, whole);
}

/** Section 4.1.2: the same, but for what a HelloRetryRequest may change, padding (RFC 7685) and ECH (RFC 9849). */
function requireUnchanged(first: ClientHello, second: ClientHello): void {
  const same =
    first.legacyVersion === second.legacyVersion &&
    equal(first.random, second.random) &&
    equal(first.sessionId, second.sessionId) &&
    equal(first.compressionMethods, second.compressionMethods) &&
    first.cipherSuites.length === second.cipherSuites.length &&
    first.cipherSuites.every((suite, index) => suite === second.cipherSuites[index]);
  if (!same) throw new TlsError('changed-client-hello');
  for (const code of new Set([...first.extensions.keys(), ...second.extensions.keys()])) {
    if (CHANGEABLE.includes(code)) continue;
    const before = first.extensions.get(code);
    const after = second.extensions.get(code);
    if (before === undefined || after === undefined || !equal(before, after))
      throw new TlsError('changed-client-hello', `extension ${code}`);
  }
}

const PADDING = 21;
const ENCRYPTED_CLIENT_HELLO = 0xfe0d;
const CHANGEABLE: readonly number[] = [
  EXTENSION.key_share,
  EXTENSION.early_data,
  EXTENSION.cookie,
  EXTENSION.pre_shared_key,
  PADDING,
  ENCRYPTED_CLIENT_HELLO,
];

/** Section 4.2.1: the extension alone counts where there is one. */
function chooseVersion({ minVersion, maxVersion }: ServerConfig, hello: ClientHello): ProtocolVersion {
  const body = hello.extensions.get(EXTENSION.supported_versions);
  const legacy = Math.min(hello.legacyVersion, VERSION.tls12);
  const offered = body === undefined ? [legacy] : decodeShortCodePoints('supported_versions', body);
  if (maxVersion === 'TLSv1.3' && offered.includes(VERSION.tls13)) return 'TLSv1.3';
  if (minVersion === 'TLSv1.2' && offered.includes(VERSION.tls12)) return 'TLSv1.2';
  const named = offered.map((version) => `0x${version.toString(16)}`).join(', ');
  throw new TlsError('version-not-supported', `the client offers ${named}`);
}

/** A ticket if there is one that we may take, else a certificate. */
function authenticate(context: ServerContext, greeted: Greeted, clientHello: Bytes): Step<ServerState> {
  const { config } = context;
  const { offer, group, peerShare, retried } = greeted;
  if (peerShare.length !== NAMED_GROUPS[group].clientShareBytes)
    throw new TlsError('bad-key-share', `${group} of ${peerShare.length} bytes`);
  const actions: Action[] = [{ action: 'apply-rules', rules: RULES.handshake13 }];
  if (offer.earlyData && !retried) actions.push({ action: 'skip-early-data', records: 'undecryptable' });
  // Of several tickets the first is the one that the client likes best; the others are not worth the work.
  const [first] = offer.psks?.identities ?? [];
  if (config.ticketLifetimeSeconds === 0 || first === undefined || !offer.pskWithDhe) {
    greeted.transcript.add(clientHello);
    const next = askForCertificate(greeted);
    return { state: next.state, actions: [...actions, ...next.actions] };
  }
  actions.push({ action: 'ask', effect: { effect: 'open-ticket', purpose: 'ticket', ticket: first.identity } });
  return { state: { ...greeted, state: 'await-ticket-opening', secrets: NO_SECRETS, clientHello }, actions };
}

/** Section 4.2.11: what was sealed is our own word; that the client has its secret, the binder shows. */
export function onTicketOpened(context: ServerContext, state: AwaitTicketOpening, event: Event): Step<ServerState> {
  const { plaintext } = expectAnswer(event, 'ticket-opened');
  const { crypto } = context;
  const { clientHello, ...greeted } = state;
  const { transcript, suite, offer } = greeted;
  const opened = plaintext === null ? null : decodeSession13(plaintext);
  plaintext?.fill(0);
  if (opened === null || !isResumable(context.config, state, opened)) {
    opened?.secret.fill(0);
    transcript.add(clientHello);
    return askForCertificate(greeted);
  }
  const { secret, ...session } = opened;
  const { hash } = TLS13_SUITES[suite];
  const schedule = new EarlySecret(crypto, hash, secret);
  secret.fill(0);
  const binderKey = schedule.binderKey('resumption');
  const truncated = clientHello.subarray(0, clientHello.length - (offer.psks?.bindersBytes ?? 0));
  const binder = finishedMac(crypto, hash, binderKey, transcript.hashWith(truncated));
  binderKey.fill(0);
  if (!equalSecret(binder, offer.psks?.binders[0] as Bytes)) {
    schedule.overwrite();
    throw new TlsError('bad-binder');
  }
  transcript.add(clientHello);
  return agree(greeted, schedule, { by: 'ticket', session });
}

/** All that a session stands for must be what a full handshake would come to now. */
function isResumable(config: ServerConfig, { offer, suite }: Greeted, session: Session13): boolean {
  const nowMs = config.now();
  const ageMs = nowMs - session.establishedAtMs;
  return (
    ageMs >= 0 &&
    ageMs < 1000 * config.ticketLifetimeSeconds &&
    TLS13_SUITES[session.suite].hash === TLS13_SUITES[suite].hash &&
    session.serverName === offer.serverName &&
    session.alpn === chooseProtocol(config.alpn, offer.alpn) &&
    session.certificatePolicy === config.certificatePolicy &&
    (session.peer === null
      ? config.clientCertificate !== 'required'
      : config.clientCertificate !== 'none' && session.peer.notAfterSeconds * 1000 > nowMs)
  );
}

function askForCertificate(greeted: Greeted): Step<ServerState> {
  const { offer } = greeted;
  const { schemes } = offer;
  if (schemes === null) throw new TlsError('missing-extension', 'signature_algorithms in ClientHello');
  if (schemes.length === 0) throw new TlsError('no-common-signature-scheme');
  return {
    state: { ...greeted, state: 'await-certificate-choice', secrets: NO_SECRETS, schemes },
    actions: [
      {
        action: 'ask',
        effect: {
          effect: 'choose-certificate',
          role: 'server',
          serverName: offer.serverName,
          alpnOffered: offer.alpn,
          schemes,
          certificateSchemes: offer.certificateSchemes,
          authorities: offer.authorities,
          ocspRequested: offer.ocspRequested,
        },
      },
    ],
  };
}

/** The keeper of our certificates has chosen one. */
export function onCertificateChosen(
  { crypto }: ServerContext,
  state: AwaitCertificateChoice,
  event: Event,
): Step<ServerState> {
  const choice = checkedChoice(expectAnswer(event, 'certificate-chosen'), state);
  if (choice === null) throw new TlsError('no-common-signature-scheme', 'no certificate fits');
  const { schemes, ...greeted } = state;
  const schedule = new EarlySecret(crypto, TLS13_SUITES[state.suite].hash, null);
  return agree(greeted, schedule, { by: 'certificate', choice });
}

function agree(greeted: Greeted, schedule: EarlySecret, authentication: Authentication): Step<ServerState> {
  const { group, peerShare } = greeted;
  return {
    state: { ...greeted, state: 'await-agreement', secrets: { schedule }, authentication },
    actions: [{ action: 'ask', effect: { effect: 'respond', group, peerShare } }],
  };
}
