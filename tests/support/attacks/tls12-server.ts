import { ascii, type Bytes, concat, EMPTY } from '../../../src/core/bytes.ts';
import { LIMITS } from '../../../src/core/limits.ts';
import { ByteWriter } from '../../../src/core/writer.ts';
import { encodeCodePoints, encodeProtocolNames, encodeU16 } from '../../../src/engine/codec/extensions.ts';
import { decodeClientHello } from '../../../src/engine/codec/messages.ts';
import { encodeCertificate12, encodeEcdhParameters } from '../../../src/engine/codec/messages12.ts';
import { EXTENSION, HANDSHAKE_TYPE } from '../../../src/engine/codec/registry.ts';
import { Sealer12 } from '../../../src/engine/record/protection12.ts';
import type { Pair } from '../carry.ts';
import { serverCertificate } from '../certificates.ts';
import {
  type Attack,
  afterFinished,
  before,
  CCS,
  CERTIFICATE,
  FINISHED,
  keyExchange,
  message,
  serverHello,
  withClientExtension,
  without,
  withServerExtension,
} from '../tls12-attacks.ts';

const RSA = serverCertificate(undefined, { dns: ['localhost'] }, { key: 'rsa-2048' });

/** A record of that type and body, as nobody protects it. */
function record(type: number, body: Bytes): Bytes {
  return new ByteWriter().u8(type).u16(0x0303).vector16(body).finish();
}

/** Wrong answers to a ClientHello: RFC 5246 section 7.4.1.3. */
export const HELLO_ATTACKS12: Readonly<Record<string, Attack>> = {
  'a server without extended master secret': {
    why: 'extended-master-secret-missing',
    tamperServer: withServerExtension(EXTENSION.extended_master_secret, null),
  },
  'a server without secure renegotiation': {
    why: 'secure-renegotiation-missing',
    tamperServer: withServerExtension(EXTENSION.renegotiation_info, null),
  },
  'a server that takes our handshake for a second one': {
    why: 'renegotiation-mismatch',
    tamperServer: withServerExtension(EXTENSION.renegotiation_info, Uint8Array.of(1, 7)),
  },
  'a server that speaks TLS 1.3, where somebody took it out of the offer': {
    why: 'downgrade-detected',
    server: { maxVersion: 'TLSv1.3' },
    tamperClient: withClientExtension(EXTENSION.supported_versions, null),
  },
  'TLS 1.1': { why: 'version-not-supported', tamperServer: serverHello(() => ({ legacyVersion: 0x0302 })) },
  'a suite that was not offered': {
    why: 'illegal-parameter',
    tamperServer: serverHello(() => ({ cipherSuite: 0xc013 })),
  },
  'a suite of TLS 1.3': { why: 'illegal-parameter', tamperServer: serverHello(() => ({ cipherSuite: 0x1301 })) },
  'compression': { why: 'illegal-parameter', tamperServer: serverHello(() => ({ compressionMethod: 1 })) },
  'an extension of TLS 1.3': {
    why: 'misplaced-extension',
    tamperServer: withServerExtension(EXTENSION.key_share, encodeU16(29)),
  },
  'an extension that nobody asked for': {
    why: 'unsolicited-extension',
    tamperServer: withServerExtension(0x4242, EMPTY),
  },
  'a protocol that was not offered': {
    why: 'unsolicited-alpn',
    client: { alpn: ['a'] },
    tamperServer: withServerExtension(
      EXTENSION.application_layer_protocol_negotiation,
      encodeProtocolNames([ascii('b')]),
    ),
  },
  'no uncompressed points': {
    why: 'illegal-parameter',
    tamperServer: withServerExtension(EXTENSION.ec_point_formats, Uint8Array.of(1, 1)),
  },
  'a record_size_limit that is too small': {
    why: 'illegal-parameter',
    tamperServer: withServerExtension(EXTENSION.record_size_limit, encodeU16(63)),
  },
  'an extended master secret with a body': {
    why: 'decode-error',
    tamperServer: withServerExtension(EXTENSION.extended_master_secret, Uint8Array.of(0)),
  },
  'a change_cipher_spec before the ServerHello': {
    why: 'unexpected-record',
    tamperServer: (action) =>
      action.action === 'send' && action.message[0] === HANDSHAKE_TYPE.server_hello ? [CCS, action] : [action],
  },
};

/** An echo of a session id that stands for no session: it needs the client's own, which differs each time. */
export const ECHO: Attack = (() => {
  let sessionId: Bytes = EMPTY;
  return {
    why: 'illegal-parameter',
    tamperClient: (action) => {
      if (action.action === 'send' && action.message[0] === HANDSHAKE_TYPE.client_hello)
        sessionId = decodeClientHello(action.message.subarray(4)).sessionId;
      return [action];
    },
    tamperServer: (action) => serverHello(() => ({ sessionId }))(action),
  };
})();

/** What a server says wrong from Certificate to Finished. */
export const FLIGHT_ATTACKS12: Readonly<Record<string, Attack>> = {
  'no certificate': {
    why: 'no-certificate',
    tamperServer: message(HANDSHAKE_TYPE.certificate, () => encodeCertificate12([])),
  },
  'more certificates than any chain has': {
    why: 'certificate-chain-too-long',
    tamperServer: message(HANDSHAKE_TYPE.certificate, () =>
      encodeCertificate12(new Array(LIMITS.certificateEntries + 1).fill(CERTIFICATE.der)),
    ),
  },
  'a certificate whose key is for other suites': {
    why: 'illegal-parameter',
    tamperServer: message(HANDSHAKE_TYPE.certificate, () => encodeCertificate12([RSA.der])),
  },
  'a certificate on a curve that was not offered': {
    why: 'illegal-parameter',
    client: { groups: ['x25519'] },
    tamperClient: withClientExtension(EXTENSION.supported_groups, encodeCodePoints([0x1d, 0x17])),
  },
  'a group that was not offered': {
    why: 'illegal-parameter',
    client: { groups: ['x25519', 'secp256r1'] },
    tamperServer: keyExchange(() => ({ parameters: encodeEcdhParameters(24, new Uint8Array(97)) })),
  },
  'a hybrid group, which TLS 1.2 does not have': {
    why: 'illegal-parameter',
    client: { groups: ['X25519MLKEM768', 'x25519', 'secp256r1'] },
    tamperServer: keyExchange(() => ({ parameters: encodeEcdhParameters(0x11ec, new Uint8Array(32)) })),
  },
  'a share of another length': {
    why: 'bad-key-share',
    tamperServer: keyExchange(({ group }) => ({ parameters: encodeEcdhParameters(group, new Uint8Array(31)) })),
  },
  'an explicit curve': {
    why: 'decode-error',
    tamperServer: keyExchange(({ parameters }) => ({ parameters: concat(Uint8Array.of(1), parameters.subarray(1)) })),
  },
  'a share that was changed on its way': {
    why: 'bad-signature',
    tamperServer: keyExchange(({ group }) => ({ parameters: encodeEcdhParameters(group, new Uint8Array(32).fill(9)) })),
  },
  'a signature that was changed on its way': {
    why: 'bad-signature',
    tamperServer: keyExchange(({ signature }) => ({
      signature: signature.map((byte, at) => (at < 20 ? byte : byte ^ 1)),
    })),
  },
  'a scheme that was not offered': {
    why: 'wrong-signature-scheme',
    client: { signatureSchemes: ['ecdsa_secp256r1_sha256'] },
    tamperServer: keyExchange(() => ({ scheme: 0x0503 })),
  },
  'SHA-1': { why: 'wrong-signature-scheme', tamperServer: keyExchange(() => ({ scheme: 0x0203 })) },
  'a scheme for other suites': {
    why: 'wrong-signature-scheme',
    tamperServer: keyExchange(() => ({ scheme: 0x0804 })),
  },
  'a scheme for other keys': {
    why: 'wrong-signature-scheme',
    tamperServer: keyExchange(() => ({ scheme: 0x0807 })),
  },
  'no ServerKeyExchange': {
    why: 'unexpected-message',
    tamperServer: message(HANDSHAKE_TYPE.server_key_exchange, () => []),
  },
  'a ServerHelloDone with a body': {
    why: 'decode-error',
    tamperServer: message(HANDSHAKE_TYPE.server_hello_done, () => Uint8Array.of(14, 0, 0, 1, 0)),
  },
  'more behind ServerHelloDone': {
    why: 'unaligned-key-change',
    tamperServer: message(HANDSHAKE_TYPE.server_hello_done, (whole) => concat(whole, FINISHED.subarray(0, 5))),
  },
  'a HelloRequest within the handshake': {
    why: 'unexpected-message',
    tamperServer: message(HANDSHAKE_TYPE.server_hello_done, (whole) => [Uint8Array.of(0, 0, 0, 0), whole]),
  },
  'a CertificateRequest without schemes': {
    why: 'decode-error',
    tamperServer: message(HANDSHAKE_TYPE.server_hello_done, (whole) => [
      Uint8Array.of(13, 0, 0, 6, 1, 64, 0, 0, 0, 0),
      whole,
    ]),
  },
  'an early change_cipher_spec': {
    why: 'unexpected-record',
    tamperServer: (action) =>
      action.action === 'send' && action.message[0] === HANDSHAKE_TYPE.server_key_exchange ? [CCS, action] : [action],
  },
  'a promised ticket that does not come': {
    why: 'unexpected-record',
    tamperServer: message(HANDSHAKE_TYPE.new_session_ticket, () => []),
  },
  'a ticket that was not promised': {
    why: 'unexpected-record',
    client: { keepTickets: false },
    tamperServer: before('send-change-cipher-spec', [
      { action: 'send', message: Uint8Array.of(4, 0, 0, 7, 0, 0, 0, 9, 0, 1, 5) },
    ]),
  },
  'a Finished without change_cipher_spec': {
    why: 'unexpected-record',
    tamperServer: without('send-change-cipher-spec'),
  },
  'a second change_cipher_spec': { why: 'unexpected-record', tamperServer: before('send-change-cipher-spec', [CCS]) },
  'a Finished that is not protected': {
    why: 'bad-record-mac',
    tamperServer: (action) => (action.action === 'seal-with' && action.sealer instanceof Sealer12 ? [] : [action]),
  },
  'a Finished of another handshake': {
    why: 'bad-finished',
    tamperServer: message(HANDSHAKE_TYPE.finished, () => FINISHED),
  },
};

/** Messages where there are to be none any more. */
export const RENEGOTIATIONS: Readonly<Record<string, Attack>> = {
  'a request for a second handshake': {
    why: 'renegotiation-refused',
    tamperServer: afterFinished(Uint8Array.of(0, 0, 0, 0)),
  },
  'a HelloRequest with a body': { why: 'decode-error', tamperServer: afterFinished(Uint8Array.of(0, 0, 0, 1, 0)) },
  'a ticket after the handshake': {
    why: 'unexpected-message',
    tamperServer: afterFinished(Uint8Array.of(4, 0, 0, 7, 0, 0, 0, 9, 0, 1, 5)),
  },
  'a message in the record of the Finished': {
    why: 'unaligned-key-change',
    tamperServer: before('open', [{ action: 'send', message: Uint8Array.of(0, 0, 0, 0) }]),
  },
};

async function sendRaw(to: 'client' | 'server', { client, server }: Pair, bytes: Bytes): Promise<void> {
  await (to === 'client' ? client : server).receive(bytes);
}

/** Wrong records on an open connection. */
export const OPEN_ATTACKS12: Readonly<Record<string, Attack>> = {
  'a record that was changed on its way': {
    why: 'bad-record-mac',
    afterwards: async (pair) => {
      pair.server.connection.send(ascii('hello'));
      await pair.server.settle();
      const bytes = pair.server.takeNetwork();
      bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
      await pair.client.receive(bytes);
    },
  },
  'a record that comes twice': {
    why: 'bad-record-mac',
    afterwards: async (pair) => {
      pair.server.connection.send(ascii('hello'));
      await pair.server.settle();
      const bytes = pair.server.takeNetwork();
      await pair.client.receive(concat(bytes, bytes));
    },
  },
  'a record whose type was changed on its way': {
    why: 'bad-record-mac',
    afterwards: async (pair) => {
      pair.server.connection.send(ascii('hello'));
      await pair.server.settle();
      const bytes = pair.server.takeNetwork();
      bytes[0] = 22;
      await pair.client.receive(bytes);
    },
  },
  'a record that is too short for a tag': {
    why: 'bad-record-mac',
    afterwards: (pair) => sendRaw('client', pair, record(23, new Uint8Array(23))),
  },
  'a record that is not protected': {
    why: 'bad-record-mac',
    afterwards: (pair) => sendRaw('client', pair, record(21, new Uint8Array(40))),
  },
  'a change_cipher_spec after the handshake': {
    why: 'unexpected-record',
    afterwards: (pair) => sendRaw('client', pair, record(20, Uint8Array.of(1))),
  },
  'a record of another version': {
    why: 'bad-record-version',
    afterwards: (pair) => sendRaw('client', pair, concat(Uint8Array.of(23, 3, 1, 0, 40), new Uint8Array(40))),
  },
};
