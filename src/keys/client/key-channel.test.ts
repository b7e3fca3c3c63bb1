import { afterEach, expect, test } from 'bun:test';
import type { Bytes } from '../../core/bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Answer } from '../../engine/connection.ts';
import { AF, SOCK } from '../../os/constants.ts';
import { loadNative } from '../../os/load.ts';
import { Poller } from '../../os/poller.ts';
import { encodeReply, type Reply } from '../wire/replies.ts';
import { decodeRequest } from '../wire/requests.ts';
import { KeyChannel } from './key-channel.ts';

const native = loadNative();
const HASH = new Uint8Array(32).fill(3);
const open: number[] = [];
afterEach(() => {
  for (const fd of open.splice(0)) native.close(fd);
});

/** A channel, and the holder's end of it in the test's hands. */
function scripted() {
  const fds = new Int32Array(2);
  expect(native.socketpair(AF.UNIX, SOCK.SEQPACKET, fds)).toBe(0);
  const [fd, theirs] = fds as unknown as [number, number];
  open.push(fd, theirs);
  const poller = new Poller(native);
  const keys = new KeyChannel({ native, poller, fd, timeoutMs: 60_000, credentials: [], unknownName: 'refuse' });
  const buffer = new Uint8Array(LIMITS.keyMessageBytes);
  return {
    keys,
    poller,
    hear: () => decodeRequest(buffer.slice(0, native.receive(theirs, buffer, 0, buffer.length))),
    say: (message: Bytes) => expect(native.send(theirs, message, 0, message.length)).toBe(message.length),
    hangUp: () => native.shutdown(theirs, 2),
  };
}

const seal = (keys: KeyChannel, plaintext: Bytes = HASH) =>
  keys.keysOfConnection().sealTicket({ effect: 'seal-ticket', purpose: 'ticket', plaintext });
const why = (answer: Answer) => (answer.answer === 'refused' ? answer.failure.why : answer.answer);
const sealed = (number: number): Reply => ({ reply: 'sealed', number, ticket: Uint8Array.of(number) });

test('answers come in any order, each to its question', async () => {
  const { keys, poller, hear, say } = scripted();
  const answers = [seal(keys), seal(keys), seal(keys)];
  const numbers = [hear().number, hear().number, hear().number];
  for (const number of numbers.toReversed()) say(encodeReply(sealed(number)));
  poller.turn(0);
  const expected = numbers.map((number): Answer => ({ answer: 'ticket-sealed', ticket: Uint8Array.of(number) }));
  expect(await Promise.all(answers)).toEqual(expected);
});

test('numbers of handshakes only grow, over all connections', () => {
  const { keys, hear } = scripted();
  const sign = () =>
    keys.keysOfConnection().sign({
      effect: 'sign',
      key: 'k',
      scheme: 'ed25519',
      content: { version: 'TLSv1.3', role: 'server', transcriptHash: HASH },
    });
  for (let count = 1; count <= 3; count++) {
    void sign();
    expect(hear()).toMatchObject({ request: 'sign', handshake: count });
  }
});

const REPLIES: Readonly<Record<string, (number: number) => Bytes>> = {
  'an answer to another question': (number) => encodeReply(sealed(number + 1)),
  'an answer of another kind': (number) => encodeReply({ reply: 'signed', number, signature: HASH }),
  'half an answer': (number) => encodeReply(sealed(number)).subarray(0, -1),
  'an answer that is too long': () => new Uint8Array(LIMITS.keyMessageBytes + 1),
};
for (const [name, reply] of Object.entries(REPLIES))
  test(`${name} ends the channel: nothing more is asked`, async () => {
    const { keys, poller, hear, say } = scripted();
    const answers = [seal(keys), seal(keys)];
    // The later one, so that no number is that of the other question.
    hear();
    say(reply(hear().number));
    poller.turn(0);
    expect((await Promise.all(answers)).map(why)).toEqual(['key-holder-misbehaved', 'key-holder-misbehaved']);
    expect(why(await seal(keys))).toBe('key-holder-misbehaved');
  });

test('an answer twice is one too many', async () => {
  const { keys, poller, hear, say } = scripted();
  const answer = seal(keys);
  const reply = encodeReply(sealed(hear().number));
  say(reply);
  say(reply);
  poller.turn(0);
  expect(why(await answer)).toBe('ticket-sealed');
  expect(why(await seal(keys))).toBe('key-holder-misbehaved');
});

test('a channel that ends, and one that is given up, fail all that is under way', async () => {
  const { keys, poller, hangUp } = scripted();
  const answer = seal(keys);
  hangUp();
  poller.turn(0);
  expect(why(await answer)).toBe('key-holder-gone');
  const other = scripted();
  const left = seal(other.keys);
  other.keys.end();
  expect(why(await left)).toBe('key-holder-gone');
  expect(why(await seal(other.keys))).toBe('key-holder-gone');
});

test('so many questions are under way, and no more; what is too long is not asked', async () => {
  const { keys } = scripted();
  const answers = Array.from({ length: LIMITS.keyRequestsPending }, () => seal(keys));
  expect(why(await seal(keys))).toBe('key-holder-refused');
  keys.end();
  expect(new Set((await Promise.all(answers)).map(why))).toEqual(new Set(['key-holder-gone']));
  expect(why(await seal(scripted().keys, new Uint8Array(2 ** 16)))).toBe('key-holder-refused');
});
