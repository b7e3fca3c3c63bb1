import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ascii, type Bytes, concat, EMPTY } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { chooseGrease, GREASE_RANDOM_BYTES, isGrease } from './grease.ts';
import {
  decodeCertificate,
  decodeCertificateRequest,
  decodeCertificateVerify,
  decodeClientHello,
  decodeCompressedCertificate,
  decodeEncryptedExtensions,
  decodeKeyUpdate,
  decodeNewSessionTicket,
  decodeServerHello,
  encodeCertificate,
  encodeCertificateRequest,
  encodeCertificateVerify,
  encodeClientHello,
  encodeCompressedCertificate,
  encodeEncryptedExtensions,
  encodeFinished,
  encodeKeyUpdate,
  encodeNewSessionTicket,
  encodeServerHello,
  isHelloRetryRequest,
} from './messages.ts';
import { HANDSHAKE_TYPE, HELLO_RETRY_REQUEST_RANDOM } from './registry.ts';

const extensions = new Map([
  [43, ascii('versions')],
  [51, ascii('shares')],
]);
const random = new Uint8Array(32).fill(7);

const clientHello = {
  legacyVersion: 0x0303,
  random,
  sessionId: ascii('session'),
  cipherSuites: [0x1301, 0x1302],
  compressionMethods: Uint8Array.of(0),
  extensions,
};
const serverHello = {
  legacyVersion: 0x0303,
  random,
  sessionId: ascii('session'),
  cipherSuite: 0x1301,
  compressionMethod: 0,
  extensions,
};

/**
 * Each value goes there and back; each prefix of its encoding, and one byte more, is a decode-error.
 * @param complete lengths of the body at which a shorter message may end
 */
function roundTrips<T>(
  name: string,
  type: number,
  value: T,
  encode: (value: T) => Bytes,
  decode: (body: Bytes) => T,
  ...complete: number[]
): void {
  test(`${name}: there and back, and no other length`, () => {
    const whole = encode(value);
    const body = whole.subarray(4);
    assert.deepEqual([...whole.subarray(0, 4)], [type, 0, body.length >>> 8, body.length & 0xff]);
    assert.deepEqual(decode(body), value);
    for (let length = 0; length < body.length; length++)
      if (!complete.includes(length)) isDecodeError(() => decode(body.subarray(0, length)));
    isDecodeError(() => decode(concat(body, Uint8Array.of(0))));
  });
}

function isDecodeError(work: () => unknown): void {
  assert.throws(work, (error) => error instanceof TlsError && error.why === 'decode-error');
}

const { client_hello, server_hello, encrypted_extensions, certificate_request, certificate } = HANDSHAKE_TYPE;
const { compressed_certificate, certificate_verify, new_session_ticket, key_update } = HANDSHAKE_TYPE;

roundTrips('ClientHello', client_hello, clientHello, encodeClientHello, decodeClientHello, 2 + 32 + 8 + 6 + 2);
roundTrips('ServerHello', server_hello, serverHello, encodeServerHello, decodeServerHello, 2 + 32 + 8 + 2 + 1);
roundTrips(
  'EncryptedExtensions',
  encrypted_extensions,
  extensions,
  encodeEncryptedExtensions,
  (body) => new Map(decodeEncryptedExtensions(body)),
);
roundTrips(
  'CertificateRequest',
  certificate_request,
  { context: ascii('context'), extensions },
  encodeCertificateRequest,
  (body) => ({ ...decodeCertificateRequest(body), extensions }),
);
roundTrips(
  'Certificate',
  certificate,
  {
    context: ascii('c'),
    entries: [
      { certificate: ascii('leaf'), extensions },
      { certificate: ascii('ca'), extensions: new Map() },
    ],
  },
  encodeCertificate,
  decodeCertificate,
);
roundTrips(
  'CompressedCertificate',
  compressed_certificate,
  { algorithm: 2, uncompressedBytes: 70_000, compressed: ascii('compressed') },
  encodeCompressedCertificate,
  decodeCompressedCertificate,
);
roundTrips(
  'CertificateVerify',
  certificate_verify,
  { scheme: 0x0403, signature: ascii('signature') },
  encodeCertificateVerify,
  decodeCertificateVerify,
);
roundTrips(
  'NewSessionTicket',
  new_session_ticket,
  { lifetimeSeconds: 604_800, ageAdd: 0xfedcba98, nonce: ascii('n'), ticket: ascii('ticket'), extensions },
  encodeNewSessionTicket,
  decodeNewSessionTicket,
);
roundTrips('KeyUpdate', key_update, 'update_requested', encodeKeyUpdate, decodeKeyUpdate);
roundTrips('KeyUpdate without request', key_update, 'update_not_requested', encodeKeyUpdate, decodeKeyUpdate);

test('a KeyUpdate has one of two values', () => {
  assert.throws(() => decodeKeyUpdate(Uint8Array.of(2)), { why: 'illegal-parameter' });
});

test('Finished is its MAC alone', () => {
  assert.deepEqual(encodeFinished(ascii('mac')), Uint8Array.of(20, 0, 0, 3, 0x6d, 0x61, 0x63));
});

test('hellos of TLS 1.2 end before the extensions', () => {
  const client = encodeClientHello({ ...clientHello, extensions: new Map() }).subarray(4);
  assert.equal(decodeClientHello(client.subarray(0, client.length - 2)).extensions.size, 0);
  const server = encodeServerHello({ ...serverHello, extensions: new Map() }).subarray(4);
  assert.equal(decodeServerHello(server.subarray(0, server.length - 2)).extensions.size, 0);
});

test('what may not be empty or longer is not', () => {
  const sessionId = new Uint8Array(33);
  isDecodeError(() => decodeClientHello(encodeClientHello({ ...clientHello, sessionId }).subarray(4)));
  isDecodeError(() => decodeClientHello(encodeClientHello({ ...clientHello, cipherSuites: [] }).subarray(4)));
  isDecodeError(() => decodeClientHello(encodeClientHello({ ...clientHello, compressionMethods: EMPTY }).subarray(4)));
  isDecodeError(() => decodeServerHello(encodeServerHello({ ...serverHello, sessionId }).subarray(4)));
  const emptyEntry = { context: EMPTY, entries: [{ certificate: EMPTY, extensions: new Map() }] };
  isDecodeError(() => decodeCertificate(encodeCertificate(emptyEntry).subarray(4)));
  const emptyTicket = { lifetimeSeconds: 1, ageAdd: 0, nonce: EMPTY, ticket: EMPTY, extensions: new Map() };
  isDecodeError(() => decodeNewSessionTicket(encodeNewSessionTicket(emptyTicket).subarray(4)));
  for (const empty of [
    { algorithm: 1, uncompressedBytes: 0, compressed: ascii('x') },
    { algorithm: 1, uncompressedBytes: 1, compressed: EMPTY },
  ])
    isDecodeError(() => decodeCompressedCertificate(encodeCompressedCertificate(empty).subarray(4)));
});

test('a HelloRetryRequest is a ServerHello of a certain random', () => {
  assert.equal(isHelloRetryRequest(serverHello), false);
  assert.equal(isHelloRetryRequest({ ...serverHello, random: HELLO_RETRY_REQUEST_RANDOM }), true);
});

test('reserved values are of the form of RFC 8701, and the two extensions differ', () => {
  for (let byte = 0; byte < 256; byte++) {
    const chosen = chooseGrease(new Uint8Array(GREASE_RANDOM_BYTES).fill(byte));
    for (const code of [chosen.suite, chosen.group, chosen.version, chosen.signatureScheme, ...chosen.extensions]) {
      assert.ok(isGrease(code));
      assert.equal(code & 0x0f0f, 0x0a0a);
    }
    assert.notEqual(chosen.extensions[0], chosen.extensions[1]);
    assert.ok(isGrease(((chosen.protocol[0] as number) << 8) | (chosen.protocol[1] as number)));
    assert.ok([0x0b, 0x2a, 0x49, 0x68, 0x87, 0xa6, 0xc5, 0xe4].includes(chosen.pskMode));
  }
  assert.equal(isGrease(0x0a1a), false);
  assert.equal(isGrease(0x1301), false);
});
