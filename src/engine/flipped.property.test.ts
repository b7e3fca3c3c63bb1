import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileOf } from '../../tests/vectors/conversations.ts';
import { answersIn, heardIn, parseRecording } from '../../tests/vectors/recording.ts';
import { clientOf, type Scenario, serverOf } from '../../tests/vectors/scenario.ts';
import { SCENARIOS } from '../../tests/vectors/scenarios.ts';
import { type Bytes, concat, hex } from '../core/bytes.ts';
import type { Failure } from '../core/failures.ts';
import { LIMITS } from '../core/limits.ts';
import { CONTENT_TYPE } from './codec/registry.ts';
import type { Answer, Connection, Effect } from './connection.ts';

/** Short conversations that come to a good end, of each version. */
const CONVERSATIONS = [
  'TLS 1.3: a full handshake with TLS_AES_128_GCM_SHA256',
  'TLS 1.3: a HelloRetryRequest, with the state kept',
  'TLS 1.2: a full handshake with TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
] as const;

for (const name of CONVERSATIONS)
  for (const role of ['client', 'server'] as const)
    describe(`${name}, to a ${role}`, () => {
      const { heard, play } = partOf(name, role);
      const whole = play(Array.from(heard, (byte) => Uint8Array.of(byte)));

      test('comes to its end, whether heard byte by byte or at once', () => {
        assert.equal(whole.failure, undefined);
        assert.ok(whole.closed && whole.plaintext.length > 0 && whole.openedAt !== null);
        const { openedAt, ...atOnce } = play([heard]);
        assert.deepEqual({ ...atOnce, openedAt: whole.openedAt }, whole);
        assert.ok(openedAt !== null && openedAt >= (whole.openedAt ?? 0));
      });

      test('every flipped bit is fatal, and nothing false is handed on', () => {
        const exempt = meaninglessBits(heard, name.startsWith('TLS 1.3'));
        for (let bit = 0; bit < 8 * heard.length; bit++) {
          const changed = heard.slice();
          changed[bit >>> 3] = (changed[bit >>> 3] as number) ^ (1 << (bit & 7));
          const { failure, plaintext } = play([changed]);
          assert.equal(failure === undefined, exempt.has(bit), `bit ${bit & 7} of byte ${bit >>> 3}`);
          assert.notEqual(failure?.kind, 'internal', failure?.detail ?? '');
          assert.ok(hex(whole.plaintext).startsWith(hex(plaintext)));
        }
      });

      test('no prefix is open early, holds more than a record, or is taken for the whole', () => {
        for (let length = 0; length < heard.length; length++) {
          const { openedAt, failure, plaintext, unreadBytes } = play([heard.subarray(0, length)]);
          assert.ok(openedAt === null || length >= (whole.openedAt ?? 0), `open after ${length} bytes`);
          assert.ok(unreadBytes < 5 + LIMITS.ciphertextBytes);
          assert.ok(hex(whole.plaintext).startsWith(hex(plaintext)));
          const why = length >= (whole.openedAt ?? 0) ? 'truncated' : 'closed-in-handshake';
          assert.equal(failure?.why, why, `after ${length} bytes`);
        }
      });
    });

/**
 * RFC 8446 section 5.1, and RFC 5246 appendix E.1: before there are keys, the version of a record is not looked at, but for what
 * makes it another protocol. These are the bits of its second byte.
 */
function meaninglessBits(heard: Bytes, isTls13: boolean): Set<number> {
  const records: { readonly type: number; readonly offset: number }[] = [];
  for (let offset = 0; offset < heard.length; ) {
    records.push({ type: heard[offset] as number, offset });
    offset += 5 + (((heard[offset + 3] as number) << 8) | (heard[offset + 4] as number));
  }
  // In TLS 1.2 keys change behind change_cipher_spec; in 1.3 with the hello, which is the last handshake record to be seen as one.
  const lastType = isTls13 ? CONTENT_TYPE.handshake : CONTENT_TYPE.change_cipher_spec;
  const last = records.findLastIndex(({ type }) => type === lastType);
  const plain = records.slice(0, last + 1);
  return new Set(plain.flatMap(({ offset }) => Array.from({ length: 8 }, (_, bit) => 8 * (offset + 2) + bit)));
}

interface Part {
  readonly heard: Bytes;
  readonly play: (pieces: readonly Bytes[]) => Played;
}

interface Played {
  readonly failure: Failure | undefined;
  readonly plaintext: Bytes;
  readonly closed: boolean;
  /** How many bytes had been taken then. */
  readonly openedAt: number | null;
  readonly unreadBytes: number;
}

/** One end of a recorded conversation, to be told something else. */
function partOf(name: string, role: 'client' | 'server'): Part {
  const scenario = SCENARIOS[name] as Scenario;
  const { connections } = parseRecording(readFileSync(fileOf(name), 'utf8'));
  const steps = connections[0]?.[role] ?? [];
  const answers = answersIn(steps);
  const open = () => (role === 'client' ? clientOf(name, scenario, 0, null) : serverOf(name, scenario, 0));
  return { heard: heardIn(steps), play: (pieces) => play(open(), answers, pieces) };
}

/** Until all is taken, and the network ends. */
function play(connection: Connection, answers: readonly Answer[], pieces: readonly Bytes[]): Played {
  let failure: Failure | undefined;
  let closed = false;
  let openedAt: number | null = null;
  let taken = 0;
  let unread: Bytes = new Uint8Array(0);
  const plaintext: Bytes[] = [];
  // The engine overwrites what is secret in them.
  const left = structuredClone(answers) as Answer[];
  const settle = (): void => {
    for (let output = connection.next(); output !== undefined; output = connection.next()) {
      if (output.output === 'failed') failure = output.failure;
      if (output.output === 'peer-closed') closed = true;
      if (output.output === 'open') openedAt = taken;
      if (output.output === 'plaintext') plaintext.push(output.bytes);
      if (output.output === 'effect') connection.answer(output.id, fitting(output.effect, left.shift()));
    }
  };
  connection.start();
  settle();
  for (const piece of pieces) {
    unread = concat(unread, piece);
    for (let consumed = -1; consumed !== 0 && unread.length > 0; ) {
      consumed = connection.receive(unread);
      taken += consumed;
      unread = unread.subarray(consumed);
      settle();
    }
  }
  connection.receiveEnd();
  settle();
  return { failure, plaintext: concat(...plaintext), closed, openedAt, unreadBytes: unread.length };
}

/** The recorded answer, unless what was changed asks for something else. */
function fitting(effect: Effect, answer: Answer | undefined): Answer {
  const isFit =
    effect.effect !== 'choose-certificate' ||
    (answer?.answer === 'certificate-chosen' &&
      answer.choice !== null &&
      effect.schemes.includes(answer.choice.scheme));
  return answer !== undefined && isFit ? answer : { answer: 'refused', failure: NO_SCHEME };
}

const NO_SCHEME: Failure = { kind: 'peer-incompatible', why: 'no-common-signature-scheme' };
