import { TlsError } from '../../../core/failures.ts';
import { LIMITS } from '../../../core/limits.ts';
import { TLS12_SUITES, type Tls12SuiteName } from '../../../crypto/cipher-suites.ts';
import { groupByCodePoint, NAMED_GROUPS } from '../../../crypto/named-groups.ts';
import type { NamedGroup, SignatureScheme } from '../../../crypto/provider.ts';
import { SIGNATURE_SCHEMES, type SignatureKey, signatureSchemeByCodePoint } from '../../../crypto/signature-schemes.ts';
import { signedBytes } from '../../../crypto/signed-content.ts';
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
import { type Event, expectAnswer, expectMessage, requireAligned, type Step } from '../../machine.ts';
import { checkedChoice } from '../../own-certificate.ts';
import { keyTypeOf } from '../../peer-certificate.ts';
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
  if (chain.length > LIMITS.chainCertificates)
    throw new TlsError('certificate-chain-too-long', `${chain.length} certificates`);
  const { statusPromised, ...negotiated } = state;
  state.transcript.add(message.whole);
  return {
    state: statusPromised
      ? { ...negotiated, state: 'tls12-expect-status', chain }
      : { ...negotiated, state: 'tls12-expect-key-exchange', chain, ocspResponse: null },
    actions: [],
  };
}

/** RFC 6066 section 8. */
export function onStatus(context: ClientContext, state: ExpectStatus, event: Event): Step<ClientState12> {
  const { message } = expectMessage(event, HANDSHAKE_TYPE.certificate_status, HANDSHAKE_TYPE.server_key_exchange);
  if (message.type !== HANDSHAKE_TYPE.certificate_status)
    return onKeyExchange(context, { ...state, state: 'tls12-expect-key-exchange', ocspResponse: null }, event);
  const ocspResponse = decodeOcspResponse(message.body);
  state.transcript.add(message.whole);
  return { state: { ...state, state: 'tls12-expect-key-exchange', ocspResponse }, actions: [] };
}

/** RFC 8422 section 5.4. The chain is judged now that all which belongs to it is here. */
export function onKeyExchange(context: ClientContext, state: ExpectKeyExchange, event: Event): Step<ClientState12> {
  const { message } = expectMessage(event, HANDSHAKE_TYPE.server_key_exchange);
  const keyExchange = decodeServerKeyExchange(message.body);
  const group = agreeableGroup(context, keyExchange);
  const scheme = acceptableScheme(context, state.suite, keyExchange);
  state.transcript.add(message.whole);
  const { chain, ocspResponse, ...negotiated } = state;
  return {
    state: {
      ...negotiated,
      state: 'tls12-await-certificate-verification',
      group,
      peerShare: keyExchange.share,
      scheme,
      keyExchange,
    },
    actions: [
      {
        action: 'ask',
        effect: { effect: 'verify-certificate', chain, ...(ocspResponse === null ? {} : { ocspResponse }) },
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

export function onCertificateVerified12(
  context: ClientContext,
  state: AwaitCertificateVerification12,
  event: Event,
): Step<ClientState12> {
  const { spki, identity } = expectAnswer(event, 'certificate-accepted');
  const { keyExchange, ...shared } = state;
  const key = keyTypeOf(spki);
  if (key !== null) requireFitting(context, state, key);
  const { client: clientRandom, server: serverRandom } = state.randoms;
  const { parameters, signature } = keyExchange;
  return {
    state: { ...shared, state: 'tls12-await-signature-verification', peer: identity },
    actions: [
      {
        action: 'ask',
        effect: {
          effect: 'verify-signature',
          scheme: key === null ? state.scheme : verifiedAs(state.scheme, key),
          spki,
          message: signedBytes({ version: 'TLSv1.2', role: 'server', clientRandom, serverRandom, parameters }),
          signature,
        },
      },
    ],
  };
}

/** The key is for the suite, on a curve that we offered (RFC 8422 section 5.3), and makes such signatures. */
function requireFitting(
  { config }: ClientContext,
  { suite, scheme }: AwaitCertificateVerification12,
  key: SignatureKey,
): void {
  if (authenticatesWith(key) !== TLS12_SUITES[suite].authentication)
    throw new TlsError('illegal-parameter', `a key of type ${key} for ${suite}`);
  const group = curveOf(key);
  if (group !== null && !config.groups.includes(group))
    throw new TlsError('illegal-parameter', `a key on ${group}, which was not offered`);
  if (!signsAs(key, scheme)) throw new TlsError('wrong-signature-scheme', `${scheme} with a key of type ${key}`);
}

export function onSignatureVerified12(state: AwaitSignatureVerification12, event: Event): Step<ClientState12> {
  expectAnswer(event, 'signature-valid');
  return { state: { ...state, state: 'tls12-expect-request-or-done' }, actions: [] };
}

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

export function onDone(context: ClientContext, state: ExpectDone, event: Event): Step<ClientState12> {
  endOfFlight(state, event);
  const { certificateRequest, ...identified } = state;
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
    serverName: config.serverName,
    alpnOffered: config.alpn,
    schemes,
    certificateSchemes: signatureSchemes.map(signatureSchemeByCodePoint).filter((scheme) => scheme !== undefined),
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
