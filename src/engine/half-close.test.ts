import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { carry } from '../../tests/support/carry.ts';
import { converse12 } from '../../tests/support/tls12.ts';
import { KEYS } from '../../tests/support/tls12-attacks.ts';
import { ascii, concat, latin1 } from '../core/bytes.ts';
import { ConnectionMisuse } from './engine.ts';

/** Good for a P-256 key in both versions. */
const SCHEMES = ['ecdsa_secp256r1_sha256'] as const;

for (const version of ['TLSv1.3', 'TLSv1.2'] as const)
  for (const closer of ['client', 'server'] as const)
    describe(`a ${closer} of ${version} that has no more to say`, () => {
      const open = async () => {
        const pair = await converse12({
          client: { minVersion: version, signatureSchemes: SCHEMES },
          server: { minVersion: version, maxVersion: version, signatureSchemes: SCHEMES },
          serverKeys: KEYS,
        });
        assert.deepEqual([pair.client.session?.version, pair.server.session?.version], [version, version]);
        const [closing, other] = closer === 'client' ? [pair.client, pair.server] : [pair.server, pair.client];
        return { pair, closing, other };
      };

      test('goes on receiving whatever the other side still sends, until that is done too', async () => {
        const { pair, closing, other } = await open();
        closing.connection.send(ascii('a question'));
        closing.connection.closeWrite();
        await carry(pair);
        assert.deepEqual([latin1(other.takePlaintext()), other.peerClosed], ['a question', true]);
        assert.deepEqual([closing.connection.finished, other.connection.finished], [false, false]);
        assert.throws(() => closing.connection.send(ascii('more')), ConnectionMisuse);
        for (const part of ['an answer', ' of two parts']) {
          other.connection.send(ascii(part));
          await carry(pair);
        }
        assert.equal(latin1(closing.takePlaintext()), 'an answer of two parts');
        other.connection.closeWrite();
        await carry(pair);
        assert.equal(closing.peerClosed, true);
        assert.deepEqual([closing.connection.finished, other.connection.finished], [true, true]);
        assert.deepEqual([closing.failure, other.failure], [undefined, undefined]);
      });

      test('is content with an immediate end of the other side, as RFC 5246 section 7.2.1 wants it', async () => {
        const { pair, closing, other } = await open();
        closing.connection.closeWrite();
        await closing.settle();
        await other.receive(closing.takeNetwork());
        other.connection.closeWrite();
        await carry(pair);
        closing.connection.receiveEnd();
        other.connection.receiveEnd();
        await carry(pair);
        assert.deepEqual([closing.connection.finished, other.connection.finished], [true, true]);
        assert.deepEqual([closing.failure, other.failure], [undefined, undefined]);
      });

      test('is told of truncation where the network ends without the close_notify of the other side', async () => {
        const { pair, closing, other } = await open();
        closing.connection.closeWrite();
        await carry(pair);
        other.connection.send(ascii('half'));
        await carry(pair);
        closing.connection.receiveEnd();
        await closing.settle();
        assert.deepEqual([latin1(closing.takePlaintext()), closing.failure?.why], ['half', 'truncated']);
      });

      test('and says so anyhow is not listened to (RFC 8446 section 6.1)', async () => {
        const { pair, closing, other } = await open();
        closing.connection.send(ascii('last words'));
        await closing.settle();
        const words = closing.takeNetwork();
        closing.connection.closeWrite();
        await closing.settle();
        // Replayed, and so not to be decrypted: which nobody tries any more.
        await other.receive(concat(words, closing.takeNetwork(), words, ascii('and no TLS at all')));
        assert.deepEqual(
          [latin1(other.takePlaintext()), other.peerClosed, other.failure],
          ['last words', true, undefined],
        );
        other.connection.closeWrite();
        await carry(pair);
        assert.deepEqual([closing.connection.finished, other.connection.finished], [true, true]);
      });
    });
