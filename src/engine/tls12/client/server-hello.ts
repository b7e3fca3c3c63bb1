import { type Bytes, equal } from '../../../core/bytes.ts';
import { TlsError } from '../../../core/failures.ts';
import { LIMITS } from '../../../core/limits.ts';
import { TLS12_SUITES, type Tls12SuiteName, tls12SuiteByCodePoint } from '../../../crypto/cipher-suites.ts';
import { chosenProtocol } from '../../client/flight.ts';
import { type Offer, requestedBy } from '../../client/offer.ts';
import type { ClientContext } from '../../client/states.ts';
import { decodeEmpty, decodeU16, type Extensions, requireRequested } from '../../codec/extensions.ts';
import { decodePointFormats, decodeRenegotiationInfo } from '../../codec/extensions12.ts';
import type { ServerHello } from '../../codec/messages.ts';
import { EXTENSION, VERSION } from '../../codec/registry.ts';
import type { ClientConfig } from '../../config.ts';
import type { Ticket } from '../../connection.ts';
import { logSecrets } from '../../key-log.ts';
import type { Action, MessageEvent, Step } from '../../machine.ts';
import { NO_SECRETS } from '../../machine.ts';
import { RULES } from '../../record/incoming.ts';
import { PlainSealer } from '../../record/protection.ts';
import { protection12 } from '../../schedule/schedule12.ts';
import { Transcript12 } from '../transcript12.ts';
import { expectServersLast } from './finish.ts';
import type { ClientState12 } from './states.ts';

/** A ServerHello that has chosen TLS 1.2 (RFC 5246 section 7.4.1.3); that it may is checked. */
export function onServerHello12(
  context: ClientContext,
  offer: Offer,
  hello: ServerHello,
  message: MessageEvent,
): Step<ClientState12> {
  const { config, crypto } = context;
  if (hello.compressionMethod !== 0) throw new TlsError('illegal-parameter', 'compression_method');
  const suite = chosenSuite(config, hello);
  const { extensions } = hello;
  requireRequested('ServerHello', extensions, SERVER_HELLO_EXTENSIONS, requestedBy(offer));
  requireSafe(extensions);
  const statusPromised = promised('status_request', extensions.get(EXTENSION.status_request));
  const resumed = resumedTicket(offer, hello, suite);
  const transcript = new Transcript12(crypto, TLS12_SUITES[suite].hash);
  transcript.add(offer.encoded);
  transcript.add(message.message.whole);
  const negotiated = {
    offer,
    suite,
    randoms: { client: offer.hello.random, server: hello.random.slice() },
    alpn: chosenProtocol(context, extensions),
    recordLimits: recordLimits(config, extensions),
    ticketPromised: promised('session_ticket', extensions.get(EXTENSION.session_ticket)),
    transcript,
  };
  const actions: Action[] = [
    { action: 'apply-rules', rules: RULES.handshake12 },
    { action: 'limit-records', sendBytes: LIMITS.plaintextBytes + 1, receiveBytes: LIMITS.plaintextBytes },
    { action: 'seal-with', sealer: new PlainSealer(VERSION.tls12) },
  ];
  if (resumed === null)
    return {
      state: { ...negotiated, state: 'tls12-expect-certificate', secrets: NO_SECRETS, statusPromised },
      actions,
    };

  if (negotiated.alpn !== resumed.alpn)
    throw new TlsError('illegal-parameter', 'another protocol than in the session that is resumed');
  transcript.forgetMessages();
  const master = resumed.resumptionSecret.slice();
  const next = expectServersLast({
    ...negotiated,
    group: resumed.group,
    scheme: resumed.signatureScheme,
    peer: resumed.peer,
    resumed,
    secrets: { master },
    ...protection12(crypto, suite, master, negotiated.randoms, 'client'),
  });
  actions.push(...logSecrets(config, negotiated.randoms.client, { CLIENT_RANDOM: master }));
  return { state: next.state, actions: [...actions, ...next.actions] };
}

/** supported_groups does not belong there (RFC 8422 section 4), but some servers send it, and it is ignored. */
const SERVER_HELLO_EXTENSIONS = [
  EXTENSION.server_name,
  EXTENSION.supported_groups,
  EXTENSION.status_request,
  EXTENSION.ec_point_formats,
  EXTENSION.application_layer_protocol_negotiation,
  EXTENSION.extended_master_secret,
  EXTENSION.record_size_limit,
  EXTENSION.session_ticket,
  EXTENSION.renegotiation_info,
];

function chosenSuite(config: ClientConfig, hello: ServerHello): Tls12SuiteName {
  const suite = tls12SuiteByCodePoint(hello.cipherSuite);
  if (suite === undefined || !config.tls12Suites.includes(suite))
    throw new TlsError('illegal-parameter', `cipher suite 0x${hello.cipherSuite.toString(16)} was not offered`);
  return suite;
}

/** What makes TLS 1.2 as strong as we want it, and answers that say nothing but must say it well. */
function requireSafe(extensions: Extensions): void {
  const renegotiation = extensions.get(EXTENSION.renegotiation_info);
  if (renegotiation !== undefined && decodeRenegotiationInfo(renegotiation).length > 0)
    throw new TlsError('renegotiation-mismatch');
  const extendedMasterSecret = extensions.get(EXTENSION.extended_master_secret);
  if (extendedMasterSecret !== undefined) decodeEmpty('extended_master_secret', extendedMasterSecret);
  const serverName = extensions.get(EXTENSION.server_name);
  if (serverName !== undefined) decodeEmpty('server_name', serverName);
  const pointFormats = extensions.get(EXTENSION.ec_point_formats);
  if (pointFormats !== undefined && !decodePointFormats(pointFormats))
    throw new TlsError('illegal-parameter', 'ec_point_formats without uncompressed points');
  // RFC 5746 section 4.1: without it, an attacker can put its own data before ours in what the server takes for one stream.
  if (renegotiation === undefined) throw new TlsError('secure-renegotiation-missing');
  // RFC 7627 section 5.2, and 5.3 for a resumption: all our sessions have it.
  if (extendedMasterSecret === undefined) throw new TlsError('extended-master-secret-missing');
}

function promised(name: string, body: Bytes | undefined): boolean {
  if (body === undefined) return false;
  decodeEmpty(name, body);
  return true;
}

/** RFC 8449 section 4: TLS 1.2 counts no type byte. */
function recordLimits(config: ClientConfig, extensions: Extensions) {
  const unlimited = { sendBytes: LIMITS.plaintextBytes, receiveBytes: LIMITS.plaintextBytes };
  const body = extensions.get(EXTENSION.record_size_limit);
  if (body === undefined || config.recordSizeLimit === null) return unlimited;
  const sendBytes = decodeU16('record_size_limit', body);
  if (sendBytes < 64 || sendBytes > LIMITS.plaintextBytes + 1)
    throw new TlsError('illegal-parameter', `record_size_limit ${sendBytes}`);
  return {
    sendBytes: Math.min(sendBytes, LIMITS.plaintextBytes),
    receiveBytes: Math.min(config.recordSizeLimit, LIMITS.plaintextBytes),
  };
}

/** RFC 5077 section 3.4: a server that takes the ticket returns the session id that came with it. */
function resumedTicket({ hello: ours, ticket12 }: Offer, hello: ServerHello, suite: Tls12SuiteName): Ticket | null {
  if (hello.sessionId.length === 0 || !equal(hello.sessionId, ours.sessionId)) return null;
  // RFC 8446 appendix D.4: without a ticket ours names no session, and nobody can resume it.
  if (ticket12 === null) throw new TlsError('illegal-parameter', 'session_id of a session that cannot be');
  if (suite !== ticket12.suite)
    throw new TlsError('illegal-parameter', `${suite} resumes a session of ${ticket12.suite}`);
  return ticket12;
}
