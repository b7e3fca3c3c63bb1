import { type Bytes, concat, hex } from '../../src/core/bytes.ts';
import { TlsError } from '../../src/core/failures.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import type { CertificateVerifier } from '../../src/engine/answer.ts';
import { ClientConnection } from '../../src/engine/client.ts';
import * as extensions from '../../src/engine/codec/extensions.ts';
import * as messages from '../../src/engine/codec/messages.ts';
import { readCompressions } from '../../src/engine/own-certificate.ts';
import { readHostName } from '../../src/engine/server/client-offer.ts';
import { authority, serverCertificate } from '../support/certificates.ts';
import { acceptAnyCertificate, ConnectionDriver } from '../support/connection-driver.ts';
import { exchange, testConfig } from '../support/conversation.ts';
import { ScriptedServer, type ServerScript } from '../support/scripted-server.ts';
import { CERTIFICATE_TARGETS } from './certificate-targets.ts';
import { CONVERSATION_TARGETS } from './conversation-targets.ts';
import { ECH_TARGETS } from './ech-targets.ts';
import { KEY_TARGETS } from './key-targets.ts';
import { OPENSSL_TARGETS } from './openssl-targets.ts';
import { REVOCATION_TARGETS } from './revocation-targets.ts';
import { SERVER_TARGETS } from './server-targets.ts';
import { SURROUNDING_TARGETS } from './surrounding-targets.ts';
import type { Target } from './target.ts';
import { TLS12_TARGETS } from './tls12-targets.ts';

const CA = authority('tlsify fuzz root');
const LEAF = serverCertificate(CA, { dns: ['localhost', '*.example.com'], ip: ['127.0.0.1', '::1'] });
const EXTENSIONS = new Map([
  [0, Uint8Array.of(0, 12, 0, 0, 9, ...Buffer.from('localhost'))],
  [43, Uint8Array.of(3, 4)],
  [51, extensions.encodeKeyShares([{ group: 29, share: new Uint8Array(32).fill(7) }])],
  [16, extensions.encodeProtocolNames([Buffer.from('h2'), Buffer.from('http/1.1')])],
]);
const HELLO = {
  legacyVersion: 0x0303,
  random: new Uint8Array(32).fill(1),
  sessionId: new Uint8Array(32).fill(2),
  extensions: EXTENSIONS,
} as const;

export const TARGETS: Readonly<Record<string, Target>> = {
  'handshake messages': parser(
    [
      messages.encodeServerHello({ ...HELLO, cipherSuite: 0x1301, compressionMethod: 0 }),
      messages.encodeClientHello({ ...HELLO, cipherSuites: [0x1301, 0x1302], compressionMethods: Uint8Array.of(0) }),
      messages.encodeEncryptedExtensions(EXTENSIONS),
      messages.encodeCertificate({
        context: new Uint8Array(0),
        entries: [LEAF, CA].map(({ der }) => ({ certificate: der, extensions: EXTENSIONS })),
      }),
      messages.encodeCertificateRequest({ context: Uint8Array.of(1), extensions: EXTENSIONS }),
      messages.encodeCertificateVerify({ scheme: 0x0403, signature: new Uint8Array(70) }),
      messages.encodeKeyUpdate('update_requested'),
    ].map((message) => message.subarray(4)),
    [TlsError],
    [
      roundTrip(messages.decodeServerHello, messages.encodeServerHello),
      roundTrip(messages.decodeClientHello, messages.encodeClientHello),
      roundTrip(messages.decodeEncryptedExtensions, messages.encodeEncryptedExtensions),
      roundTrip(messages.decodeCertificate, messages.encodeCertificate),
      roundTrip(messages.decodeCertificateRequest, messages.encodeCertificateRequest),
      roundTrip(messages.decodeCompressedCertificate, messages.encodeCompressedCertificate),
      roundTrip(messages.decodeCertificateVerify, messages.encodeCertificateVerify),
      roundTrip(messages.decodeNewSessionTicket, messages.encodeNewSessionTicket),
      roundTrip(messages.decodeKeyUpdate, messages.encodeKeyUpdate),
    ],
  ),
  'extensions': parser(
    [
      ...EXTENSIONS.values(),
      extensions.encodeCookie(Uint8Array.of(1, 2, 3)),
      extensions.encodeOcspResponse(Uint8Array.of(1, 2, 3)),
      extensions.encodePskModes([0, 1]),
      extensions.encodeAuthorities([Uint8Array.of(1), Uint8Array.of(2, 3)]),
      extensions.encodeShortCodePoints([1, 2, 3]),
      extensions.OCSP_REQUEST,
      new Uint8Array(0),
    ],
    [TlsError],
    [
      sameAgain(extensions.decodeServerName, extensions.encodeServerName),
      sameAgain(extensions.decodeProtocolNames, extensions.encodeProtocolNames),
      sameAgain((body) => extensions.decodeCodePoints('', body), extensions.encodeCodePoints),
      sameAgain((body) => extensions.decodeShortCodePoints('', body), extensions.encodeShortCodePoints),
      sameAgain((body) => extensions.decodeU16('', body), extensions.encodeU16),
      sameAgain((body) => extensions.decodeU32('', body), extensions.encodeU32),
      sameAgain(extensions.decodeCookie, extensions.encodeCookie),
      sameAgain(extensions.decodeKeyShareEntry, extensions.encodeKeyShareEntry),
      sameAgain(extensions.decodeKeyShares, extensions.encodeKeyShares),
      sameAgain(extensions.decodePskModes, extensions.encodePskModes),
      sameAgain(extensions.decodeAuthorities, extensions.encodeAuthorities),
      sameAgain(extensions.decodeOcspResponse, extensions.encodeOcspResponse),
      extensions.decodeOcspRequest,
      (body) => extensions.decodeEmpty('', body),
      readCompressions,
      (body) => {
        const name = readHostName(body);
        if (name !== name.toLowerCase() || /[^\x21-\x7e]/.test(name)) throw new Error(`the name ${name}`);
      },
    ],
  ),
  ...CERTIFICATE_TARGETS,
  ...KEY_TARGETS,
  ...OPENSSL_TARGETS,
  ...REVOCATION_TARGETS,
  ...SERVER_TARGETS,
  ...TLS12_TARGETS,
  ...CONVERSATION_TARGETS,
  ...SURROUNDING_TARGETS,
  ...ECH_TARGETS,
  'records of a server': {
    seeds: [
      Uint8Array.of(22, 3, 3, 0, 4, 2, 0, 0, 0),
      Uint8Array.of(20, 3, 3, 0, 1, 1),
      Uint8Array.of(21, 3, 3, 0, 2, 2, 40),
    ],
    run: (input) => survives({}, (bytes) => concat(input, bytes)),
    runs: 400,
  },
  'messages after the handshake': {
    seeds: [
      messages.encodeKeyUpdate('update_requested'),
      messages.encodeNewSessionTicket({
        lifetimeSeconds: 60,
        ageAdd: 0xfedcba98,
        nonce: Uint8Array.of(0),
        ticket: Uint8Array.of(1, 2, 3),
        extensions: EXTENSIONS,
      }),
    ],
    run: (input) => survives({ behindFinished: input }),
    runs: 400,
  },
  ...Object.fromEntries(
    (['serverHello', 'certificate', 'certificateVerify'] as const).map((hook) => [
      `${hook} in a handshake`,
      connection(
        hook,
        {
          serverHello: messages.encodeServerHello,
          certificate: messages.encodeCertificate,
          certificateVerify: messages.encodeCertificateVerify,
        }[hook] as (message: never) => Bytes,
      ),
    ]),
  ),
};

function parser(
  seeds: readonly Bytes[],
  expected: readonly (new (...args: never[]) => Error)[],
  parsers: readonly ((input: Bytes) => void)[],
): Target {
  return {
    seeds,
    runs: 20_000,
    run: (input) => {
      for (const parse of parsers) {
        try {
          parse(input);
        } catch (error) {
          if (!expected.some((type) => error instanceof type)) throw error;
        }
      }
    },
  };
}

/**
 * What was read must be written as the same bytes again: otherwise there are two spellings of one thing. The one that there is: a
 * hello may have an empty block of extensions or none (RFC 5246 section 7.4.1.2).
 */
function roundTrip<Message>(
  decode: (body: Bytes) => Message,
  encode: (message: Message) => Bytes,
): (input: Bytes) => void {
  return (input) => {
    const again = encode(decode(input)).subarray(4);
    if (![hex(input), `${hex(input)}0000`].includes(hex(again)))
      throw new Error(`reads ${hex(input)} and writes ${hex(again)}`);
  };
}

/** As {@link roundTrip}, for the body of an extension. */
function sameAgain<Value>(decode: (body: Bytes) => Value, encode: (value: Value) => Bytes): (input: Bytes) => void {
  return (input) => {
    const again = encode(decode(input));
    if (hex(again) !== hex(input)) throw new Error(`reads ${hex(input)} and writes ${hex(again)}`);
  };
}

/** The input is a pattern of changes, applied by exclusive or to the message that the handshake needs at that point. */
function connection(
  hook: 'serverHello' | 'certificate' | 'certificateVerify',
  encode: (message: never) => Bytes,
): Target {
  return {
    seeds: [new Uint8Array(64), new Uint8Array(700)],
    run: (input) =>
      survives({
        [hook]: (message: never) =>
          encode(message).map((byte, index) => (index < 4 ? byte : byte ^ (input[index] ?? 0))),
      }),
    runs: 400,
  };
}

/** Refuses what cannot be read, as the real one, and accepts the rest. */
const verifier: CertificateVerifier = (chain, ocspResponse, publicName) => {
  try {
    return acceptAnyCertificate(chain, ocspResponse, publicName);
  } catch {
    return { answer: 'refused', failure: new TlsError('certificate-malformed').failure };
  }
};

/** A client meets that server: it ends in a failure that is not ours, or it is open. It never throws, and never says much. */
async function survives(script: ServerScript, change: (bytes: Bytes) => Bytes = (bytes) => bytes): Promise<void> {
  const client = new ConnectionDriver(new ClientConnection(testConfig(), nodeCrypto), verifier);
  const server = new ScriptedServer(script);
  await client.start();
  await server.hear(client.takeNetwork());
  await client.receive(change(server.take()));
  const { failure } = client;
  if (failure?.kind === 'internal') throw new Error(`${failure.why}: ${failure.detail}`);
  if (client.log.length > 100) throw new Error(`${client.log.length} outputs`);
  if (failure === undefined && client.session !== undefined) await exchange({ client, server });
}
