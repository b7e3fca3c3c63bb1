import { type Bytes, EMPTY, latin1Bytes } from '../../core/bytes.ts';
import { TLS13_SUITES } from '../../crypto/cipher-suites.ts';
import { NAMED_GROUPS } from '../../crypto/named-groups.ts';
import { SIGNATURE_SCHEMES, signatureCodePoints } from '../../crypto/signature-schemes.ts';
import {
  type Extensions,
  encodeAuthorities,
  encodeCodePoints,
  encodeKeyShareEntry,
  encodeProtocolNames,
  encodeShortCodePoints,
  encodeU16,
} from '../codec/extensions.ts';
import { chooseGrease, GREASE_RANDOM_BYTES } from '../codec/grease.ts';
import {
  encodeCertificateRequest,
  encodeEncryptedExtensions,
  encodeFinished,
  encodeServerHello,
} from '../codec/messages.ts';
import { CERTIFICATE_COMPRESSION, EXTENSION, VERSION } from '../codec/registry.ts';
import { encodeEchConfigList } from '../ech/config.ts';
import { acceptConfirmation, confirmationIn } from '../ech/confirmation.ts';
import { logSecrets } from '../key-log.ts';
import { type Action, type Event, expectAnswer, type Step } from '../machine.ts';
import { certificateMessage, certificateVerifyMessage } from '../own-certificate.ts';
import { finishedMac, type HandshakeSecret, openerOf, sealerOf, type TrafficSecrets } from '../schedule/schedule13.ts';
import { retryConfigs } from '../server-config.ts';
import { chooseProtocol } from './client-offer.ts';
import type {
  Answered,
  Authentication,
  AwaitAgreement,
  AwaitSignature,
  Greeted,
  ServerContext,
  ServerState,
} from './states.ts';

/** The shared secret is there: all is known that our flight says, but for the signature over it. */
export function onAgreement(context: ServerContext, state: AwaitAgreement, event: Event): Step<ServerState> {
  const { publicShare, secret } = expectAnswer(event, 'responded');
  const { authentication, secrets: early, state: _, ...greeted } = state;
  const { transcript, offer } = greeted;
  const serverHello = serverHelloOf(context, greeted, publicShare, authentication);
  // RFC 9849 section 7.2.
  if (offer.ech === 'accepted')
    confirmationIn(serverHello).set(acceptConfirmation(context.crypto, offer.random, transcript, serverHello));
  transcript.add(serverHello);
  const schedule = early.schedule.toHandshake(secret);
  secret.fill(0);
  const secrets = { ...schedule.trafficSecrets(transcript.hash()), schedule };

  const flight = [encodeEncryptedExtensions(encryptedExtensions(context, greeted, authentication))];
  if (authentication.by === 'certificate') {
    if (context.config.clientCertificate !== 'none') flight.push(certificateRequest(context));
    flight.push(certificateMessage(authentication.choice.credential, offer));
  }
  for (const message of flight) transcript.add(message);
  if (authentication.by === 'ticket') return sendFlight(context, greeted, authentication, secrets, serverHello, flight);
  const { credential, scheme } = authentication.choice;
  const content = { version: 'TLSv1.3', role: 'server', transcriptHash: transcript.hash() } as const;
  return {
    state: { ...greeted, state: 'await-signature', secrets, authentication, scheme, serverHello, flight },
    actions: [{ action: 'ask', effect: { effect: 'sign', key: credential.key, scheme, content } }],
  };
}

/** RFC 8446 section 4.4.3. */
export function onSigned(context: ServerContext, state: AwaitSignature, event: Event): Step<ServerState> {
  const { signature } = expectAnswer(event, 'signed');
  const { authentication, secrets, scheme, serverHello, flight, state: _, ...greeted } = state;
  const message = certificateVerifyMessage(scheme, signature);
  greeted.transcript.add(message);
  return sendFlight(context, greeted, authentication, secrets, serverHello, [...flight, message]);
}

/** All at once, Finished behind it; from there on what we send is under the application's keys. */
function sendFlight(
  { config, crypto }: ServerContext,
  greeted: Greeted,
  authentication: Authentication,
  handshake: TrafficSecrets & { readonly schedule: HandshakeSecret },
  serverHello: Bytes,
  flight: readonly Bytes[],
): Step<ServerState> {
  const { offer, suite, group, retried, transcript, aligned } = greeted;
  const parameters = TLS13_SUITES[suite];
  const finished = encodeFinished(finishedMac(crypto, parameters.hash, handshake.server, transcript.hash()));
  transcript.add(finished);
  const main = handshake.schedule.toMain();
  const throughServer = transcript.hash();
  const traffic = main.trafficSecrets(throughServer);
  const exporter = main.exporterSecret(throughServer);

  const actions: Action[] = [{ action: 'send', message: serverHello }];
  // Appendix D.4: once, and after our first message, which a HelloRetryRequest was.
  if (!retried) actions.push({ action: 'send-change-cipher-spec' });
  actions.push({ action: 'seal-with', sealer: sealerOf(crypto, parameters, handshake.server) });
  if (offer.recordSizeLimit !== null && config.recordSizeLimit !== null)
    actions.push({
      action: 'limit-records',
      sendBytes: offer.recordSizeLimit,
      receiveBytes: config.recordSizeLimit,
    });
  for (const message of [...flight, finished]) actions.push({ action: 'send', message });
  actions.push(
    { action: 'seal-with', sealer: sealerOf(crypto, parameters, traffic.server) },
    { action: 'open-with', opener: openerOf(crypto, parameters, handshake.client), aligned },
    ...logSecrets(config, offer.random, {
      CLIENT_HANDSHAKE_TRAFFIC_SECRET: handshake.client,
      SERVER_HANDSHAKE_TRAFFIC_SECRET: handshake.server,
      CLIENT_TRAFFIC_SECRET_0: traffic.client,
      SERVER_TRAFFIC_SECRET_0: traffic.server,
      EXPORTER_SECRET: exporter,
    }),
  );
  handshake.server.fill(0);
  const resumed = authentication.by === 'ticket' ? authentication.session : null;
  const asked = resumed === null && config.clientCertificate !== 'none';
  const answered: Answered = {
    offer,
    suite,
    group,
    retried,
    transcript,
    resumed,
    peer: resumed?.peer ?? null,
    scheme: resumed?.signatureScheme ?? null,
    secrets: { client: handshake.client, main, sending: traffic.server, receiving: traffic.client, exporter },
  };
  const state: ServerState = asked
    ? { ...answered, state: 'expect-certificate' }
    : { ...answered, state: 'expect-finished' };
  return { state, actions };
}

/** RFC 8446 section 4.1.3. */
function serverHelloOf(
  { crypto }: ServerContext,
  { offer, suite, group }: Greeted,
  share: Bytes,
  authentication: Authentication,
): Bytes {
  const extensions = new Map<number, Bytes>([
    [EXTENSION.supported_versions, encodeU16(VERSION.tls13)],
    [EXTENSION.key_share, encodeKeyShareEntry({ group: NAMED_GROUPS[group].codePoint, share })],
  ]);
  if (authentication.by === 'ticket') extensions.set(EXTENSION.pre_shared_key, encodeU16(0));
  return encodeServerHello({
    legacyVersion: VERSION.tls12,
    random: crypto.randomBytes(32),
    sessionId: offer.sessionId,
    cipherSuite: TLS13_SUITES[suite].codePoint,
    compressionMethod: 0,
    extensions,
  });
}

/** Section 4.3.1: nothing that was not asked for. */
function encryptedExtensions({ config }: ServerContext, { offer }: Greeted, { by }: Authentication): Extensions {
  const extensions = new Map<number, Bytes>();
  // RFC 6066 section 3: it has chosen a certificate, if one was chosen.
  if (offer.serverName !== null && by === 'certificate') extensions.set(EXTENSION.server_name, EMPTY);
  const alpn = chooseProtocol(config.alpn, offer.alpn);
  if (alpn !== null)
    extensions.set(EXTENSION.application_layer_protocol_negotiation, encodeProtocolNames([latin1Bytes(alpn)]));
  if (offer.recordSizeLimit !== null && config.recordSizeLimit !== null)
    extensions.set(EXTENSION.record_size_limit, encodeU16(config.recordSizeLimit));
  // RFC 9849 section 7.1: what we could have opened.
  if (offer.ech === 'rejected')
    extensions.set(EXTENSION.encrypted_client_hello, encodeEchConfigList(retryConfigs(config.ech)));
  return extensions;
}

/** Section 4.3.2. */
function certificateRequest({ config, crypto }: ServerContext): Bytes {
  const grease = config.grease ? chooseGrease(crypto.randomBytes(GREASE_RANDOM_BYTES)) : null;
  const schemes = signatureCodePoints(
    config.signatureSchemes.filter((scheme) => SIGNATURE_SCHEMES[scheme].inTls13Handshake),
  );
  const certificateSchemes = signatureCodePoints(config.certificateSignatureSchemes);
  if (grease !== null) {
    schemes.unshift(grease.signatureScheme);
    certificateSchemes.unshift(grease.signatureScheme);
  }
  const extensions = new Map<number, Bytes>([
    [EXTENSION.signature_algorithms, encodeCodePoints(schemes)],
    [EXTENSION.signature_algorithms_cert, encodeCodePoints(certificateSchemes)],
  ]);
  if (config.certificateAuthorities.length > 0)
    extensions.set(EXTENSION.certificate_authorities, encodeAuthorities(config.certificateAuthorities));
  if (config.certificateCompressions.length > 0)
    extensions.set(
      EXTENSION.compress_certificate,
      encodeShortCodePoints(config.certificateCompressions.map((name) => CERTIFICATE_COMPRESSION[name])),
    );
  if (grease !== null) extensions.set(grease.extensions[0], EMPTY);
  return encodeCertificateRequest({ context: EMPTY, extensions });
}
