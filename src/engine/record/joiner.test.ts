import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Bytes, concat } from '../../core/bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import { HANDSHAKE_TYPE } from '../codec/registry.ts';
import { HandshakeAligned, HandshakeJoiner } from './joiner.ts';

function message(type: number, body: Bytes): Bytes {
  return concat(Uint8Array.of(type, body.length >>> 16, body.length >>> 8, body.length), body);
}

function takeAll(joiner: HandshakeJoiner): Bytes[] {
  const taken: Bytes[] = [];
  for (let next = joiner.take(); next !== undefined; next = joiner.take()) taken.push(next.whole);
  return taken;
}

test('messages come out as they went in, however they are cut into fragments', () => {
  const bodies = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 6 });
  const cuts = fc.array(fc.nat(2000), { maxLength: 12 });
  fc.assert(
    fc.property(bodies, cuts, (chosen, at) => {
      const messages = chosen.map((body, index) => message(index, body));
      const stream = concat(...messages);
      const joiner = new HandshakeJoiner();
      const taken: Bytes[] = [];
      let start = 0;
      for (const end of [...at.filter((cut) => cut < stream.length).sort((a, b) => a - b), stream.length]) {
        joiner.add(stream.slice(start, end));
        start = end;
        taken.push(...takeAll(joiner));
      }
      assert.deepEqual(taken, messages);
      assert.equal(joiner.heldBytes, 0);
    }),
  );
});

test('a message given out is not changed by what comes later', () => {
  const joiner = new HandshakeJoiner();
  const first = message(1, new Uint8Array(100).fill(1));
  const second = message(2, new Uint8Array(100).fill(2));
  joiner.add(concat(first, second.subarray(0, 50)));
  const taken = joiner.take();
  joiner.add(second.slice(50));
  assert.deepEqual(joiner.take()?.whole, second);
  assert.deepEqual(taken?.whole, first);
});

test('a length above the limit is refused as soon as it is read', () => {
  const refused = (type: number, length: number): void => {
    const joiner = new HandshakeJoiner();
    joiner.add(Uint8Array.of(type, length >>> 16, length >>> 8, length));
    assert.throws(() => joiner.take(), { why: 'message-too-large' });
  };
  const accepted = (type: number, length: number): void => {
    const joiner = new HandshakeJoiner();
    joiner.add(message(type, new Uint8Array(length)));
    assert.equal(joiner.take()?.body.length, length);
  };
  accepted(HANDSHAKE_TYPE.certificate, LIMITS.certificateMessageBytes);
  refused(HANDSHAKE_TYPE.certificate, LIMITS.certificateMessageBytes + 1);
  refused(HANDSHAKE_TYPE.compressed_certificate, LIMITS.certificateMessageBytes + 1);
  refused(HANDSHAKE_TYPE.certificate_request, LIMITS.certificateMessageBytes + 1);
  accepted(HANDSHAKE_TYPE.new_session_ticket, LIMITS.handshakeMessageBytes);
  refused(HANDSHAKE_TYPE.new_session_ticket, LIMITS.handshakeMessageBytes + 1);
  refused(255, LIMITS.handshakeMessageBytes + 1);
});

test('alignment is proved only between messages, and holds until more comes', () => {
  const joiner = new HandshakeJoiner();
  const aligned = HandshakeAligned.prove(joiner);
  assert.equal(aligned?.stillHolds, true);
  joiner.add(Uint8Array.of(1));
  assert.equal(HandshakeAligned.prove(joiner), null);
  assert.equal(aligned?.stillHolds, false);
});
