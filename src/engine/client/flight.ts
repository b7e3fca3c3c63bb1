import { type Bytes, latin1 } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { LIMITS } from '../../core/limits.ts';
import { knownSignatureSchemes, SIGNATURE_SCHEMES } from '../../crypto/signature-schemes.ts';
import {
  decodeAuthorities,
  decodeCodePoints,
  decodeEmpty,
  decodeProtocolNames,
  decodeU16,
  type Extensions,
  requireRequested,
} from '../codec/extensions.ts';
import { decodeCertificateRequest, decodeEncryptedExtensions } from '../codec/messages.ts';
import { EXTENSION, HANDSHAKE_TYPE } from '../codec/registry.ts';
import { decodeEchConfigList } from '../ech/config.ts';
import { type Action, type Event, expectAnswer, expectMessage, type Step } from '../machine.ts';
import { readCompressions } from '../own-certificate.ts';
import { readCertificate, readCertificateVerify, verifyCertificate } from '../peer-certificate.ts';
import { type Offer, publicNameOf, requestedBy } from './offer.ts';
import type {
  AwaitCertificateVerification,
  AwaitSignatureVerification,
  ClientCertificateRequest,
  ClientContext,
  ClientState,
  ExpectCertificate,
  ExpectCertificateOrRequest,
  ExpectCertificateVerify,
  ExpectEncryptedExtensions,
} from './states.ts';

/** RFC 8446 section 4.3.1. */
export function onEncryptedExtensions(
  context: ClientContext,
  state: ExpectEncryptedExtensions,
  event: Event,
): Step<ClientState> {
  const { message } = expectMessage(event, HANDSHAKE_TYPE.encrypted_extensions);
  const extensions = decodeEncryptedExtensions(message.body);
  requireRequested('EncryptedExtensions', extensions, ENCRYPTED_EXTENSIONS, requestedBy(state.offer));
  const serverName = extensions.get(EXTENSION.server_name);
  if (serverName !== undefined) decodeEmpty('server_name', serverName);
  const groups = extensions.get(EXTENSION.supported_groups);
  // Section 4.2.7: a hint for later connections, not acted on.
  if (groups !== undefined) decodeCodePoints('supported_groups', groups);
  state.transcript.add(message.whole);
  const alpn = chosenProtocol(context, extensions);
  const actions = recordLimits(context, extensions);
  const { resumed } = state;
  const offer = withRetryConfigs(state.offer, extensions);
  if (resumed === null) return { state: { ...state, state: 'expect-certificate-or-request', offer, alpn }, actions };
  // Section 4.4: who has the ticket's secret needs no certificate, and may ask for none.
  const { peer, signatureScheme: scheme } = resumed;
  return { state: { ...state, state: 'expect-finished', alpn, certificateRequest: null, peer, scheme }, actions };
}

const ENCRYPTED_EXTENSIONS = [
  EXTENSION.server_name,
  EXTENSION.supported_groups,
  EXTENSION.application_layer_protocol_negotiation,
  EXTENSION.record_size_limit,
  EXTENSION.encrypted_client_hello,
];

/** RFC 9849 sections 5, 6.1.6 and 6.2.1: an answer to an outer ClientHello, which only one that meant something remembers. */
function withRetryConfigs(offer: Offer, extensions: Extensions): Offer {
  const body = extensions.get(EXTENSION.encrypted_client_hello);
  if (body === undefined) return offer;
  if (offer.ech.ech === 'accepted')
    throw new TlsError('unsolicited-extension', 'encrypted_client_hello, which was accepted');
  decodeEchConfigList(body);
  return offer.ech.ech === 'rejected' ? { ...offer, ech: { ...offer.ech, retryConfigs: body.slice() } } : offer;
}

/** RFC 7301 section 3.1. */
export function chosenProtocol({ config }: ClientContext, extensions: Extensions): string | null {
  const body = extensions.get(EXTENSION.application_layer_protocol_negotiation);
  if (body === undefined) return null;
  const names = decodeProtocolNames(body);
  if (names.length !== 1) throw new TlsError('decode-error', 'ALPN with more than one protocol chosen');
  const name = latin1(names[0] as Bytes);
  if (!config.alpn.includes(name)) throw new TlsError('unsolicited-alpn');
  return name;
}

/** RFC 8449 section 4. */
function recordLimits({ config }: ClientContext, extensions: Extensions): Action[] {
  const body = extensions.get(EXTENSION.record_size_limit);
  if (body === undefined || config.recordSizeLimit === null) return [];
  const sendBytes = decodeU16('record_size_limit', body);
  if (sendBytes < 64 || sendBytes > LIMITS.plaintextBytes + 1)
    throw new TlsError('illegal-parameter', `record_size_limit ${sendBytes}`);
  return [{ action: 'limit-records', sendBytes, receiveBytes: config.recordSizeLimit }];
}

/** RFC 8446 sections 4.3.2 and 4.4.2: a server may ask for a certificate before it shows its own. */
export function onCertificateOrRequest(
  context: ClientContext,
  state: ExpectCertificateOrRequest,
  event: Event,
): Step<ClientState> {
  const { message } = expectMessage(
    event,
    HANDSHAKE_TYPE.certificate_request,
    HANDSHAKE_TYPE.certificate,
    HANDSHAKE_TYPE.compressed_certificate,
  );
  if (message.type !== HANDSHAKE_TYPE.certificate_request)
    return onCertificate(context, { ...state, state: 'expect-certificate', certificateRequest: null }, event);
  const certificateRequest = readCertificateRequest(message.body);
  state.transcript.add(message.whole);
  return { state: { ...state, state: 'expect-certificate', certificateRequest }, actions: [] };
}

/** RFC 8446 section 4.3.2. Extensions that we do not know are ignored there. */
export function readCertificateRequest(body: Bytes): ClientCertificateRequest {
  const { context, extensions } = decodeCertificateRequest(body);
  if (context.length !== 0) throw new TlsError('decode-error', 'certificate_request_context in the handshake');
  const schemes = extensions.get(EXTENSION.signature_algorithms);
  if (schemes === undefined) throw new TlsError('missing-extension', 'signature_algorithms in CertificateRequest');
  const accepted = knownSignatureSchemes(decodeCodePoints('signature_algorithms', schemes));
  const inCertificates = extensions.get(EXTENSION.signature_algorithms_cert);
  const authorities = extensions.get(EXTENSION.certificate_authorities);
  const compressions = extensions.get(EXTENSION.compress_certificate);
  const status = extensions.get(EXTENSION.status_request);
  // Empty in this message (section 4.4.2.1), unlike in a ClientHello.
  if (status !== undefined) decodeEmpty('status_request', status);
  return {
    schemes: accepted.filter((scheme) => SIGNATURE_SCHEMES[scheme].inTls13Handshake),
    certificateSchemes:
      inCertificates === undefined
        ? accepted
        : knownSignatureSchemes(decodeCodePoints('signature_algorithms_cert', inCertificates)),
    authorities: authorities === undefined ? [] : decodeAuthorities(authorities),
    compressions: compressions === undefined ? [] : readCompressions(compressions),
    ocspRequested: status !== undefined,
  };
}

/** RFC 8446 section 4.4.2, RFC 8879. */
export function onCertificate(
  { config, crypto }: ClientContext,
  state: ExpectCertificate,
  event: Event,
): Step<ClientState> {
  const { message } = expectMessage(event, HANDSHAKE_TYPE.certificate, HANDSHAKE_TYPE.compressed_certificate);
  const peerChain = readCertificate(crypto, message, {
    compressions: config.certificateCompressions,
    requested: requestedBy(state.offer),
  });
  if (peerChain.chain.length === 0) throw new TlsError('no-certificate');
  state.transcript.add(message.whole);
  return {
    state: { ...state, state: 'await-certificate-verification' },
    actions: [{ action: 'ask', effect: verifyCertificate(peerChain, publicNameOf(state.offer)) }],
  };
}

/** The verifier's judgement of the chain. */
export function onCertificateVerified(
  _context: ClientContext,
  state: AwaitCertificateVerification,
  event: Event,
): Step<ClientState> {
  const { spki, identity } = expectAnswer(event, 'certificate-accepted');
  return { state: { ...state, state: 'expect-certificate-verify', spki, peer: identity }, actions: [] };
}

/** RFC 8446 section 4.4.3. */
export function onCertificateVerify(
  { config }: ClientContext,
  state: ExpectCertificateVerify,
  event: Event,
): Step<ClientState> {
  const { message } = expectMessage(event, HANDSHAKE_TYPE.certificate_verify);
  const { spki, transcript } = state;
  const { scheme, effect } = readCertificateVerify(message.body, 'server', config.signatureSchemes, spki, transcript);
  return {
    state: { ...state, state: 'await-signature-verification', scheme, certificateVerify: message.whole },
    actions: [{ action: 'ask', effect }],
  };
}

/** The provider's judgement of CertificateVerify. */
export function onSignatureVerified(
  _context: ClientContext,
  state: AwaitSignatureVerification,
  event: Event,
): Step<ClientState> {
  expectAnswer(event, 'signature-valid');
  state.transcript.add(state.certificateVerify);
  return { state: { ...state, state: 'expect-finished' }, actions: [] };
}
