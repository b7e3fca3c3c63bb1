import { concat } from '../../../src/core/bytes.ts';
import { encodeU16 } from '../../../src/engine/codec/extensions.ts';
import { encodeCertificate12 } from '../../../src/engine/codec/messages12.ts';
import { EXTENSION, HANDSHAKE_TYPE, SIGNALING_SUITE } from '../../../src/engine/codec/registry.ts';
import {
  type Attack,
  before,
  CCS,
  clientHello,
  FINISHED,
  message,
  WITH_CLIENT_CERTIFICATE,
  withClientExtension,
  without,
} from '../tls12-attacks.ts';

/** What a client does wrong to a server of TLS 1.2. */
export const CLIENT_ATTACKS12: Readonly<Record<string, Attack>> = {
  'a client without extended master secret': {
    why: 'extended-master-secret-missing',
    tamperClient: withClientExtension(EXTENSION.extended_master_secret, null),
  },
  'a client that takes our handshake for a second one': {
    why: 'renegotiation-mismatch',
    tamperClient: withClientExtension(EXTENSION.renegotiation_info, Uint8Array.of(1, 7)),
  },
  'a client that was made to fall back': {
    why: 'inappropriate-fallback',
    client: { maxVersion: 'TLSv1.2' },
    server: { maxVersion: 'TLSv1.3' },
    tamperClient: clientHello(({ cipherSuites }) => ({ cipherSuites: [...cipherSuites, SIGNALING_SUITE.fallback] })),
  },
  'compression and nothing else': {
    why: 'illegal-parameter',
    tamperClient: clientHello(() => ({ compressionMethods: Uint8Array.of(1) })),
  },
  'compressed points and nothing else': {
    why: 'illegal-parameter',
    tamperClient: withClientExtension(EXTENSION.ec_point_formats, Uint8Array.of(1, 1)),
  },
  'a name with a zero in it': {
    why: 'decode-error',
    tamperClient: withClientExtension(EXTENSION.server_name, Uint8Array.of(0, 6, 0, 0, 3, 0x61, 0, 0x62)),
  },
  'a record_size_limit that is too small': {
    why: 'illegal-parameter',
    tamperClient: withClientExtension(EXTENSION.record_size_limit, encodeU16(63)),
  },
  'suites without ECDHE and AEAD': {
    why: 'no-common-suite',
    tamperClient: clientHello(() => ({ cipherSuites: [0x002f, 0x009c, 0xc013, 0xc023, 0x009e] })),
  },
  'no groups': { why: 'no-common-group', tamperClient: withClientExtension(EXTENSION.supported_groups, null) },
  'no schemes, which means SHA-1': {
    why: 'no-common-signature-scheme',
    tamperClient: withClientExtension(EXTENSION.signature_algorithms, null),
  },
  'schemes without a certificate for them': {
    why: 'no-common-signature-scheme',
    client: { signatureSchemes: ['rsa_pss_rsae_sha256'] },
  },
  'more behind the ClientHello': {
    why: 'unaligned-key-change',
    tamperClient: message(HANDSHAKE_TYPE.client_hello, (whole) => concat(whole, Uint8Array.of(16))),
  },
  'a share of another length': {
    why: 'bad-key-share',
    tamperClient: message(HANDSHAKE_TYPE.client_key_exchange, () => Uint8Array.of(16, 0, 0, 2, 1, 9)),
  },
  'a share that agrees on zero': {
    why: 'bad-key-share',
    tamperClient: message(HANDSHAKE_TYPE.client_key_exchange, (whole) =>
      concat(whole.subarray(0, 5), new Uint8Array(32)),
    ),
  },
  'a certificate that was not asked for': {
    why: 'unexpected-message',
    tamperClient: message(HANDSHAKE_TYPE.client_key_exchange, (whole) => [encodeCertificate12([]), whole]),
  },
  'a certificate without a signature': {
    why: 'unexpected-record',
    ...WITH_CLIENT_CERTIFICATE,
    tamperClient: message(HANDSHAKE_TYPE.certificate_verify, () => []),
  },
  'a signature that was changed on its way': {
    why: 'bad-signature',
    ...WITH_CLIENT_CERTIFICATE,
    tamperClient: message(HANDSHAKE_TYPE.certificate_verify, (whole) =>
      whole.map((byte, at) => (at < 30 ? byte : byte ^ 1)),
    ),
  },
  'a signature by a scheme for other keys': {
    why: 'wrong-signature-scheme',
    ...WITH_CLIENT_CERTIFICATE,
    tamperClient: message(HANDSHAKE_TYPE.certificate_verify, (whole) =>
      concat(whole.subarray(0, 4), encodeU16(0x0807), whole.subarray(6)),
    ),
  },
  'a signature with SHA-1': {
    why: 'wrong-signature-scheme',
    ...WITH_CLIENT_CERTIFICATE,
    tamperClient: message(HANDSHAKE_TYPE.certificate_verify, (whole) =>
      concat(whole.subarray(0, 4), encodeU16(0x0203), whole.subarray(6)),
    ),
  },
  'an early change_cipher_spec': {
    why: 'unexpected-record',
    tamperClient: (action) =>
      action.action === 'send' && action.message[0] === HANDSHAKE_TYPE.client_key_exchange ? [CCS, action] : [action],
  },
  'a Finished without change_cipher_spec': {
    why: 'unexpected-record',
    tamperClient: without('send-change-cipher-spec'),
  },
  'a Finished of another handshake': {
    why: 'bad-finished',
    tamperClient: message(HANDSHAKE_TYPE.finished, () => FINISHED),
  },
  'a second handshake': {
    why: 'renegotiation-refused',
    tamperClient: before('open', [{ action: 'send', message: Uint8Array.of(1, 0, 0, 0) }]),
  },
  'a KeyUpdate': {
    why: 'unexpected-message',
    tamperClient: before('open', [{ action: 'send', message: Uint8Array.of(24, 0, 0, 1, 0) }]),
  },
};
