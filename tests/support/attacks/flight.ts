import { ascii, type Bytes, concat, EMPTY } from '../../../src/core/bytes.ts';
import { LIMITS } from '../../../src/core/limits.ts';
import { SIGNATURE_SCHEMES } from '../../../src/crypto/signature-schemes.ts';
import {
  type Extensions,
  encodeAuthorities,
  encodeCodePoints,
  encodeKeyShareEntry,
  encodeProtocolNames,
  encodeServerName,
  encodeU16,
} from '../../../src/engine/codec/extensions.ts';
import { isGrease } from '../../../src/engine/codec/grease.ts';
import {
  encodeCertificate,
  encodeCertificateRequest,
  encodeCertificateVerify,
  encodeCompressedCertificate,
  encodeEncryptedExtensions,
  encodeFinished,
  handshakeMessage,
} from '../../../src/engine/codec/messages.ts';
import { EXTENSION, HANDSHAKE_TYPE } from '../../../src/engine/codec/registry.ts';
import type { ServerScript } from '../scripted-server.ts';
import { type Attack, type Attacks, duplicated } from './attack.ts';

const schemes = encodeCodePoints([SIGNATURE_SCHEMES.ed25519.codePoint]);
const request = (context: Bytes, ...pairs: [number, Bytes][]): ServerScript => ({
  certificateRequest: encodeCertificateRequest({ context, extensions: new Map(pairs) }),
});
const compressed = (algorithm: number, uncompressedBytes: number, body: Bytes): ServerScript => ({
  certificate: () => encodeCompressedCertificate({ algorithm, uncompressedBytes, compressed: body }),
});
const p256Share = concat(Uint8Array.of(4), new Uint8Array(64));

/** A server's wrong flight, from EncryptedExtensions to Finished: RFC 8446 sections 4.3 and 4.4. */
export const FLIGHT_ATTACKS: Attacks = {
  'EncryptedExtensions left out': {
    why: 'unexpected-message',
    script: { encryptedExtensions: encodeCertificate({ context: EMPTY, entries: [] }) },
  },
  'EncryptedExtensions without their length': {
    why: 'decode-error',
    script: { encryptedExtensions: handshakeMessage(HANDSHAKE_TYPE.encrypted_extensions, () => {}) },
  },
  'an extension twice in EncryptedExtensions': {
    why: 'decode-error',
    script: {
      encryptedExtensions: duplicated(
        encodeEncryptedExtensions(encryptedExtensions([EXTENSION.server_name, EMPTY], [4242, EMPTY])),
        EXTENSION.server_name,
        4242,
      ),
    },
  },
  'an extension in EncryptedExtensions that was not asked for': {
    why: 'unsolicited-extension',
    config: { alpn: [] },
    script: {
      encryptedExtensions: encryptedExtensions([
        EXTENSION.application_layer_protocol_negotiation,
        encodeProtocolNames([ascii('h2')]),
      ]),
    },
  },
  'an extension of ServerHello in EncryptedExtensions': {
    why: 'misplaced-extension',
    script: {
      encryptedExtensions: encryptedExtensions([
        EXTENSION.key_share,
        encodeKeyShareEntry({ group: 29, share: p256Share }),
      ]),
    },
  },
  'the reserved extension that was offered, sent back': {
    why: 'misplaced-extension',
    script: {
      encryptedExtensions: (hello) => new Map([[[...hello.extensions.keys()].find(isGrease) as number, EMPTY]]),
    },
    config: { grease: true },
  },
  'a server name in its acknowledgement': {
    why: 'decode-error',
    script: { encryptedExtensions: encryptedExtensions([EXTENSION.server_name, encodeServerName(ascii('localhost'))]) },
  },
  'an acknowledged server name that was not sent': {
    why: 'unsolicited-extension',
    config: { serverName: null },
    script: { encryptedExtensions: encryptedExtensions([EXTENSION.server_name, EMPTY]) },
  },
  'an application protocol that was not offered': {
    why: 'unsolicited-alpn',
    config: { alpn: ['h2'] },
    script: {
      encryptedExtensions: encryptedExtensions([
        EXTENSION.application_layer_protocol_negotiation,
        encodeProtocolNames([ascii('h3')]),
      ]),
    },
  },
  'two application protocols': {
    why: 'decode-error',
    config: { alpn: ['h2', 'h3'] },
    script: {
      encryptedExtensions: encryptedExtensions([
        EXTENSION.application_layer_protocol_negotiation,
        encodeProtocolNames([ascii('h2'), ascii('h3')]),
      ]),
    },
  },
  'empty supported_groups in EncryptedExtensions': {
    why: 'decode-error',
    script: { encryptedExtensions: encryptedExtensions([EXTENSION.supported_groups, encodeCodePoints([])]) },
  },
  ...Object.fromEntries(
    [0, 63, LIMITS.plaintextBytes + 2].map((limit) => [
      `a record_size_limit of ${limit}`,
      {
        why: 'illegal-parameter',
        script: { encryptedExtensions: encryptedExtensions([EXTENSION.record_size_limit, encodeU16(limit)]) },
      } satisfies Attack,
    ]),
  ),

  // CertificateRequest

  'a CertificateRequest with a context': {
    why: 'decode-error',
    script: request(ascii('x'), [EXTENSION.signature_algorithms, schemes]),
  },
  'a CertificateRequest without signature_algorithms': { why: 'missing-extension', script: request(EMPTY) },
  'a CertificateRequest with an empty list of authorities': {
    why: 'decode-error',
    script: request(
      EMPTY,
      [EXTENSION.signature_algorithms, schemes],
      [EXTENSION.certificate_authorities, encodeAuthorities([])],
    ),
  },
  'two CertificateRequests': {
    why: 'unexpected-message',
    script: {
      certificateRequest: concat(
        ...[0, 1].map(() =>
          encodeCertificateRequest({
            context: EMPTY,
            extensions: new Map([[EXTENSION.signature_algorithms, schemes]]),
          }),
        ),
      ),
    },
  },

  // Certificate

  'no Certificate message': { why: 'unexpected-message', script: { certificate: () => EMPTY } },
  'a Certificate message without certificates': {
    why: 'no-certificate',
    script: { certificate: (message) => encodeCertificate({ ...message, entries: [] }) },
  },
  'a Certificate message with a context': {
    why: 'decode-error',
    script: { certificate: (message) => encodeCertificate({ ...message, context: ascii('x') }) },
  },
  'a longer chain than is read': {
    why: 'certificate-chain-too-long',
    script: {
      certificate: (message) =>
        encodeCertificate({
          ...message,
          entries: Array.from({ length: LIMITS.certificateEntries + 1 }, () => message.entries[0] as never),
        }),
    },
  },
  'an extension of a certificate that was not asked for': {
    why: 'unsolicited-extension',
    config: { requestOcsp: false },
    script: {
      certificate: ({ context, entries }) =>
        encodeCertificate({
          context,
          entries: entries.map((entry) => ({
            ...entry,
            extensions: new Map([[EXTENSION.status_request, Uint8Array.of(1, 0, 0, 1, 0)]]),
          })),
        }),
    },
  },
  'a staple that is empty': {
    why: 'decode-error',
    script: {
      certificate: ({ context, entries }) =>
        encodeCertificate({
          context,
          entries: entries.map((entry) => ({
            ...entry,
            extensions: new Map([[EXTENSION.status_request, Uint8Array.of(1, 0, 0, 0)]]),
          })),
        }),
    },
  },
  'a Certificate message above the limit': {
    why: 'message-too-large',
    script: {
      certificate: () => Uint8Array.of(HANDSHAKE_TYPE.certificate, 2, 0, 0),
    },
  },
  'a certificate that the verifier refuses': {
    why: 'certificate-unknown-issuer',
    verifier: () => ({
      answer: 'refused',
      failure: { kind: 'certificate-rejected', why: 'certificate-unknown-issuer', detail: 'CN=nobody' },
    }),
  },
  'a compression that was not offered': {
    why: 'illegal-parameter',
    config: { certificateCompressions: ['brotli'] },
    script: compressed(1, 10, ascii('x')),
  },
  'a compressed certificate that is none': {
    why: 'certificate-decompression-failed',
    script: compressed(1, 10, ascii('not zlib')),
  },
  'a compressed certificate of another length than it says': {
    why: 'certificate-decompression-failed',
    // zlib: five stored bytes.
    script: compressed(1, 6, Uint8Array.of(0x78, 1, 1, 5, 0, 0xfa, 0xff, 0, 0, 0, 0, 0, 0, 5, 0, 1)),
  },
  'a compressed certificate that would be above the limit': {
    why: 'message-too-large',
    script: compressed(1, LIMITS.certificateMessageBytes + 1, ascii('x')),
  },

  // CertificateVerify, Finished

  'no CertificateVerify': { why: 'unexpected-message', script: { certificateVerify: () => EMPTY } },
  'a signature scheme that was not offered': {
    why: 'wrong-signature-scheme',
    config: { signatureSchemes: ['ed25519'] },
  },
  'a signature scheme for another type of key': {
    why: 'wrong-signature-scheme',
    script: {
      certificateVerify: (message) =>
        encodeCertificateVerify({ ...message, scheme: SIGNATURE_SCHEMES.rsa_pss_rsae_sha256.codePoint }),
    },
  },
  'PKCS#1 v1.5 in CertificateVerify': {
    why: 'wrong-signature-scheme',
    script: {
      certificateVerify: (message) =>
        encodeCertificateVerify({ ...message, scheme: SIGNATURE_SCHEMES.rsa_pkcs1_sha256.codePoint }),
    },
  },
  'a signature of something else': {
    why: 'bad-signature',
    script: {
      certificateVerify: ({ scheme, signature }) => {
        const wrong = signature.slice();
        wrong[wrong.length - 1] = (wrong[wrong.length - 1] as number) ^ 1;
        return encodeCertificateVerify({ scheme, signature: wrong });
      },
    },
  },
  'a wrong Finished': { why: 'bad-finished', script: { finished: () => encodeFinished(new Uint8Array(32)) } },
  'a Finished cut short': {
    why: 'bad-finished',
    script: { finished: (whole) => encodeFinished(whole.slice(4, -1)) },
  },
};

function encryptedExtensions(...pairs: [number, Bytes][]): Extensions {
  return new Map(pairs);
}
