import { equalSecret } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { TLS13_SUITES } from '../../crypto/cipher-suites.ts';
import { HANDSHAKE_TYPE } from '../codec/registry.ts';
import type { SessionFacts } from '../connection.ts';
import { type Action, type Event, expectAnswer, expectMessage, requireAligned, type Step } from '../machine.ts';
import { readCertificate, readCertificateVerify, verifyCertificate } from '../peer-certificate.ts';
import { RULES } from '../record/incoming.ts';
import { finishedMac, openerOf } from '../schedule/schedule13.ts';
import { chooseProtocol } from './client-offer.ts';
import type {
  AwaitCertificateVerification,
  AwaitSignatureVerification,
  ExpectCertificate,
  ExpectCertificateVerify,
  ExpectFinished,
  ServerContext,
  ServerOpen,
  ServerState,
} from './states.ts';
import { startIssuing } from './tickets.ts';

/** RFC 8446 section 4.4.2: a client has a certificate or says that it has none. */
export function onCertificate(context: ServerContext, state: ExpectCertificate, event: Event): Step<ServerState> {
  const { message } = expectMessage(event, HANDSHAKE_TYPE.certificate, HANDSHAKE_TYPE.compressed_certificate);
  const { config, crypto } = context;
  const peerChain = readCertificate(crypto, message, {
    compressions: config.certificateCompressions,
    requested: () => false,
  });
  state.transcript.add(message.whole);
  if (peerChain.chain.length > 0)
    return {
      state: { ...state, state: 'await-certificate-verification' },
      actions: [{ action: 'ask', effect: verifyCertificate(peerChain, null) }],
    };
  if (config.clientCertificate === 'required') throw new TlsError('client-certificate-missing');
  return { state: { ...state, state: 'expect-finished' }, actions: [] };
}

/** The verifier's judgement of the chain. */
export function onCertificateVerified(
  _context: ServerContext,
  state: AwaitCertificateVerification,
  event: Event,
): Step<ServerState> {
  const { spki, identity } = expectAnswer(event, 'certificate-accepted');
  return { state: { ...state, state: 'expect-certificate-verify', spki, claim: identity }, actions: [] };
}

/** RFC 8446 section 4.4.3. */
export function onCertificateVerify(
  { config }: ServerContext,
  state: ExpectCertificateVerify,
  event: Event,
): Step<ServerState> {
  const { message } = expectMessage(event, HANDSHAKE_TYPE.certificate_verify);
  const { spki, transcript } = state;
  const { scheme, effect } = readCertificateVerify(message.body, 'client', config.signatureSchemes, spki, transcript);
  return {
    state: {
      ...state,
      state: 'await-signature-verification',
      claimScheme: scheme,
      certificateVerify: message.whole,
    },
    actions: [{ action: 'ask', effect }],
  };
}

/** The provider's judgement of CertificateVerify: the client is who it claims to be. */
export function onSignatureVerified(
  _context: ServerContext,
  state: AwaitSignatureVerification,
  event: Event,
): Step<ServerState> {
  expectAnswer(event, 'signature-valid');
  const { claim, claimScheme, certificateVerify, spki, ...answered } = state;
  answered.transcript.add(certificateVerify);
  return { state: { ...answered, state: 'expect-finished', peer: claim, scheme: claimScheme }, actions: [] };
}

/** RFC 8446 section 4.4.4: the end of the handshake. */
export function onFinished(context: ServerContext, state: ExpectFinished, event: Event): Step<ServerState> {
  const message = expectMessage(event, HANDSHAKE_TYPE.finished);
  const aligned = requireAligned(message);
  const { config, crypto } = context;
  const { offer, suite, transcript, secrets, resumed, peer } = state;
  const parameters = TLS13_SUITES[suite];
  const expected = finishedMac(crypto, parameters.hash, secrets.client, transcript.hash());
  if (!equalSecret(expected, message.message.body)) throw new TlsError('bad-finished');
  transcript.add(message.message.whole);
  secrets.client.fill(0);
  const resumption = secrets.main.toResumption(transcript.hash());

  const alpn = chooseProtocol(config.alpn, offer.alpn);
  const session: SessionFacts = {
    version: 'TLSv1.3',
    suite,
    group: state.group,
    signatureScheme: state.scheme,
    alpn,
    serverName: offer.serverName,
    resumed: resumed !== null,
    helloRetryRequest: state.retried,
    ech: offer.ech,
    peer,
  };
  const actions: Action[] = [
    { action: 'open-with', opener: openerOf(crypto, parameters, secrets.receiving), aligned },
    { action: 'apply-rules', rules: RULES.open13 },
    { action: 'open', session },
  ];
  const open: ServerOpen = {
    state: 'open',
    session,
    suite,
    ticketsKept: 0,
    issuing: null,
    secrets: {
      sending: secrets.sending,
      receiving: secrets.receiving,
      exporter: secrets.exporter,
      resumption,
    },
  };
  const establishedAtMs = resumed?.establishedAtMs ?? config.now();
  const next = startIssuing(context, open, offer, {
    suite,
    establishedAtMs,
    serverName: offer.serverName,
    alpn,
    certificatePolicy: config.certificatePolicy,
    peer,
    signatureScheme: state.scheme,
  });
  return { state: next.state, actions: [...actions, ...next.actions] };
}
