import { ascii, type Bytes, concat, EMPTY } from '../../../src/core/bytes.ts';
import { NAMED_GROUPS } from '../../../src/crypto/named-groups.ts';
import { encodeCookie, encodeKeyShareEntry, encodeU16 } from '../../../src/engine/codec/extensions.ts';
import {
  encodeFinished,
  encodeServerHello,
  handshakeMessage,
  type ServerHello,
} from '../../../src/engine/codec/messages.ts';
import { EXTENSION, HANDSHAKE_TYPE, HELLO_RETRY_REQUEST_RANDOM } from '../../../src/engine/codec/registry.ts';

import type { ServerScript } from '../scripted-server.ts';
import { type Attacks, changedHello, duplicated, withExtensions } from './attack.ts';

const p256Share = concat(Uint8Array.of(4), new Uint8Array(64));

/** Wrong answers to a ClientHello: RFC 8446 sections 4.1.3, 4.1.4 and 4.2.8. */
export const HELLO_ATTACKS: Attacks = {
  'another message instead of ServerHello': {
    why: 'unexpected-message',
    script: { serverHello: () => encodeFinished(new Uint8Array(32)) },
  },
  'a ServerHello cut short': {
    why: 'decode-error',
    script: {
      serverHello: (hello) => handshakeMessage(HANDSHAKE_TYPE.server_hello, (body) => body.bytes(hello.random)),
    },
  },
  'a ServerHello with compression': {
    why: 'decode-error',
    script: changedHello((hello) => ({ ...hello, compressionMethod: 1 })),
  },
  'a ServerHello that does not echo the session id': {
    why: 'illegal-parameter',
    script: changedHello((hello) => ({ ...hello, sessionId: EMPTY })),
  },
  'a ServerHello with a suite that was not offered': {
    why: 'illegal-parameter',
    config: { suites: ['TLS_AES_256_GCM_SHA384'] },
  },
  'a ServerHello with a suite that nobody knows': {
    why: 'illegal-parameter',
    script: changedHello((hello) => ({ ...hello, cipherSuite: 0x13ff })),
  },
  'a ServerHello of TLS 1.3 with another legacy version': {
    why: 'illegal-parameter',
    script: changedHello((hello) => ({ ...hello, legacyVersion: 0x0304 })),
  },
  'a ServerHello with a version that was not offered in supported_versions': {
    why: 'illegal-parameter',
    script: changedHello((hello) => withExtensions(hello, [EXTENSION.supported_versions, encodeU16(0x0303)])),
  },
  'a ServerHello of TLS 1.2': { why: 'version-not-supported', script: changedHello(asTls12) },
  'a downgrade to TLS 1.2 of a server that knows better': {
    why: 'downgrade-detected',
    script: changedHello((hello) => asTls12({ ...hello, random: tls12Random(1) })),
  },
  'a downgrade to TLS 1.1 of a server that knows better': {
    why: 'downgrade-detected',
    script: changedHello((hello) => asTls12({ ...hello, random: tls12Random(0) })),
  },
  'a ServerHello without key_share': {
    why: 'missing-extension',
    script: changedHello((hello) => withExtensions(hello, [EXTENSION.key_share, null])),
  },
  'a ServerHello with pre_shared_key when none was offered': {
    why: 'unsolicited-extension',
    script: changedHello((hello) => withExtensions(hello, [EXTENSION.pre_shared_key, encodeU16(0)])),
  },
  'a ServerHello with an extension of EncryptedExtensions': {
    why: 'misplaced-extension',
    script: changedHello((hello) => withExtensions(hello, [EXTENSION.server_name, EMPTY])),
  },
  'a ServerHello with an extension twice': {
    why: 'decode-error',
    script: {
      serverHello: (hello) =>
        duplicated(
          encodeServerHello(withExtensions(hello, [EXTENSION.server_name, EMPTY])),
          EXTENSION.supported_versions,
          EXTENSION.server_name,
        ),
    },
  },
  'a share of a group that no share was sent for': {
    why: 'illegal-parameter',
    script: changedHello((hello) =>
      withExtensions(hello, [
        EXTENSION.key_share,
        encodeKeyShareEntry({ group: NAMED_GROUPS.secp256r1.codePoint, share: p256Share }),
      ]),
    ),
  },
  'a share of another length': {
    why: 'bad-key-share',
    script: changedHello((hello) =>
      withExtensions(hello, [
        EXTENSION.key_share,
        encodeKeyShareEntry({ group: NAMED_GROUPS.x25519.codePoint, share: new Uint8Array(31).fill(9) }),
      ]),
    ),
  },
  'a share of small order': {
    why: 'bad-key-share',
    script: changedHello((hello) =>
      withExtensions(hello, [
        EXTENSION.key_share,
        encodeKeyShareEntry({ group: NAMED_GROUPS.x25519.codePoint, share: new Uint8Array(32) }),
      ]),
    ),
  },
  'a share that is not on the curve': {
    why: 'bad-key-share',
    config: { keyShareGroups: ['secp256r1'] },
    script: changedHello((hello) =>
      withExtensions(hello, [
        EXTENSION.key_share,
        encodeKeyShareEntry({ group: NAMED_GROUPS.secp256r1.codePoint, share: p256Share }),
      ]),
    ),
  },
  'an empty share': {
    why: 'decode-error',
    script: changedHello((hello) => withExtensions(hello, [EXTENSION.key_share, Uint8Array.of(0, 29, 0, 0)])),
  },

  // HelloRetryRequest

  'a second HelloRetryRequest': {
    why: 'second-hello-retry-request',
    script: {
      retry: { cookie: ascii('a') },
      serverHello: (hello) =>
        encodeServerHello(
          withExtensions(
            { ...hello, random: HELLO_RETRY_REQUEST_RANDOM },
            [EXTENSION.key_share, null],
            [EXTENSION.cookie, encodeCookie(ascii('b'))],
          ),
        ),
    },
  },
  'a HelloRetryRequest that changes nothing': {
    why: 'hello-retry-request-without-effect',
    script: { retry: {} },
  },
  'a HelloRetryRequest for a share that was sent': {
    why: 'hello-retry-request-without-effect',
    script: { retry: { group: 'x25519' } },
  },
  'a HelloRetryRequest for a group that was not offered': {
    why: 'illegal-parameter',
    script: { retry: { group: 'secp384r1' } },
  },
  'a HelloRetryRequest for a group that nobody knows': {
    why: 'illegal-parameter',
    script: changedRetry((hello) => withExtensions(hello, [EXTENSION.key_share, encodeU16(0x4242)])),
  },
  'a HelloRetryRequest with an empty cookie': { why: 'decode-error', script: { retry: { cookie: EMPTY } } },
  'a HelloRetryRequest with an unknown extension': {
    why: 'unsolicited-extension',
    script: changedRetry((hello) => withExtensions(hello, [4242, EMPTY])),
  },
  'a HelloRetryRequest with an extension of EncryptedExtensions': {
    why: 'misplaced-extension',
    script: changedRetry((hello) => withExtensions(hello, [EXTENSION.server_name, EMPTY])),
  },
  'a HelloRetryRequest of TLS 1.2': { why: 'version-not-supported', script: changedRetry(asTls12) },
  'a HelloRetryRequest that does not echo the session id': {
    why: 'illegal-parameter',
    script: changedRetry((hello) => ({ ...hello, sessionId: ascii('other') })),
  },
  'another suite than in HelloRetryRequest': {
    why: 'illegal-parameter',
    script: {
      retry: { group: 'secp256r1' },
      serverHello: (hello) => encodeServerHello({ ...hello, cipherSuite: 0x1302 }),
    },
  },
  'another version than in HelloRetryRequest': {
    why: 'illegal-parameter',
    script: { retry: { group: 'secp256r1' }, ...changedHello(asTls12) },
  },
  'another group than in HelloRetryRequest': {
    why: 'illegal-parameter',
    script: {
      retry: { group: 'secp256r1' },
      ...changedHello((hello) =>
        withExtensions(hello, [
          EXTENSION.key_share,
          encodeKeyShareEntry({ group: NAMED_GROUPS.x25519.codePoint, share: new Uint8Array(32).fill(9) }),
        ]),
      ),
    },
  },
  'a cookie in ServerHello': {
    why: 'unsolicited-extension',
    script: changedHello((hello) => withExtensions(hello, [EXTENSION.cookie, encodeCookie(ascii('a'))])),
  },
};

function changedRetry(change: (hello: ServerHello) => ServerHello): ServerScript {
  return { retry: { group: 'secp256r1' }, helloRetryRequest: (hello) => encodeServerHello(change(hello)) };
}

function tls12Random(end: number): Bytes {
  return concat(new Uint8Array(24), ascii('DOWNGRD'), Uint8Array.of(end));
}

function asTls12(hello: ServerHello): ServerHello {
  return { ...hello, extensions: new Map() };
}
