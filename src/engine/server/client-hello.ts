import { type Bytes, EMPTY, equal, equalSecret } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { TLS13_SUITES } from '../../crypto/cipher-suites.ts';
import { NAMED_GROUPS } from '../../crypto/named-groups.ts';
import type { NamedGroup } from '../../crypto/provider.ts';
import { Transcript } from '../../crypto/transcript.ts';
import { decodeShortCodePoints } from '../codec/extensions.ts';
import { type ClientHello, decodeClientHello } from '../codec/messages.ts';
import { EXTENSION, HANDSHAKE_TYPE, SIGNALING_SUITE, VERSION } from '../codec/registry.ts';
import type { EchStatus, ProtocolVersion } from '../connection.ts';
import {
  type Action,
  type Event,
  expectAnswer,
  expectMessage,
  type MessageEvent,
  NO_SECRETS,
  requireAligned,
  type Step,
} from '../machine.ts';
import { checkedChoice } from '../own-certificate.ts';
import { RULES } from '../record/incoming.ts';
import type { HandshakeAligned } from '../record/joiner.ts';
import { EarlySecret, finishedMac } from '../schedule/schedule13.ts';
import { type ServerConfig, suitesFor } from '../server-config.ts';
import { refuseFallback } from '../tls12/server/client-offer.ts';
import { startServer12 } from '../tls12/server/hello.ts';
import { chooseProtocol, readClientOffer } from './client-offer.ts';
import { type OpenedEch, openHello, openingOf, readEch, readSecondEch, type SealedHello } from './ech.ts';
import { retriedByCookie, sendRetry } from './retry.ts';
import { decodeSession13, type Session13 } from './session.ts';
import { termsHold } from './session-terms.ts';
import type {
  Authentication,
  AwaitCertificateChoice,
  AwaitCookieOpening,
  AwaitEchOpening,
  AwaitTicketOpening,
  ExpectClientHello,
  Greeted,
  Introduced,
  Retried,
  ServerContext,
  ServerState,
} from './states.ts';

/** RFC 8446 section 4.1.2: the version first, and then what that version makes of the rest. */
export function onClientHello(context: ServerContext, state: ExpectClientHello, event: Event): Step<ServerState> {
  const message = expectMessage(event, HANDSHAKE_TYPE.client_hello);
  const { whole, body } = message.message;
  const hello = decodeClientHello(body);
  const { retried, secrets } = state;
  const ech = retried === null ? readEch(context.config, hello, whole) : readSecondEch(hello, whole, retried);
  if (state.awaitsCookie) requireCookie(context, hello, ech);
  if (typeof ech === 'string') return onHello(context, { hello, whole, message, ech, opened: null }, retried);
  return openEch({ state: 'await-ech-opening', secrets, sealed: ech, message, retried });
}

function openEch(state: AwaitEchOpening): Step<ServerState> {
  return { state, actions: [{ action: 'ask', effect: openingOf(state.sealed) }] };
}

/** RFC 9849 section 7.1: the ClientHello that was within takes the place of the other; or the next key is tried, up to the last. */
export function onEchOpened(context: ServerContext, state: AwaitEchOpening, event: Event): Step<ServerState> {
  const { encodedInner } = expectAnswer(event, 'ech-opened');
  const { sealed, message, retried } = state;
  const { hello, whole } = sealed;
  const [opened = null, ...candidates] = sealed.candidates;
  if (encodedInner !== null)
    return onHello(context, { ...openHello(encodedInner, hello), message, ech: 'accepted', opened }, retried);
  if (retried !== null) throw new TlsError('bad-ech-payload');
  if (candidates.length > 0) return openEch({ ...state, sealed: { ...sealed, candidates } });
  return onHello(context, { hello, whole, message, ech: 'rejected', opened: null }, null);
}

/** A ClientHello as it came, or as it was within another. */
interface Heard {
  readonly hello: ClientHello;
  /** Its message, for the transcript. */
  readonly whole: Bytes;
  /** What came over the network. */
  readonly message: MessageEvent;
  readonly ech: EchStatus;
  readonly opened: OpenedEch | null;
}

function onHello(context: ServerContext, heard: Heard, retried: Retried | null): Step<ServerState> {
  const { hello, whole, message, ech, opened } = heard;
  if (retried !== null) {
    requireUnchanged(retried.hello, hello);
    return onSecondHello(context, hello, whole, requireAligned(message), retried);
  }
  if (chooseVersion(context.config, hello) === 'TLSv1.2') return startServer12(context, hello, message);
  const { config, crypto } = context;
  const aligned = requireAligned(message);
  const offer = readClientOffer(hello, ech);
  if (config.statelessRetry && ech !== 'accepted' && offer.cookie !== null)
    return askForCookie(heard, offer.cookie, aligned);
  const suite = suitesFor(config, offer.suites).find((candidate) => offer.suites.includes(candidate));
  if (suite === undefined) throw new TlsError('no-common-suite');
  const group = config.groups.find((candidate) => offer.groups.includes(candidate));
  if (group === undefined) throw new TlsError('no-common-group');
  // What cannot come to a handshake is not asked to try again.
  chooseProtocol(config.alpn, offer.alpn);
  const peerShare = offer.keyShares.get(group);
  if (peerShare !== undefined) requireShareLength(group, peerShare);
  if (peerShare === undefined && config.statelessRetry)
    return sendRetry(context, hello, whole, { suite, group, session: null, ech, opened }, offer.earlyData);
  const transcript = new Transcript(crypto, TLS13_SUITES[suite].hash);
  const received = { hello, clientHello: whole, opened, peerShare: peerShare ?? null };
  return lookForTicket(context, { ...received, offer, suite, group, retried: false, transcript, aligned });
}

/** The ClientHello that answers a HelloRetryRequest. @param retried from memory, or out of its cookie */
function onSecondHello(
  context: ServerContext,
  hello: ClientHello,
  clientHello: Bytes,
  aligned: HandshakeAligned,
  { suite, group, transcript, session, fromCookie, ech, opened }: Retried,
): Step<ServerState> {
  const offer = readClientOffer(hello, ech);
  // Section 4.1.2: the share that we asked for and no other.
  const peerShare = offer.keyShares.get(group);
  if (peerShare === undefined || offer.keyShareCount !== 1)
    throw new TlsError('illegal-parameter', `not one key_share of ${group}, which was asked for`);
  requireShareLength(group, peerShare);
  if (!offer.suites.includes(suite)) throw new TlsError('changed-client-hello', `without ${suite}`);
  const received = { hello, clientHello, opened, peerShare };
  const introduced = { ...received, offer, suite, group, retried: true, transcript, aligned };
  if (fromCookie) return lookForTicket(context, introduced);
  if (session === null) return withoutTicket(context, introduced);
  if (offer.psks === null) throw new TlsError('missing-extension', 'pre_shared_key in the second ClientHello');
  return withTicket(context, introduced, session);
}

function askForCookie({ hello, whole, ech }: Heard, cookie: Bytes, aligned: HandshakeAligned): Step<ServerState> {
  return {
    state: { state: 'await-cookie-opening', secrets: NO_SECRETS, hello, clientHello: whole, ech, cookie, aligned },
    actions: [{ action: 'ask', effect: { effect: 'open-ticket', purpose: 'cookie', ticket: cookie } }],
  };
}

/** The cookie brings back what we know of the client (section 4.2.2). */
export function onCookieOpened(context: ServerContext, state: AwaitCookieOpening, event: Event): Step<ServerState> {
  const { hello, clientHello, aligned } = state;
  return onSecondHello(context, hello, clientHello, aligned, retriedByCookie(context, state, event));
}

/** Section 4.1.2: a HelloRetryRequest is answered with its cookie, and once; there is not another (section 4.1.4), nor another version. */
function requireCookie({ config }: ServerContext, hello: ClientHello, ech: SealedHello | EchStatus): void {
  if (!hello.extensions.has(EXTENSION.cookie) || ech === 'accepted' || chooseVersion(config, hello) !== 'TLSv1.3')
    throw new TlsError('changed-client-hello', 'no answer to the HelloRetryRequest');
}

/** Section 4.1.2: the same, but for what a HelloRetryRequest may change, as far as any of it means anything to us. */
function requireUnchanged(first: ClientHello, second: ClientHello): void {
  const same =
    first.legacyVersion === second.legacyVersion &&
    equal(first.random, second.random) &&
    equal(first.sessionId, second.sessionId) &&
    equal(first.compressionMethods, second.compressionMethods) &&
    first.cipherSuites.length === second.cipherSuites.length &&
    first.cipherSuites.every((suite, index) => suite === second.cipherSuites[index]);
  if (!same) throw new TlsError('changed-client-hello');
  for (const code of COMPARED) {
    const before = first.extensions.get(code);
    const after = second.extensions.get(code);
    const unchanged = before === undefined || after === undefined ? before === after : equal(before, after);
    if (!unchanged) throw new TlsError('changed-client-hello', `extension ${code}`);
  }
}

/** All that we know but for those. */
const COMPARED: readonly number[] = Object.values(EXTENSION).filter(
  (code) =>
    code !== EXTENSION.key_share &&
    code !== EXTENSION.early_data &&
    code !== EXTENSION.cookie &&
    code !== EXTENSION.pre_shared_key &&
    code !== EXTENSION.encrypted_client_hello,
);

/** Section 4.2.1: the extension alone counts where there is one. */
function chooseVersion(config: ServerConfig, hello: ClientHello): ProtocolVersion {
  const { minVersion, maxVersion } = config;
  const body = hello.extensions.get(EXTENSION.supported_versions);
  const legacy = Math.min(hello.legacyVersion, VERSION.tls12);
  const offered = body === undefined ? [legacy] : decodeShortCodePoints('supported_versions', body);
  refuseFallback(config, hello, offered);
  if (maxVersion === 'TLSv1.3' && offered.includes(VERSION.tls13)) return 'TLSv1.3';
  if (minVersion === 'TLSv1.2' && offered.includes(VERSION.tls12)) return 'TLSv1.2';
  // RFC 7507 section 3: it could have had more, and was made to ask for less.
  if (hello.cipherSuites.includes(SIGNALING_SUITE.fallback) && legacy < VERSION.tls12)
    throw new TlsError('inappropriate-fallback');
  const named = offered.map((version) => `0x${version.toString(16)}`).join(', ');
  throw new TlsError('version-not-supported', `the client offers ${named}`);
}

/** A ticket if there is one that we may take, else a certificate. */
function lookForTicket(context: ServerContext, introduced: Introduced): Step<ServerState> {
  const { offer } = introduced;
  // Of several tickets the first is the one that the client likes best; the others are not worth the work.
  const [first] = offer.psks?.identities ?? [];
  if (context.config.ticketLifetimeSeconds === 0 || first === undefined || !offer.pskWithDhe)
    return withoutTicket(context, introduced);
  return {
    state: { ...introduced, state: 'await-ticket-opening', secrets: NO_SECRETS },
    actions: [{ action: 'ask', effect: { effect: 'open-ticket', purpose: 'ticket', ticket: first.identity } }],
  };
}

/** What was sealed is our own word. */
export function onTicketOpened(context: ServerContext, state: AwaitTicketOpening, event: Event): Step<ServerState> {
  const { plaintext } = expectAnswer(event, 'ticket-opened');
  const { state: _, secrets: __, ...introduced } = state;
  const session = plaintext === null ? null : decodeSession13(plaintext);
  plaintext?.fill(0);
  if (session !== null && isResumable(context.config, state, session)) return withTicket(context, introduced, session);
  session?.secret.fill(0);
  return withoutTicket(context, introduced);
}

/** Section 4.2.11: that the ticket is the client's own, its binder shows. */
function withTicket(context: ServerContext, introduced: Introduced, opened: Session13): Step<ServerState> {
  const { crypto } = context;
  const { transcript, suite, offer, clientHello } = introduced;
  const { secret, ...session } = opened;
  const { hash } = TLS13_SUITES[suite];
  const schedule = new EarlySecret(crypto, hash, secret);
  const binderKey = schedule.binderKey();
  const truncated = clientHello.subarray(0, clientHello.length - (offer.psks?.bindersBytes ?? 0));
  const binder = finishedMac(crypto, hash, binderKey, transcript.hashWith(truncated));
  binderKey.fill(0);
  const bound = equalSecret(binder, offer.psks?.binders[0] ?? EMPTY);
  const { peerShare } = introduced;
  if (!bound || peerShare === null) schedule.overwrite();
  if (bound && peerShare === null) return retry(context, introduced, opened);
  secret.fill(0);
  if (!bound || peerShare === null) throw new TlsError('bad-binder');
  return agree({ ...greet(introduced), peerShare }, schedule, { by: 'ticket', session }, skipEarlyData(introduced));
}

function withoutTicket(context: ServerContext, introduced: Introduced): Step<ServerState> {
  const { peerShare } = introduced;
  if (peerShare === null) return retry(context, introduced, null);
  return askForCertificate({ ...greet(introduced), peerShare }, skipEarlyData(introduced));
}

function retry(
  context: ServerContext,
  { hello, clientHello, suite, group, offer, opened }: Introduced,
  session: Session13 | null,
): Step<ServerState> {
  return sendRetry(context, hello, clientHello, { suite, group, session, ech: offer.ech, opened }, offer.earlyData);
}

/** The ClientHello is the last: it goes into the transcript. */
function greet({ hello: _, clientHello, opened: ___, peerShare: __, ...rest }: Introduced): Omit<Greeted, 'peerShare'> {
  rest.transcript.add(clientHello);
  return rest;
}

/** Section 4.2.10: early data is not taken; what was sent already is dropped. */
function skipEarlyData({ offer, retried }: Introduced): Action[] {
  const actions: Action[] = [{ action: 'apply-rules', rules: RULES.handshake13 }];
  if (offer.earlyData && !retried) actions.push({ action: 'skip-early-data', records: 'undecryptable' });
  return actions;
}

/** Section 4.2.11: under the hash of the suite that was chosen. */
function isResumable(config: ServerConfig, { offer, suite }: Introduced, session: Session13): boolean {
  return (
    TLS13_SUITES[session.suite].hash === TLS13_SUITES[suite].hash &&
    offer.suites.includes(session.suite) &&
    termsHold(session, config, { serverName: offer.serverName, alpn: chooseProtocol(config.alpn, offer.alpn) })
  );
}

function askForCertificate(greeted: Greeted, before: readonly Action[]): Step<ServerState> {
  const { offer } = greeted;
  const { schemes } = offer;
  if (schemes === null) throw new TlsError('missing-extension', 'signature_algorithms in ClientHello');
  if (schemes.length === 0) throw new TlsError('no-common-signature-scheme');
  return {
    state: { ...greeted, state: 'await-certificate-choice', secrets: NO_SECRETS, schemes },
    actions: [
      ...before,
      {
        action: 'ask',
        effect: {
          effect: 'choose-certificate',
          role: 'server',
          version: 'TLSv1.3',
          serverName: offer.serverName,
          alpnOffered: offer.alpn,
          schemes,
          curves: null,
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
  return agree(greeted, schedule, { by: 'certificate', choice }, []);
}

function agree(
  greeted: Greeted,
  schedule: EarlySecret,
  authentication: Authentication,
  before: readonly Action[],
): Step<ServerState> {
  const { group, peerShare } = greeted;
  return {
    state: { ...greeted, state: 'await-agreement', secrets: { schedule }, authentication },
    actions: [...before, { action: 'ask', effect: { effect: 'respond', group, peerShare } }],
  };
}

/** Before there is a secret that would be left behind. */
function requireShareLength(group: NamedGroup, peerShare: Bytes): void {
  if (peerShare.length !== NAMED_GROUPS[group].clientShareBytes)
    throw new TlsError('bad-key-share', `${group} of ${peerShare.length} bytes`);
}
