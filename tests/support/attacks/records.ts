import { ascii, concat, EMPTY } from '../../../src/core/bytes.ts';
import { LIMITS } from '../../../src/core/limits.ts';
import { encodeU16 } from '../../../src/engine/codec/extensions.ts';
import { encodeKeyUpdate, encodeServerHello } from '../../../src/engine/codec/messages.ts';
import { CONTENT_TYPE, EXTENSION, HANDSHAKE_TYPE } from '../../../src/engine/codec/registry.ts';
import { type Attacks, SILENT } from './attack.ts';

const part = Uint8Array.of(HANDSHAKE_TYPE.encrypted_extensions, 0);

/** Wrong records, and messages across a change of keys: RFC 8446 sections 5 and 6. */
export const RECORD_ATTACKS: Attacks = {
  'a peer that is no TLS server': {
    why: 'not-tls',
    script: SILENT,
    afterwards: ({ server }) => server.raw(ascii('220 hi\r\n')),
  },
  'a record of another major version': {
    why: 'bad-record-version',
    afterwards: ({ server }) => server.raw(Uint8Array.of(23, 2, 0, 0, 1, 0)),
  },
  'a record above 2^14 bytes before encryption': {
    why: 'record-overflow',
    script: SILENT,
    afterwards: ({ server }) => server.raw(Uint8Array.of(22, 3, 3, 0x40, 1)),
  },
  'a record above 2^14 + 256 bytes': {
    why: 'record-overflow',
    afterwards: ({ server }) => server.raw(Uint8Array.of(23, 3, 3, 0x41, 1)),
  },
  'a plaintext above 2^14 bytes': {
    why: 'record-overflow',
    afterwards: ({ server }) => server.record(CONTENT_TYPE.application_data, new Uint8Array(LIMITS.plaintextBytes + 1)),
  },
  'a plaintext of 2^14 bytes with padding': {
    why: 'record-overflow',
    afterwards: ({ server }) => server.padded(CONTENT_TYPE.application_data, new Uint8Array(LIMITS.plaintextBytes), 1),
  },
  'a record above what record_size_limit allows': {
    why: 'record-overflow',
    config: { recordSizeLimit: 1000 },
    script: { encryptedExtensions: new Map([[EXTENSION.record_size_limit, encodeU16(2000)]]) },
    afterwards: ({ server }) => server.record(CONTENT_TYPE.application_data, new Uint8Array(1000)),
  },
  'a record that does not decrypt': {
    why: 'bad-record-mac',
    afterwards: ({ server }) => server.raw(concat(Uint8Array.of(23, 3, 3, 0, 17), new Uint8Array(17))),
  },
  'a record that is shorter than its tag': {
    why: 'bad-record-mac',
    afterwards: ({ server }) => server.raw(concat(Uint8Array.of(23, 3, 3, 0, 15), new Uint8Array(15))),
  },
  'a record of padding alone': {
    why: 'record-without-type',
    afterwards: ({ server }) => server.record(0 as never, new Uint8Array(5)),
  },
  'an alert that is not encrypted, after the keys': {
    why: 'unexpected-record',
    afterwards: ({ server }) => server.raw(Uint8Array.of(21, 3, 3, 0, 2, 2, 40)),
  },
  'application data before the handshake': {
    why: 'unexpected-record',
    script: SILENT,
    afterwards: ({ server }) => server.raw(Uint8Array.of(22, 3, 3, 0, 1, 2, 23, 3, 3, 0, 1, 0)),
  },
  'application data within a handshake message': {
    why: 'unexpected-record',
    afterwards: ({ server }) => server.record(CONTENT_TYPE.handshake, Uint8Array.of(4)).data(ascii('x')),
  },
  'change_cipher_spec after the handshake': {
    why: 'unexpected-record',
    afterwards: ({ server }) => server.raw(Uint8Array.of(20, 3, 3, 0, 1, 1)),
  },
  'change_cipher_spec under protection': {
    why: 'unexpected-record',
    afterwards: ({ server }) => server.record(CONTENT_TYPE.change_cipher_spec, Uint8Array.of(1)),
  },
  'change_cipher_spec of another value': {
    why: 'bad-change-cipher-spec',
    script: SILENT,
    afterwards: ({ server }) => server.raw(Uint8Array.of(20, 3, 3, 0, 1, 2)),
  },
  'change_cipher_spec without end': {
    why: 'too-many-empty-records',
    script: SILENT,
    afterwards: ({ server }) => {
      for (let count = 0; count <= LIMITS.changeCipherSpecs; count++) server.raw(Uint8Array.of(20, 3, 3, 0, 1, 1));
    },
  },
  'an empty handshake record': {
    why: 'empty-record',
    afterwards: ({ server }) => server.record(CONTENT_TYPE.handshake, EMPTY),
  },
  'empty application data without end': {
    why: 'too-many-empty-records',
    afterwards: ({ server }) => {
      for (let count = 0; count <= LIMITS.emptyRecords; count++) server.record(CONTENT_TYPE.application_data, EMPTY);
    },
  },
  'an alert of three bytes': {
    why: 'bad-alert',
    afterwards: ({ server }) => server.record(CONTENT_TYPE.alert, Uint8Array.of(1, 0, 0)),
  },
  'a warning that TLS 1.3 does not have': {
    why: 'bad-alert',
    afterwards: ({ server }) => server.alert(1, 'unrecognized_name'),
  },
  'an alert of a third level': {
    why: 'unknown-alert-level',
    afterwards: ({ server }) => server.alert(3, 'unexpected_message'),
  },
  'user_canceled without end': {
    why: 'too-many-warnings',
    afterwards: ({ server }) => {
      for (let count = 0; count <= LIMITS.warningAlerts; count++) server.alert(1, 'user_canceled');
    },
  },
  'warnings before ServerHello without end': {
    why: 'too-many-warnings',
    script: SILENT,
    afterwards: ({ server }) => {
      for (let count = 0; count <= LIMITS.warningAlerts; count++) server.alert(1, 'unrecognized_name');
    },
  },

  // Key changes

  'bytes of a further message behind ServerHello': {
    why: 'unaligned-key-change',
    script: { behindServerHello: part },
  },
  'bytes of a further message behind HelloRetryRequest': {
    why: 'unaligned-key-change',
    script: { retry: { group: 'secp256r1' }, helloRetryRequest: (hello) => concat(encodeServerHello(hello), part) },
  },
  'bytes of a further message behind Finished': { why: 'unaligned-key-change', script: { behindFinished: part } },
  'bytes of a further message behind KeyUpdate': {
    why: 'unaligned-key-change',
    afterwards: ({ server }) =>
      server.record(CONTENT_TYPE.handshake, concat(encodeKeyUpdate('update_not_requested'), part)),
  },
};
