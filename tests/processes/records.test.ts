import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { type Bytes, concat, EMPTY } from '../../src/core/bytes.ts';
import { encodeCertificate, handshakeMessage } from '../../src/engine/codec/messages.ts';
import { CONTENT_TYPE, HANDSHAKE_TYPE } from '../../src/engine/codec/registry.ts';
import type { ServerScript } from '../support/scripted-server.ts';
import type { ScriptedSocket } from '../support/tcp-peer.ts';
import { LOCAL_SERVER } from '../support/test-pki.ts';
import { MEMORY_BOUND_MIB } from '../support/tlsify-process.ts';
import {
  type ExpectedFailure,
  expectFailure,
  listen,
  listenScripted,
  meet,
  record,
  sendEndlessly,
  TEST_LIMIT_MS,
} from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

/** Sends these bytes at once, then `endlessly` these. */
async function expectRefused(expected: ExpectedFailure, first: Bytes, endlessly: Bytes = EMPTY): Promise<void> {
  const { port } = await listen(async (socket) => {
    if (first.length > 0) socket.write(first);
    if (endlessly.length > 0) await sendEndlessly(socket, endlessly);
  });
  await expectBounded(port, expected);
}

async function expectBounded(port: number, expected: ExpectedFailure): Promise<void> {
  const result = await meet(port);
  expectFailure(result, expected);
  expect(result.stdout.length).toBe(0);
  expect(result.peakMemoryMib).toBeLessThan(MEMORY_BOUND_MIB);
}

function repeat(bytes: Bytes, count: number): Bytes {
  return concat(...Array.from({ length: count }, () => bytes));
}

describe('before the ServerHello', () => {
  test('a record of a type that does not exist', () =>
    expectRefused({ code: 76, why: 'not-tls', says: /does not speak TLS/ }, record(99, randomBytes(100))));

  test('a handshake record full of garbage', () =>
    expectRefused({ code: 76, why: 'message-too-large', says: /larger than any/ }, record(22, garbage(1000))));

  test('a record longer than 2^14', () =>
    expectRefused(
      { code: 76, why: 'record-overflow', says: /longer than TLS allows/ },
      record(22, EMPTY, 2 ** 14 + 1),
    ));

  test('empty records without end', () =>
    expectRefused({ code: 76, why: 'empty-record', says: /empty record/ }, EMPTY, repeat(record(22, EMPTY), 1000)));

  test('change_cipher_spec without end', () =>
    expectRefused(
      { code: 76, why: 'too-many-empty-records', says: /without end \(change_cipher_spec\)/ },
      EMPTY,
      repeat(record(20, Uint8Array.of(1)), 1000),
    ));

  test('warnings without end', () =>
    expectRefused(
      { code: 76, why: 'too-many-warnings', says: /warnings without end/ },
      EMPTY,
      repeat(record(21, Uint8Array.of(1, 112)), 1000),
    ));

  test('a ServerHello of 16 MiB, as far as its length says', () =>
    expectRefused(
      { code: 76, why: 'message-too-large', says: /larger than any/ },
      record(22, Uint8Array.from([2, 0xff, 0xff, 0xff, ...new Uint8Array(1000)])),
      record(22, new Uint8Array(2 ** 14)),
    ));
});

/** Not random: the first bytes must not happen to be a message. */
function garbage(length: number): Bytes {
  return new Uint8Array(length).fill(0xa5);
}

describe('in the encrypted handshake', () => {
  async function expectAttacked(
    expected: ExpectedFailure,
    script: ServerScript,
    then: (peer: ScriptedSocket) => Promise<void> = async () => {},
  ): Promise<void> {
    const { port } = await listenScripted(script, then);
    await expectBounded(port, expected);
  }

  test('a certificate message of 16 MiB', () =>
    expectAttacked(
      { code: 76, why: 'message-too-large', says: /larger than any/ },
      {
        certificate: () => concat(Uint8Array.of(HANDSHAKE_TYPE.certificate, 0xff, 0xff, 0xff), new Uint8Array(2 ** 20)),
      },
    ));

  test('a chain of more certificates than anybody has', () =>
    expectAttacked(
      { code: 77, why: 'certificate-chain-too-long', says: /too many certificates/ },
      {
        certificate: (message) => {
          const [leaf] = message.entries;
          if (leaf === undefined) throw new Error('no leaf');
          return encodeCertificate({ ...message, entries: new Array(100).fill(leaf) });
        },
      },
    ));

  test('no certificate', () =>
    expectAttacked(
      { code: 76, why: 'no-certificate', says: /no certificate/ },
      { certificate: (message) => encodeCertificate({ ...message, entries: [] }) },
    ));

  const onlyCertificate = (certificate: Bytes): ServerScript => ({
    certificate: (message) => encodeCertificate({ ...message, entries: [{ certificate, extensions: new Map() }] }),
  });

  test('a certificate that is not even DER', () =>
    expectAttacked({ code: 76, why: 'decode-error', says: /cannot be decoded/ }, onlyCertificate(garbage(500))));

  test('a certificate of garbage', () =>
    expectAttacked(
      { code: 77, why: 'certificate-malformed', says: /the certificate cannot be decoded/ },
      onlyCertificate(concat(Uint8Array.of(0x30, 0x81, 200), garbage(200))),
    ));

  test('a Finished of another handshake', () =>
    expectAttacked(
      { code: 76, why: 'bad-finished', says: /changed on its way/ },
      {
        finished: (whole) => handshakeMessage(HANDSHAKE_TYPE.finished, (body) => body.bytes(garbage(whole.length - 4))),
      },
    ));
});

describe('after the handshake', () => {
  async function expectAttacked(
    expected: ExpectedFailure,
    attack: (peer: ScriptedSocket) => void,
    times = 1,
  ): Promise<void> {
    const { port } = await listenScripted({ identity: LOCAL_SERVER }, async (peer) => {
      for (let count = 0; count < times; count++) {
        attack(peer);
        await peer.flush();
      }
    });
    await expectBounded(port, { ready: true, ...expected });
  }

  test('a record of 2^14 + 257 bytes', () =>
    expectAttacked({ code: 76, why: 'record-overflow', says: /longer than TLS allows/ }, ({ server }) =>
      server.raw(record(23, EMPTY, 2 ** 14 + 257)),
    ));

  test('a record that is not authentic', () =>
    expectAttacked({ code: 76, why: 'bad-record-mac', says: /changed on its way/ }, ({ server }) =>
      server.raw(record(23, garbage(100))),
    ));

  test('a record of nothing but padding', () =>
    expectAttacked({ code: 76, why: 'record-without-type', says: /no content type/ }, ({ server }) =>
      server.record(0 as never, new Uint8Array(1000)),
    ));

  test('empty records without end', () =>
    expectAttacked(
      { code: 76, why: 'too-many-empty-records', says: /empty records without end/ },
      ({ server }) => server.record(CONTENT_TYPE.application_data, EMPTY),
      10_000,
    ));

  test('padding without end', () =>
    expectAttacked(
      { code: 76, why: 'too-many-empty-records', says: /empty records without end/ },
      ({ server }) => server.padded(CONTENT_TYPE.application_data, EMPTY, 2 ** 14),
      10_000,
    ));

  test('key updates without end', () =>
    expectAttacked(
      { code: 76, why: 'too-many-key-updates', says: /changes keys without end/ },
      ({ server }) => server.updateKeys('update_requested'),
      10_000,
    ));

  test('a fatal alert', () =>
    expectAttacked({ code: 76, why: 'alert-received', says: /refused with an alert \(access_denied\)/ }, ({ server }) =>
      server.alert(2, 'access_denied'),
    ));
});
