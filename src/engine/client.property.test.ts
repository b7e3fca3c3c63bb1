import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConnectionDriver } from '../../tests/support/connection-driver.ts';
import { converse, testConfig } from '../../tests/support/conversation.ts';
import { ScriptedServer } from '../../tests/support/scripted-server.ts';
import { ascii, type Bytes, concat } from '../core/bytes.ts';
import { LIMITS } from '../core/limits.ts';
import { nodeCrypto } from '../crypto-node/provider.ts';
import { ClientConnection } from './client.ts';

/** What an incomplete record can make the caller keep. */
const RECORD_BYTES = 5 + LIMITS.ciphertextBytes;

/** A client that has said hello, and the server's whole answer: handshake, data, a key update, more data, the end. */
async function answered(fragmentBytes = 2 ** 14): Promise<{ client: ConnectionDriver; answer: Bytes }> {
  const client = new ConnectionDriver(new ClientConnection(testConfig(), nodeCrypto));
  const server = new ScriptedServer({ fragmentBytes });
  await client.start();
  await server.hear(client.takeNetwork());
  server.data(ascii('before, ')).updateKeys('update_requested').data(ascii('after')).alert(1, 'close_notify');
  return { client, answer: server.take() };
}

test('how the network cuts the bytes, and the server its messages, changes nothing', async () => {
  const cuts = fc.array(fc.nat(4000), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 1500 }), cuts, async (fragmentBytes, chosen) => {
      const { client, answer } = await answered(fragmentBytes);
      const ends = chosen.filter((cut) => cut < answer.length).sort((a, b) => a - b);
      let start = 0;
      for (const end of [...ends, answer.length]) {
        await client.receive(answer.subarray(start, end));
        start = end;
      }
      assert.equal(client.failure, undefined);
      assert.deepEqual(client.takePlaintext(), ascii('before, after'));
      assert.equal(client.peerClosed, true);
      assert.equal(client.unreadBytes, 0);
      assert.equal(client.session?.suite, 'TLS_AES_128_GCM_SHA256');
    }),
    { numRuns: 60 },
  );
});

test('byte by byte is as good as all at once', async () => {
  const { client, answer } = await answered();
  for (const byte of answer) await client.receive(Uint8Array.of(byte));
  assert.deepEqual(client.takePlaintext(), ascii('before, after'));
  assert.equal(client.peerClosed, true);
});

test('every flipped bit of what is encrypted ends the connection, and nothing behind it is taken', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat(7), async (position, bit) => {
      const { client, answer } = await answered();
      const bodies = encryptedBytes(answer);
      const at = bodies[position % bodies.length] as number;
      const changed = answer.slice();
      changed[at] = (changed[at] as number) ^ (1 << bit);
      await client.receive(changed);
      // Behind close_notify there is nothing to change, and that is the last record.
      assert.equal(client.failure?.why, 'bad-record-mac');
      assert.ok('before, after'.startsWith(Buffer.from(client.takePlaintext()).toString()));
      assert.equal(client.peerClosed, false);
    }),
    { numRuns: 100 },
  );
});

test('whatever changes in the stream, at most one record is left with the caller, and a failure is final', async () => {
  const changes = fc.array(fc.tuple(fc.nat(3000), fc.nat(255)), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(changes, fc.nat(4000), fc.uint8Array({ maxLength: 40 }), async (list, length, tail) => {
      const { client, answer } = await answered();
      const changed = concat(answer.subarray(0, length), tail);
      for (const [at, value] of list) if (at < changed.length) changed[at] = value;
      await client.receive(changed);
      assert.ok(client.unreadBytes <= RECORD_BYTES);
      if (client.failure === undefined) return;
      assert.equal(client.unreadBytes, 0);
      assert.equal(client.connection.receive(answer), answer.length);
      assert.equal(client.connection.next(), undefined);
    }),
    { numRuns: 150 },
  );
});

test('what is sent arrives, in whatever portions', async () => {
  const sizes = fc.array(fc.nat(40_000), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(sizes, fc.integer({ min: 100, max: 2 ** 14 }), async (portions, maxFragment) => {
      const { client, server } = await converse({}, { maxFragment, recordsPerKey: 50 });
      const contents = portions.map((size) => nodeCrypto.randomBytes(size));
      for (const content of contents) client.connection.send(content);
      await client.settle();
      await server.hear(client.takeNetwork());
      assert.deepEqual(concat(...server.plaintext), concat(...contents));
      assert.ok(server.records.every(({ bytes }) => bytes <= 5 + maxFragment + 17 || bytes < 400));
    }),
    { numRuns: 20 },
  );
});

/** Positions of bytes within the bodies of encrypted records. */
function encryptedBytes(stream: Bytes): number[] {
  const positions: number[] = [];
  for (let offset = 0; offset < stream.length; ) {
    const length = 5 + (((stream[offset + 3] as number) << 8) | (stream[offset + 4] as number));
    if (stream[offset] === 23) for (let at = offset + 5; at < offset + length; at++) positions.push(at);
    offset += length;
  }
  return positions;
}
