import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { connect, type Socket } from 'node:net';
import { PeerProcess } from '../support/peer-process.ts';
import { localServer } from '../support/test-pki.ts';
import { runTlsify } from '../support/tlsify-process.ts';
import { connectArguments, expectFailure, listen, meet, TEST_LIMIT_MS } from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

const started: PeerProcess[] = [];
afterAll(() => Promise.all(started.map((peer) => peer.stop())));

/** One each: s_server talks to one client at a time. */
async function serve(): Promise<PeerProcess> {
  const { leaf, chain, key } = localServer();
  const peer = await PeerProcess.start((port) => ({
    program: 'openssl',
    args: [
      ...['s_server', '-accept', `127.0.0.1:${port}`, '-tls1_3', '-groups', 'P-256', '-www'],
      ...['-cert', leaf, '-cert_chain', chain, '-key', key],
    ],
    comesFrom: 'the package openssl',
  }));
  started.push(peer);
  return peer;
}

/** What s_server sends in a handshake, one record each. */
const FLIGHTS = [
  'HelloRetryRequest',
  'its change_cipher_spec',
  'ServerHello',
  'EncryptedExtensions',
  'Certificate',
  'CertificateVerify',
  'Finished',
];

/** From the start of the process: enough for it to get to where the server stalls, when all of them start at once. */
const TIMEOUT_SECONDS = 10;

describe('a handshake that stalls', () => {
  for (const [count, message] of FLIGHTS.entries()) test.concurrent(`before ${message}`, () => expectTimeout(count, 0));
  test.concurrent('in the middle of Certificate', () => expectTimeout(FLIGHTS.indexOf('Certificate'), 0.5));

  test('nowhere goes through that same proxy', async () => {
    const peer = await serve();
    const { port } = await listen((socket) => cutAfter(socket, peer, Number.POSITIVE_INFINITY, 0));
    const { code, status } = await runTlsify(connectArguments(port), 'GET / HTTP/1.0\r\n\r\n');
    expect(code).toBe(0);
    expect(status[0]).toMatchObject({ helloRetryRequest: true });
  });
});

async function expectTimeout(records: number, fraction: number): Promise<void> {
  const peer = await serve();
  const { port } = await listen((socket) => cutAfter(socket, peer, records, fraction));
  expectFailure(await meet(port, '--handshake-timeout', `${TIMEOUT_SECONDS}`), {
    code: 75,
    why: 'handshake-timeout',
    says: records + fraction === 0 ? /the peer has sent nothing/ : /the peer sent \d+ bytes and stopped/,
  });
}

/** Passes on all that the client sends, and of the server's records so many and a part of the next. The connection stays open. */
function cutAfter(socket: Socket, peer: PeerProcess, records: number, fraction: number): void {
  const server = connect(peer.port, '127.0.0.1');
  socket.on('data', (chunk) => server.write(chunk)).on('close', () => server.destroy());
  let [input, left] = [Buffer.alloc(0), records];
  server
    .on('error', () => {})
    .on('data', (chunk: Buffer) => {
      input = Buffer.concat([input, chunk]);
      while (input.length >= 5) {
        const length = 5 + input.readUInt16BE(3);
        if (input.length < length) return;
        if (left-- > 0) socket.write(input.subarray(0, length));
        else if (left === -1) socket.write(input.subarray(0, Math.floor(length * fraction)));
        input = input.subarray(length);
      }
    });
}
