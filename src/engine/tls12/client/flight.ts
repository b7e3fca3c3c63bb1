import type { Bytes } from '../../../core/bytes.ts';
import { TlsError } from '../../../core/failures.ts';
import { TLS12_SUITES, type Tls12SuiteName } from '../../../crypto/cipher-suites.ts';
import { groupByCodePoint, NAMED_GROUPS } from '../../../crypto/named-groups.ts';
import type { NamedGroup, SignatureScheme } from '../../../crypto/provider.ts';
import {
  knownSignatureSchemes,
  SIGNATURE_SCHEMES,
  signatureSchemeByCodePoint,
} from '../../../crypto/signature-schemes.ts';
import { signedBytes } from '../../../crypto/signed-content.ts';
import { publicNameOf } from '../../client/offer.ts';
import type { ClientContext } from '../../client/states.ts';
import { decodeOcspResponse } from '../../codec/extensions.ts';
import {
  type CertificateRequest12,
  decodeCertificate12,
  decodeCertificateRequest12,
  decodeServerKeyExchange,
  type ServerKeyExchange,
} from '../../codec/messages12.ts';
import { HANDSHAKE_TYPE } from '../../codec/registry.ts';
import {
  type Event,
  expectAnswer,
  expectMessage,
  type MessageEvent,
  requireAligned,
  type Step,
} from '../../machine.ts';
import { checkedChoice } from '../../own-certificate.ts';
import { keyTypeOf, requireCertificates, verifyCertificate } from '../../peer-certificate.ts';
import { authenticatesWith, curveOf, isTls12Group, requestedSchemes, signsAs, verifiedAs } from '../signatures12.ts';
import type {
  AwaitCertificateChoice12,
  AwaitCertificateVerification12,
  AwaitSignatureVerification12,
  ClientCertificate,
  ClientState12,
  ExpectCertificate12,
  ExpectDone,
  ExpectKeyExchange,
  ExpectRequestOrDone,
  ExpectStatus,
} from './states.ts';

/** RFC 5246 section 7.4.2. */
export function onCertificate12(state: ExpectCertificate12, event: Event): Step<ClientState12> {
  const { message } = expectMessage(event, HANDSHAKE_TYPE.certificate);
  const chain = decodeCertificate12(message.body);
  if (chain.length === 0) throw new TlsError('no-certificate');
  requireCertificates(chain);
  const { statusPromised, ...negotiated } = state;
  state.transcript.add(message.whole);
  if (statusPromised) return { state: { ...negotiated, state: 'tls12-expect-status', chain }, actions: [] };
  return verification(negotiated, chain, null, null);
}

/** RFC 6066 section 8. The chain is judged when it is certain whether a response comes with it. */
export function onStatus(state: ExpectStatus, event: Event): Step<ClientState12> {
  const message = expectMessage(event, HANDSHAKE_TYPE.certificate_status, HANDSHAKE_TYPE.server_key_exchange);
  const { chain, ...negotiated } = state;
  if (message.message.type === HANDSHAKE_TYPE.server_key_exchange)
    return verification(negotiated, chain, null, message);
  const ocspResponse = decodeOcspResponse(message.message.body);
  state.transcript.add(message.message.whole);
  return verification(negotiated, chain, ocspResponse, null);
}

function verification(
  negotiated: Omit<AwaitCertificateVerification12, 'state' | 'keyExchange'>,
  chain: readonly Bytes[],
  ocspResponse: Bytes | null,
  keyExchange: MessageEvent | null,
): Step<ClientState12> {
  return {
    state: { ...negotiated, state: 'tls12-await-certificate-verification', keyExchange },
    actions: [
      {
        action: 'ask',
        effect: verifyCertificate({ chain, ocspResponse: ocspResponse ?? undefined }, publicNameOf(negotiated.offer)),
      },
    ],
  };
}

/** The key is for the suite, and on a curve that we offered (RFC 8422 section 5.3). */
export function onCertificateVerified12(
  context: ClientContext,
  state: AwaitCertificateVerification12,
  event: Event,
): Step<ClientState12> {
  const { spki, identity: peer } = expectAnswer(event, 'certificate-accepted');
  const { keyExchange, ...negotiated } = state;
  const key = keyTypeOf(spki);
  if (key !== null && authenticatesWith(key) !== TLS12_SUITES[state.suite].authentication)
    throw new TlsError('illegal-parameter', `a key of type ${key} for ${state.suite}`);
  const group = key === null ? null : curveOf(key);
  if (group !== null && !context.config.groups.includes(group))
    throw new TlsError('illegal-parameter', `a key on ${group}, which was not offered`);
  const next = { ...negotiated, state: 'tls12-expect-key-exchange', peer, spki } as const;
  return keyExchange === null ? { state: next, actions: [] } : onKeyExchange(context, next, keyExchange);
}

/** RFC 8422 section 5.4. */
export function onKeyExchange(context: ClientContext, state: ExpectKeyExchange, event: Event): Step<ClientState12> {
  const { message } = expectMessage(event, HANDSHAKE_TYPE.server_key_exchange);
  const keyExchange = decodeServerKeyExchange(message.body);
  const group = agreeableGroup(context, keyExchange);
  const scheme = acceptableScheme(context, state.suite, keyExchange);
  const { spki, ...identified } = state;
  const key = keyTypeOf(spki);
  if (key !== null && !signsAs(key, scheme))
    throw new TlsError('wrong-signature-scheme', `${scheme} with a key of type ${key}`);
  state.transcript.add(message.whole);
  const { client: clientRandom, server: serverRandom } = state.randoms;
  const { parameters, signature, share: peerShare } = keyExchange;
  return {
    state: { ...identified, state: 'tls12-await-signature-verification', group, peerShare, scheme },
    actions: [
      {
        action: 'ask',
        effect: {
          effect: 'verify-signature',
          scheme: key === null ? scheme : verifiedAs(scheme, key),
          spki,
          message: signedBytes({ version: 'TLSv1.2', role: 'server', clientRandom, serverRandom, parameters }),
          signature,
        },
      },
    ],
  };
}

function agreeableGroup({ config }: ClientContext, { group: codePoint, share }: ServerKeyExchange): NamedGroup {
  const group = groupByCodePoint(codePoint);
  if (group === undefined || !config.groups.includes(group) || !isTls12Group(group))
    throw new TlsError('illegal-parameter', `group 0x${codePoint.toString(16)} was not offered`);
  if (share.length !== NAMED_GROUPS[group].serverShareBytes)
    throw new TlsError('bad-key-share', `${group} of ${share.length} bytes`);
  return group;
}

function acceptableScheme(
  { config }: ClientContext,
  suite: Tls12SuiteName,
  { scheme: codePoint }: ServerKeyExchange,
): SignatureScheme {
  const scheme = signatureSchemeByCodePoint(codePoint);
  if (
    scheme === undefined ||
    !config.signatureSchemes.includes(scheme) ||
    !SIGNATURE_SCHEMES[scheme].inTls12Handshake ||
    authenticatesWith(SIGNATURE_SCHEMES[scheme].key) !== TLS12_SUITES[suite].authentication
  )
    throw new TlsError('wrong-signature-scheme', scheme ?? `0x${codePoint.toString(16)}`);
  return scheme;
}

/**
 * The server has shown that it has the key of its certificate: a request for ours may follow, or the end of its
 * flight.
 */
export function onSignatureVerified12(state: AwaitSignatureVerification12, event: Event): Step<ClientState12> {
  expectAnswer(event, 'signature-valid');
  return { state: { ...state, state: 'tls12-expect-request-or-done' }, actions: [] };
}

/**
 * CertificateRequest (RFC 5246 section 7.4.4), or ServerHelloDone (section 7.4.5) from a server that wants no
 * certificate.
 */
export function onRequestOrDone(state: ExpectRequestOrDone, event: Event): Step<ClientState12> {
  const message = expectMessage(event, HANDSHAKE_TYPE.certificate_request, HANDSHAKE_TYPE.server_hello_done);
  const { body, whole } = message.message;
  if (message.message.type === HANDSHAKE_TYPE.certificate_request) {
    const certificateRequest = decodeCertificateRequest12(body);
    state.transcript.add(whole);
    return { state: { ...state, state: 'tls12-expect-done', certificateRequest }, actions: [] };
  }
  endOfFlight(state, event);
  state.transcript.forgetMessages();
  return agreement(state, { asked: false });
}

/** RFC 5246 section 7.4.5, after a CertificateRequest: asks our side which certificate to show. */
export function onDone(context: ClientContext, state: ExpectDone, event: Event): Step<ClientState12> {
  endOfFlight(state, event);
  const { certificateRequest, ...identified } = state;
  // RFC 9849 section 6.1.7: who we are is not for the one who shows the public name.
  if (identified.offer.ech.ech === 'rejected') return agreement(identified, { asked: true, credential: null });
  const schemes = requestedSchemes(certificateRequest);
  return {
    state: { ...identified, state: 'tls12-await-certificate-choice', schemes },
    actions: [{ action: 'ask', effect: certificateQuestion(context, certificateRequest, schemes) }],
  };
}

function certificateQuestion(
  { config }: ClientContext,
  { signatureSchemes, authorities }: CertificateRequest12,
  schemes: readonly SignatureScheme[],
) {
  return {
    effect: 'choose-certificate',
    role: 'client',
    version: 'TLSv1.2',
    serverName: config.serverName,
    alpnOffered: config.alpn,
    schemes,
    curves: null,
    certificateSchemes: knownSignatureSchemes(signatureSchemes),
    authorities,
    ocspRequested: false,
  } as const;
}

/** ServerHelloDone: it is our turn, and nothing may be behind it. */
function endOfFlight(state: ExpectRequestOrDone | ExpectDone, event: Event): void {
  const message = expectMessage(event, HANDSHAKE_TYPE.server_hello_done);
  if (message.message.body.length > 0) throw new TlsError('decode-error', 'ServerHelloDone');
  requireAligned(message);
  state.transcript.add(message.message.whole);
}

/** Goes on to the key exchange with the certificate that was chosen, or with an empty one. */
export function onCertificateChosen12(state: AwaitCertificateChoice12, event: Event): Step<ClientState12> {
  const choice = checkedChoice(expectAnswer(event, 'certificate-chosen'), state);
  const { schemes: _, ...identified } = state;
  if (choice === null) return agreement(identified, { asked: true, credential: null });
  return agreement(identified, { asked: true, ...choice });
}

/** The server's share came first, so we are the one who responds. */
function agreement(
  state: Omit<AwaitCertificateChoice12, 'schemes' | 'state'>,
  certificate: ClientCertificate,
): Step<ClientState12> {
  const { group, peerShare } = state;
  return {
    state: { ...state, state: 'tls12-await-agreement', certificate },
    actions: [{ action: 'ask', effect: { effect: 'respond', group, peerShare } }],
  };
}
