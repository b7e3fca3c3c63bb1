import { type Bytes, equal } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { TLS13_SUITES, tls13SuiteByCodePoint } from '../../crypto/cipher-suites.ts';
import { groupByCodePoint, NAMED_GROUPS } from '../../crypto/named-groups.ts';
import type { Transcript } from '../../crypto/transcript.ts';
import {
  decodeCookie,
  decodeKeyShareEntry,
  decodeU16,
  type Extensions,
  requireRequested,
} from '../codec/extensions.ts';
import { decodeServerHello, isHelloRetryRequest, type ServerHello } from '../codec/messages.ts';
import { DOWNGRADE_SENTINEL, EXTENSION, HANDSHAKE_TYPE, VERSION } from '../codec/registry.ts';
import type { SuiteName } from '../config.ts';
import type { ProtocolVersion, Ticket } from '../connection.ts';
import { logSecrets } from '../key-log.ts';
import {
  type Action,
  type Event,
  expectAnswer,
  expectMessage,
  NO_SECRETS,
  requireAligned,
  type Step,
} from '../machine.ts';
import { RULES } from '../record/incoming.ts';
import { PlainSealer } from '../record/protection.ts';
import { EarlySecret, openerOf, sealerOf } from '../schedule/schedule13.ts';
import { onServerHello12 } from '../tls12/client/server-hello.ts';
import { rejectedOffer, retriedOffer, spokenOffer, takenOffer } from './ech-answer.ts';
import { secondEchOffer } from './ech-offer.ts';
import { type Offer, type Retry, requestedBy, secondOffer } from './offer.ts';
import { hashOf } from './resumption.ts';
import type { AwaitAgreement, ClientContext, ClientState, ExpectServerHello } from './states.ts';

/** ServerHello or HelloRetryRequest (RFC 8446 sections 4.1.3 and 4.1.4). */
export function onServerHello(context: ClientContext, state: ExpectServerHello, event: Event): Step<ClientState> {
  const message = expectMessage(event, HANDSHAKE_TYPE.server_hello);
  const hello = decodeServerHello(message.message.body);
  if (chosenVersion(context, hello, state) === 'TLSv1.2')
    return onServerHello12(context, rejectedOffer(state.offer), hello, message);
  requireEcho(state.offer, hello);
  const suite = chosenSuite(context, hello);
  // Keys change after a ServerHello, and after a HelloRetryRequest it is our turn: nothing may follow either.
  const aligned = requireAligned(message);
  const { whole } = message.message;
  if (isHelloRetryRequest(hello)) return onHelloRetryRequest(context, state, hello, suite, whole);

  const { hash } = TLS13_SUITES[suite];
  const { offer, transcript } = takenOffer(context, state, hash, whole);
  const { retried } = state;
  requireRequested('ServerHello', hello.extensions, SERVER_HELLO_EXTENSIONS, requestedBy(offer));
  if (retried !== null && retried.suite !== suite)
    throw new TlsError('illegal-parameter', 'another cipher suite than in HelloRetryRequest');
  const { keyShare, peerShare } = chosenShare(offer, retried?.request ?? null, hello.extensions);
  const resumed = acceptedTicket(offer, suite, hello.extensions);
  transcript.add(whole);
  return {
    state: {
      state: 'await-agreement',
      secrets: { schedule: new EarlySecret(context.crypto, hash, resumed?.resumptionSecret ?? null) },
      offer,
      suite,
      group: keyShare.group,
      retried: retried !== null,
      resumed,
      transcript,
      aligned,
    },
    actions: [
      { action: 'apply-rules', rules: RULES.handshake13 },
      { action: 'ask', effect: { effect: 'agree', keyShare, peerShare } },
    ],
  };
}

/** The shared secret is there: both directions are protected from here on (RFC 8446 section 7.1). */
export function onAgreement(context: ClientContext, state: AwaitAgreement, event: Event): Step<ClientState> {
  const { secret } = expectAnswer(event, 'agreed');
  const { crypto } = context;
  const { aligned, offer, suite, group, retried, resumed, transcript } = state;
  const schedule = state.secrets.schedule.toHandshake(secret);
  secret.fill(0);
  const secrets = { ...schedule.trafficSecrets(transcript.hash()), schedule };
  const parameters = TLS13_SUITES[suite];
  const actions: Action[] = [];
  // Appendix D.4: before our second flight, which a HelloRetryRequest has made us send already. Without a session id it is off.
  if (offer.hello.sessionId.length > 0 && !retried) actions.push({ action: 'owe-change-cipher-spec' });
  actions.push(
    { action: 'open-with', opener: openerOf(crypto, parameters, secrets.server), aligned },
    { action: 'seal-with', sealer: sealerOf(crypto, parameters, secrets.client) },
  );
  return {
    state: {
      state: 'expect-encrypted-extensions',
      secrets,
      offer,
      suite,
      group,
      retried,
      resumed,
      transcript,
    },
    actions: [
      ...actions,
      ...logSecrets(context.config, offer.hello.random, {
        CLIENT_HANDSHAKE_TRAFFIC_SECRET: secrets.client,
        SERVER_HANDSHAKE_TRAFFIC_SECRET: secrets.server,
      }),
    ],
  };
}

/** RFC 8446 section 4.1.4. */
function onHelloRetryRequest(
  context: ClientContext,
  state: ExpectServerHello,
  hello: ServerHello,
  suite: SuiteName,
  whole: Bytes,
): Step<ClientState> {
  const { offer, retried } = state;
  if (retried !== null) throw new TlsError('second-hello-retry-request');
  // A cookie needs no request of ours.
  const requested = requestedBy(offer);
  requireRequested(
    'HelloRetryRequest',
    hello.extensions,
    HELLO_RETRY_REQUEST_EXTENSIONS,
    (code) => code === EXTENSION.cookie || requested(code),
  );
  const request = retryOf(context, offer, hello.extensions);
  const { hash } = TLS13_SUITES[suite];
  const { offer: asked, transcript } = retriedOffer(context, offer, hash, { whole, extensions: hello.extensions });
  transcript.add(whole);
  const second = nextOffer(context, asked, request, transcript);
  transcript.add(spokenOffer(second).encoded);
  const actions: Action[] = [{ action: 'apply-rules', rules: RULES.handshake13 }];
  if (offer.hello.sessionId.length > 0) actions.push({ action: 'owe-change-cipher-spec' });
  // RFC 8446 section 5.1: only an initial ClientHello's record may say 0x0301.
  actions.push({ action: 'seal-with', sealer: new PlainSealer(VERSION.tls12) });
  actions.push({ action: 'send', message: second.encoded });
  return {
    state: {
      state: 'expect-server-hello',
      secrets: NO_SECRETS,
      offer: second,
      retried: { suite, request, transcript },
    },
    actions,
  };
}

function nextOffer(context: ClientContext, offer: Offer, request: Retry, transcript: Transcript): Offer {
  if (offer.ech.ech === 'sealed') return secondEchOffer(context, offer, offer.ech.sealed, request, transcript);
  const { crypto, config } = context;
  const ticket = offer.ticket13;
  // Section 4.1.4: a ticket of another hash than the suite's is of no use any more.
  const isOfUse = ticket !== null && hashOf(ticket) === transcript.algorithm;
  const binding = isOfUse ? { crypto, ticket, nowMs: config.now(), transcript } : null;
  return secondOffer(offer, request, crypto, binding);
}

const SERVER_HELLO_EXTENSIONS = [EXTENSION.supported_versions, EXTENSION.key_share, EXTENSION.pre_shared_key];
const HELLO_RETRY_REQUEST_EXTENSIONS = [
  EXTENSION.supported_versions,
  EXTENSION.key_share,
  EXTENSION.cookie,
  EXTENSION.encrypted_client_hello,
];

function chosenVersion({ config }: ClientContext, hello: ServerHello, { retried }: ExpectServerHello): ProtocolVersion {
  const supportedVersions = hello.extensions.get(EXTENSION.supported_versions);
  if (supportedVersions !== undefined) {
    const version = decodeU16('supported_versions', supportedVersions);
    // Section 4.2.1: an answer in this extension is one of those that we named, never TLS 1.2 or older.
    if (version !== VERSION.tls13 || config.maxVersion !== 'TLSv1.3')
      throw new TlsError('illegal-parameter', `supported_versions 0x${version.toString(16)}`);
    if (hello.legacyVersion !== VERSION.tls12)
      throw new TlsError('illegal-parameter', `legacy_version 0x${hello.legacyVersion.toString(16)}`);
    return 'TLSv1.3';
  }
  if (retried !== null) throw new TlsError('illegal-parameter', 'another version than in HelloRetryRequest');
  // Section 4.1.3: the server can speak 1.3 and does not, so somebody has changed what we offered.
  const end = hello.random.subarray(24);
  if (config.maxVersion === 'TLSv1.3' && Object.values(DOWNGRADE_SENTINEL).some((sentinel) => equal(end, sentinel)))
    throw new TlsError('downgrade-detected');
  if (hello.legacyVersion === VERSION.tls12 && config.minVersion === 'TLSv1.2') return 'TLSv1.2';
  throw new TlsError('version-not-supported', `the server chose ${versionName(hello.legacyVersion)}`);
}

function requireEcho(offer: Offer, hello: ServerHello): void {
  if (!equal(hello.sessionId, offer.hello.sessionId))
    throw new TlsError('illegal-parameter', 'legacy_session_id_echo differs');
  if (hello.compressionMethod !== 0) throw new TlsError('decode-error', 'legacy_compression_method');
}

function chosenSuite({ config }: ClientContext, hello: ServerHello): SuiteName {
  const suite = tls13SuiteByCodePoint(hello.cipherSuite);
  if (suite === undefined || !config.suites.includes(suite))
    throw new TlsError('illegal-parameter', `cipher suite 0x${hello.cipherSuite.toString(16)} was not offered`);
  return suite;
}

/** Our share of the group that the server chose, and its own. */
function chosenShare(offer: Offer, retry: Retry | null, extensions: Extensions) {
  const body = extensions.get(EXTENSION.key_share);
  if (body === undefined) throw new TlsError('missing-extension', 'key_share in ServerHello');
  const { group: codePoint, share: peerShare } = decodeKeyShareEntry(body);
  const group = groupByCodePoint(codePoint);
  const keyShare = offer.keyShares.find((candidate) => candidate.group === group);
  // After a HelloRetryRequest for a group, that is the only share there is; a cookie alone leaves the first ones.
  if (
    group === undefined ||
    keyShare === undefined ||
    (retry !== null && retry.group !== null && retry.group !== group)
  )
    throw new TlsError('illegal-parameter', `key_share of group 0x${codePoint.toString(16)}`);
  if (peerShare.length !== NAMED_GROUPS[group].serverShareBytes)
    throw new TlsError('bad-key-share', `${group} of ${peerShare.length} bytes`);
  return { keyShare, peerShare };
}

/** Section 4.2.11: the server takes the one ticket that we offered, or none. */
function acceptedTicket({ ticket13 }: Offer, suite: SuiteName, extensions: Extensions): Ticket | null {
  const body = extensions.get(EXTENSION.pre_shared_key);
  if (body === undefined) return null;
  const selected = decodeU16('pre_shared_key', body);
  if (ticket13 === null || selected !== 0) throw new TlsError('illegal-parameter', `pre_shared_key ${selected}`);
  if (TLS13_SUITES[suite].hash !== hashOf(ticket13))
    throw new TlsError('illegal-parameter', `${suite} with a ticket of ${ticket13.suite}`);
  return ticket13;
}

function retryOf({ config }: ClientContext, offer: Offer, extensions: Extensions): Retry {
  const cookieBody = extensions.get(EXTENSION.cookie);
  const groupBody = extensions.get(EXTENSION.key_share);
  if (cookieBody === undefined && groupBody === undefined) throw new TlsError('hello-retry-request-without-effect');
  const cookie = cookieBody === undefined ? null : decodeCookie(cookieBody);
  if (groupBody === undefined) return { cookie, group: null };
  const codePoint = decodeU16('key_share', groupBody);
  const group = groupByCodePoint(codePoint);
  // Section 4.2.8: one that we offered, and not one that we sent a share for already.
  if (group === undefined || !config.groups.includes(group))
    throw new TlsError('illegal-parameter', `group 0x${codePoint.toString(16)} was not offered`);
  if (offer.keyShares.some((keyShare) => keyShare.group === group))
    throw new TlsError('hello-retry-request-without-effect', `a share of ${group} was sent`);
  return { cookie, group };
}

function versionName(version: number): string {
  switch (version) {
    case 0x0300:
      return 'SSL 3.0';
    case 0x0301:
      return 'TLS 1.0';
    case 0x0302:
      return 'TLS 1.1';
    case 0x0303:
      return 'TLS 1.2';
    default:
      return `version 0x${version.toString(16)}`;
  }
}
