import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ascii, type Bytes, concat, EMPTY } from '../../core/bytes.ts';
import {
  decodePointFormats,
  decodeRenegotiationInfo,
  EC_POINT_FORMATS,
  encodeRenegotiationInfo,
} from './extensions12.ts';
import {
  decodeCertificate12,
  decodeCertificateRequest12,
  decodeClientKeyExchange,
  decodeNewSessionTicket12,
  decodeServerKeyExchange,
  encodeCertificate12,
  encodeCertificateRequest12,
  encodeCertificateStatus,
  encodeClientKeyExchange,
  encodeEcdhParameters,
  encodeNewSessionTicket12,
  encodeServerHelloDone,
  encodeServerKeyExchange,
} from './messages12.ts';
import { HANDSHAKE_TYPE } from './registry.ts';

const keyExchange = {
  group: 29,
  share: ascii('a share'),
  parameters: encodeEcdhParameters(29, ascii('a share')),
  scheme: 0x0403,
  signature: ascii('signature'),
};
const request = { certificateTypes: [64, 1], signatureSchemes: [0x0403, 0x0804], authorities: [ascii('a name')] };
const ticket = { lifetimeHintSeconds: 0xfedcba98, ticket: ascii('ticket') };

/** Name, encoded message, its type, decoder, what it says. */
const MESSAGES: readonly [string, Bytes, number, (body: Bytes) => unknown, unknown][] = [
  [
    'Certificate',
    encodeCertificate12([ascii('leaf'), ascii('issuer')]),
    11,
    decodeCertificate12,
    [ascii('leaf'), ascii('issuer')],
  ],
  ['an empty Certificate', encodeCertificate12([]), 11, decodeCertificate12, []],
  ['ServerKeyExchange', encodeServerKeyExchange(keyExchange), 12, decodeServerKeyExchange, keyExchange],
  ['CertificateRequest', encodeCertificateRequest12(request), 13, decodeCertificateRequest12, request],
  ['ClientKeyExchange', encodeClientKeyExchange(ascii('share')), 16, decodeClientKeyExchange, ascii('share')],
  ['NewSessionTicket', encodeNewSessionTicket12(ticket), 4, decodeNewSessionTicket12, ticket],
];

for (const [name, whole, type, decode, value] of MESSAGES) {
  test(`${name}: what was encoded is decoded`, () => {
    assert.equal(whole[0], type);
    assert.deepEqual(decode(whole.subarray(4)), value);
  });

  test(`${name}: every byte that is missing, and one too many, is a decode error`, () => {
    const body = whole.subarray(4);
    for (let length = 0; length < body.length; length++)
      assert.throws(() => decode(body.subarray(0, length)), { why: 'decode-error' });
    assert.throws(() => decode(concat(body, Uint8Array.of(0))), { why: 'decode-error' });
  });
}

test('what has a minimum length is not empty', () => {
  for (const malformed of [
    () => decodeCertificate12(Uint8Array.of(0, 0, 3, 0, 0, 0)),
    () => decodeServerKeyExchange(Uint8Array.of(3, 0, 29, 0, 4, 3, 0, 0)),
    () => decodeCertificateRequest12(Uint8Array.of(0, 0, 2, 4, 3, 0, 0)),
    () => decodeCertificateRequest12(Uint8Array.of(1, 64, 0, 0, 0, 0)),
    () => decodeCertificateRequest12(Uint8Array.of(1, 64, 0, 2, 4, 3, 0, 2, 0, 0)),
    () => decodeClientKeyExchange(Uint8Array.of(0)),
    () => decodePointFormats(Uint8Array.of(0)),
  ])
    assert.throws(malformed, { why: 'decode-error' });
});

test('curves are named ones', () => {
  for (const kind of [0, 1, 2, 4])
    assert.throws(
      () => decodeServerKeyExchange(concat(Uint8Array.of(kind), encodeServerKeyExchange(keyExchange).subarray(5))),
      {
        why: 'decode-error',
      },
    );
});

test('extensions that only TLS 1.2 has', () => {
  assert.deepEqual(decodeRenegotiationInfo(encodeRenegotiationInfo(EMPTY)), EMPTY);
  assert.deepEqual(decodeRenegotiationInfo(encodeRenegotiationInfo(ascii('finished'))), ascii('finished'));
  assert.equal(decodePointFormats(EC_POINT_FORMATS), true);
  assert.equal(decodePointFormats(Uint8Array.of(2, 1, 2)), false);
});

test('messages without a body of their own', () => {
  assert.deepEqual(encodeServerHelloDone(), Uint8Array.of(HANDSHAKE_TYPE.server_hello_done, 0, 0, 0));
  assert.deepEqual(encodeCertificateStatus(ascii('status')), concat(Uint8Array.of(22, 0, 0, 6), ascii('status')));
});
