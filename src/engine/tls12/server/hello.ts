import { type Bytes, concat, EMPTY, latin1Bytes } from '../../../core/bytes.ts';
import { TlsError } from '../../../core/failures.ts';
import { LIMITS } from '../../../core/limits.ts';
import { TLS12_SUITES, type Tls12SuiteName } from '../../../crypto/cipher-suites.ts';
import { NAMED_GROUPS } from '../../../crypto/named-groups.ts';
import type { SignatureScheme } from '../../../crypto/provider.ts';
import { SIGNATURE_SCHEMES, signatureCodePoints } from '../../../crypto/signature-schemes.ts';
import { encodeOcspResponse, encodeProtocolNames, encodeU16 } from '../../codec/extensions.ts';
import { EC_POINT_FORMATS, encodeRenegotiationInfo } from '../../codec/extensions12.ts';
import { type ClientHello, encodeServerHello } from '../../codec/messages.ts';
import {
  CLIENT_CERTIFICATE_TYPE,
  encodeCertificate12,
  encodeCertificateRequest12,
  encodeCertificateStatus,
  encodeEcdhParameters,
  encodeServerHelloDone,
  encodeServerKeyExchange,
} from '../../codec/messages12.ts';
import { DOWNGRADE_SENTINEL, EXTENSION, VERSION } from '../../codec/registry.ts';
import { logSecrets } from '../../key-log.ts';
import {
  type Action,
  type Event,
  expectAnswer,
  type MessageEvent,
  NO_SECRETS,
  requireAligned,
  type Step,
} from '../../machine.ts';
import { checkedChoice } from '../../own-certificate.ts';
import { RULES } from '../../record/incoming.ts';
import { PlainSealer } from '../../record/protection.ts';
import { protection12, type Randoms } from '../../schedule/schedule12.ts';
import { termsHold } from '../../server/session-terms.ts';
import type { ServerContext } from '../../server/states.ts';
import type { ServerConfig } from '../../server-config.ts';
import { authenticatesWith } from '../signatures12.ts';
import { Transcript12 } from '../transcript12.ts';
import { type ClientOffer, readClientOffer } from './client-offer.ts';
import { askForTicket } from './finish.ts';
import { decodeSession12, issuesTicket, type Session12 } from './session.ts';
import type { AwaitCertificateChoice12, AwaitSignature12, AwaitTicketOpening12, ServerState12 } from './states.ts';

/** A ClientHello for which TLS 1.2 was chosen (RFC 5246 section 7.4.1.2): all but its version is judged here. */
export function startServer12(context: ServerContext, hello: ClientHello, event: MessageEvent): Step<ServerState12> {
  const offer = readClientOffer(context.config, hello);
  requireAligned(event);
  const greeted = { offer, clientHello: event.message.whole, secrets: NO_SECRETS };
  const actions: Action[] = [
    { action: 'apply-rules', rules: RULES.handshake12 },
    { action: 'limit-records', sendBytes: LIMITS.plaintextBytes + 1, receiveBytes: LIMITS.plaintextBytes },
    { action: 'seal-with', sealer: new PlainSealer(VERSION.tls12) },
  ];
  const { ticket } = offer;
  if (ticket === null || ticket.length === 0 || context.config.ticketLifetimeSeconds === 0) {
    const next = askForCertificate(context, { ...greeted, state: 'tls12-await-ticket-opening' });
    return { state: next.state, actions: [...actions, ...next.actions] };
  }
  actions.push({ action: 'ask', effect: { effect: 'open-ticket', purpose: 'ticket', ticket } });
  return { state: { ...greeted, state: 'tls12-await-ticket-opening' }, actions };
}

/**
 * Resumes what the ticket stands for (RFC 5077 section 3.1), or goes on as if there were none: a ticket is never an
 * error.
 */
export function onTicketOpened12(
  context: ServerContext,
  state: AwaitTicketOpening12,
  event: Event,
): Step<ServerState12> {
  const { plaintext } = expectAnswer(event, 'ticket-opened');
  const session = plaintext === null ? null : decodeSession12(plaintext);
  plaintext?.fill(0);
  if (session === null) return askForCertificate(context, state);
  if (!isResumable(context.config, state.offer, session)) {
    session.masterSecret.fill(0);
    return askForCertificate(context, state);
  }
  return resume(context, state, session);
}

/** The suite is that of the session, and so one that both still have. */
function isResumable(config: ServerConfig, offer: ClientOffer, session: Session12): boolean {
  const { suite } = session;
  return config.tls12Suites.includes(suite) && offer.suites.includes(suite) && termsHold(session, config, offer);
}

/** RFC 5246 section 7.3, figure 2, with a new ticket (RFC 5077 section 3.3): a ticket that is seen twice tells who comes back. */
function resume(context: ServerContext, state: AwaitTicketOpening12, session: Session12): Step<ServerState12> {
  const { config, crypto } = context;
  const { offer } = state;
  const { suite, masterSecret: master, group, signatureScheme: scheme, peer } = session;
  const randoms = { client: offer.random, server: serverRandom(context) };
  const hello = serverHello(config, offer, randoms, suite, { resumes: true, stapled: false });
  const transcript = new Transcript12(crypto, TLS12_SUITES[suite].hash);
  transcript.add(state.clientHello);
  transcript.add(hello);
  transcript.forgetMessages();
  const next = askForTicket(context, {
    offer,
    suite,
    randoms,
    transcript,
    group,
    scheme,
    peer,
    resumed: session,
    secrets: { master },
    ...protection12(crypto, suite, master, randoms, 'server'),
  });
  return {
    state: next.state,
    actions: [
      { action: 'send', message: hello },
      ...logSecrets(config, offer.random, { CLIENT_RANDOM: master }),
      ...next.actions,
    ],
  };
}

function askForCertificate({ config }: ServerContext, state: AwaitTicketOpening12): Step<ServerState12> {
  const { offer } = state;
  if (commonSuites(config, offer).length === 0) throw new TlsError('no-common-suite');
  const group = config.groups.find((candidate) => offer.groups.includes(candidate));
  if (group === undefined) throw new TlsError('no-common-group');
  const schemes = offer.schemes.filter(
    (scheme) => SIGNATURE_SCHEMES[scheme].inTls12Handshake && suiteFor(config, offer, scheme) !== undefined,
  );
  if (schemes.length === 0) throw new TlsError('no-common-signature-scheme');
  return {
    state: { ...state, state: 'tls12-await-certificate-choice', group, schemes },
    actions: [
      {
        action: 'ask',
        effect: {
          effect: 'choose-certificate',
          role: 'server',
          version: 'TLSv1.2',
          serverName: offer.serverName,
          alpnOffered: offer.alpnOffered,
          schemes,
          curves: offer.groups,
          certificateSchemes: offer.schemes,
          authorities: offer.authorities,
          ocspRequested: offer.ocspRequested,
        },
      },
    ],
  };
}

/** By our preference; a client whose own begins with ChaCha20 has no hardware for AES, and gets what it is good at. */
function commonSuites(config: ServerConfig, offer: ClientOffer): readonly Tls12SuiteName[] {
  const common = config.tls12Suites.filter((suite) => offer.suites.includes(suite));
  const [first] = offer.suites;
  if (first === undefined || !isChaCha(first)) return common;
  return [...common.filter(isChaCha), ...common.filter((suite) => !isChaCha(suite))];
}

function isChaCha(suite: Tls12SuiteName): boolean {
  return TLS12_SUITES[suite].aead === 'chacha20-poly1305';
}

/** The suite whose authentication is by a key for `scheme`. */
function suiteFor(config: ServerConfig, offer: ClientOffer, scheme: SignatureScheme): Tls12SuiteName | undefined {
  const authentication = authenticatesWith(SIGNATURE_SCHEMES[scheme].key);
  return commonSuites(config, offer).find((suite) => TLS12_SUITES[suite].authentication === authentication);
}

/** The certificate decides on the suite; ServerKeyExchange is to be signed (RFC 8422 section 5.4). */
export function onCertificateChosen12(
  context: ServerContext,
  state: AwaitCertificateChoice12,
  event: Event,
): Step<ServerState12> {
  const choice = checkedChoice(expectAnswer(event, 'certificate-chosen'), state);
  const { config, crypto } = context;
  const { offer, clientHello, group } = state;
  if (choice === null) throw new TlsError('no-common-signature-scheme');
  const { credential, scheme } = choice;
  const suite = suiteFor(config, offer, scheme);
  if (suite === undefined) throw new TlsError('internal-error', `${scheme} is for no suite in common`);
  const staple = offer.ocspRequested ? credential.ocspResponse : undefined;
  const randoms = { client: offer.random, server: serverRandom(context) };
  const keyShare = crypto.generateKeyShare(group);
  const parameters = encodeEcdhParameters(NAMED_GROUPS[group].codePoint, keyShare.publicShare);
  const flight: Bytes[] = [
    serverHello(config, offer, randoms, suite, { resumes: false, stapled: staple !== undefined }),
    encodeCertificate12(credential.chain),
  ];
  if (staple !== undefined) flight.push(encodeCertificateStatus(encodeOcspResponse(staple)));
  const transcript = new Transcript12(crypto, TLS12_SUITES[suite].hash);
  transcript.add(clientHello);
  const actions: Action[] = flight.map((message) => {
    transcript.add(message);
    return { action: 'send', message };
  });
  const { client: clientRandom, server } = randoms;
  actions.push({
    action: 'ask',
    effect: {
      effect: 'sign',
      key: credential.key,
      scheme,
      content: { version: 'TLSv1.2', role: 'server', clientRandom, serverRandom: server, parameters },
    },
  });
  return {
    state: {
      state: 'tls12-await-signature',
      secrets: NO_SECRETS,
      offer,
      suite,
      randoms,
      transcript,
      keyShare,
      scheme,
      parameters,
    },
    actions,
  };
}

/** The rest of our flight: ServerKeyExchange, CertificateRequest if we want one, ServerHelloDone. */
export function onSigned12(context: ServerContext, state: AwaitSignature12, event: Event): Step<ServerState12> {
  const { signature } = expectAnswer(event, 'signed');
  const { config } = context;
  const { scheme, parameters, ...negotiated } = state;
  const flight: Bytes[] = [
    encodeServerKeyExchange({ parameters, scheme: SIGNATURE_SCHEMES[scheme].codePoint, signature }),
  ];
  const asks = config.clientCertificate !== 'none';
  if (asks) flight.push(certificateRequest(config));
  flight.push(encodeServerHelloDone());
  const actions: Action[] = flight.map((message) => {
    state.transcript.add(message);
    return { action: 'send', message };
  });
  if (asks) return { state: { ...negotiated, state: 'tls12-expect-certificate' }, actions };
  state.transcript.forgetMessages();
  return { state: { ...negotiated, state: 'tls12-expect-key-exchange', client: null }, actions };
}

function certificateRequest({ signatureSchemes, certificateAuthorities }: ServerConfig): Bytes {
  const { rsa_sign, ecdsa_sign } = CLIENT_CERTIFICATE_TYPE;
  return encodeCertificateRequest12({
    certificateTypes: [ecdsa_sign, rsa_sign],
    signatureSchemes: signatureCodePoints(
      signatureSchemes.filter((scheme) => SIGNATURE_SCHEMES[scheme].inTls12Handshake),
    ),
    authorities: certificateAuthorities,
  });
}

/** RFC 8446 section 4.1.3: a server that can speak TLS 1.3 says so where nobody on the way can change it. */
function serverRandom({ config, crypto }: ServerContext): Bytes {
  if (config.maxVersion !== 'TLSv1.3') return crypto.randomBytes(32);
  return concat(crypto.randomBytes(24), DOWNGRADE_SENTINEL.tls12);
}

function serverHello(
  config: ServerConfig,
  offer: ClientOffer,
  randoms: Randoms,
  suite: Tls12SuiteName,
  { resumes, stapled }: { readonly resumes: boolean; readonly stapled: boolean },
): Bytes {
  const extensions = new Map<number, Bytes>();
  // RFC 6066 section 3: the name was of use, which in a resumption it is not.
  if (offer.serverName !== null && !resumes) extensions.set(EXTENSION.server_name, EMPTY);
  extensions.set(EXTENSION.extended_master_secret, EMPTY);
  if (offer.secureRenegotiation) extensions.set(EXTENSION.renegotiation_info, encodeRenegotiationInfo(EMPTY));
  if (offer.pointFormats) extensions.set(EXTENSION.ec_point_formats, EC_POINT_FORMATS);
  if (offer.alpn !== null)
    extensions.set(EXTENSION.application_layer_protocol_negotiation, encodeProtocolNames([latin1Bytes(offer.alpn)]));
  if (issuesTicket(config, offer)) extensions.set(EXTENSION.session_ticket, EMPTY);
  if (stapled) extensions.set(EXTENSION.status_request, EMPTY);
  if (offer.recordSizeLimit !== null && config.recordSizeLimit !== null)
    extensions.set(EXTENSION.record_size_limit, encodeU16(Math.min(config.recordSizeLimit, LIMITS.plaintextBytes)));
  return encodeServerHello({
    legacyVersion: VERSION.tls12,
    random: randoms.server,
    // RFC 5077 section 3.4: the client's own says that its ticket was taken.
    sessionId: resumes ? offer.sessionId : EMPTY,
    cipherSuite: TLS12_SUITES[suite].codePoint,
    compressionMethod: 0,
    extensions,
  });
}
