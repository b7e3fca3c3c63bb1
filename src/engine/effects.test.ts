import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileOf } from '../../tests/vectors/conversations.ts';
import { answerOf, parseRecording, replayStepwise, type Step } from '../../tests/vectors/recording.ts';
import { clientOf, serverOf } from '../../tests/vectors/scenario.ts';
import { SCENARIOS } from '../../tests/vectors/scenarios.ts';
import { EMPTY } from '../core/bytes.ts';
import type { Failure } from '../core/failures.ts';
import type { Answer, Connection, EffectId } from './connection.ts';
import { ConnectionMisuse } from './engine.ts';

/** An end of a recorded connection. */
interface End {
  readonly open: () => Connection;
  readonly steps: readonly Step[];
}

/** But for clients of later connections, which offer what they got in an earlier one. */
const ENDS: readonly (End & { readonly role: string; readonly version: string })[] = Object.entries(SCENARIOS).flatMap(
  ([name, scenario]) => {
    const { version } = scenario;
    const { connections } = parseRecording(readFileSync(fileOf(name), 'utf8'));
    return connections.flatMap(({ client, server }, at) => [
      ...(client === undefined || at > 0
        ? []
        : [{ role: 'client', version, open: () => clientOf(name, scenario, 0, null), steps: client }]),
      ...(server === undefined
        ? []
        : [{ role: 'server', version, open: () => serverOf(name, scenario, at), steps: server }]),
    ]);
  },
);

/** Where each kind of effect is asked for the first time, by each role in each version. */
const PLACES = new Map<string, End & { readonly at: number }>();
for (const { role, version, ...end } of ENDS)
  for (const [at, [kind, effect]] of end.steps.entries()) {
    const [next, answer] = end.steps[at + 1] ?? [];
    if (kind !== 'effect' || next !== 'answer' || (answer as Answer).answer === 'refused') continue;
    const { effect: asked, purpose = '' } = effect as { effect: string; purpose?: string };
    const place = `${version}, ${role}: ${asked} ${purpose}`.trim();
    if (!PLACES.has(place)) PLACES.set(place, { ...end, at });
  }

test('each effect is met in each role and version that has it', () => {
  const all = ['choose-certificate', 'sign', 'verify-certificate', 'verify-signature'];
  const tickets = ['open-ticket ticket', 'seal-ticket ticket'];
  const expected = [
    ...['agree', ...all].map((effect) => `TLSv1.3, client: ${effect}`),
    ...['respond', ...all, ...tickets, 'open-ticket cookie', 'seal-ticket cookie', 'open-ech'].map(
      (effect) => `TLSv1.3, server: ${effect}`,
    ),
    ...['respond', ...all].map((effect) => `TLSv1.2, client: ${effect}`),
    ...['agree', ...all, ...tickets].map((effect) => `TLSv1.2, server: ${effect}`),
  ];
  assert.deepEqual([...PLACES.keys()].sort(), expected.sort());
});

for (const [place, { open, steps, at }] of PLACES)
  describe(`${place}:`, () => {
    const reach = (): { connection: Connection; id: EffectId; right: Answer } => {
      const connection = open();
      const replaying = replayStepwise(connection, steps);
      let id: EffectId | undefined;
      for (let step = 0; step <= at; step++) id = replaying.next().value as EffectId | undefined;
      assert.ok(id !== undefined);
      return { connection, id, right: answerOf(steps[at + 1]?.[1]) };
    };
    const misused = (connection: Connection, id: EffectId, answer: Answer) =>
      assert.throws(() => connection.answer(id, answer), ConnectionMisuse);

    test('nothing more is received before the answer, and an answer to another effect is refused', () => {
      const { connection, id, right } = reach();
      assert.equal(connection.receive(Uint8Array.of(23, 3, 3, 0, 1, 0)), 0);
      for (const other of [(id + 1) as EffectId, (id - 1) as EffectId, Number.NaN as EffectId])
        misused(connection, other, right);
      assert.notEqual(connection.phase, 'failed');
      connection.answer(id, right);
      assert.notEqual(failureOf(connection)?.why, 'internal-error');
    });

    test('a second answer is refused, and changes nothing', () => {
      const { connection, id, right } = reach();
      connection.answer(id, structuredClone(right));
      const { phase } = connection;
      misused(connection, id, right);
      assert.equal(connection.phase, phase);
    });

    test('an answer that comes after the end is refused', () => {
      const { connection, id, right } = reach();
      connection.abort();
      misused(connection, id, right);
      assert.equal(failureOf(connection)?.why, 'aborted');
      assert.equal(connection.next(), undefined);
    });

    test('an answer of another kind is our own mistake, and fatal', () => {
      for (const wrong of ANSWERS.filter(({ answer }) => answer !== reach().right.answer)) {
        const { connection, id, right } = reach();
        connection.answer(id, structuredClone(wrong));
        assert.equal(failureOf(connection)?.why, 'internal-error', wrong.answer);
        misused(connection, id, right);
      }
    });

    test('a refusal ends the connection with its reason, or but the giving of tickets', () => {
      const { connection, id } = reach();
      const failure: Failure = { kind: 'certificate-rejected', why: 'certificate-expired', detail: 'in May' };
      connection.answer(id, { answer: 'refused', failure });
      const isTicket = place.endsWith('seal-ticket ticket');
      assert.deepEqual(failureOf(connection), isTicket ? undefined : failure);
    });
  });

test('any number of connections take turns, and each says what it says alone', () => {
  const pending = ENDS.map(({ open, steps }) => ({ replaying: replayStepwise(open(), steps), steps: steps.length }));
  const longest = Math.max(...pending.map(({ steps }) => steps));
  let finished = 0;
  for (let round = 0; round <= longest; round++)
    for (const { replaying } of round % 2 === 0 ? pending : [...pending].reverse())
      if (replaying.next().done) finished += 1;
  assert.ok(ENDS.length > 100 && finished >= ENDS.length);
});

/** One of each kind, none of them right for anything. */
const ANSWERS: readonly Answer[] = [
  { answer: 'agreed', secret: new Uint8Array(32) },
  { answer: 'responded', publicShare: new Uint8Array(32), secret: new Uint8Array(32) },
  {
    answer: 'certificate-accepted',
    spki: EMPTY,
    identity: {
      verified: true,
      matched: [],
      subject: '',
      spkiSha256: '',
      certificateSha256: '',
      notAfterSeconds: 0,
    },
  },
  { answer: 'signature-valid' },
  { answer: 'certificate-chosen', choice: null },
  { answer: 'signed', signature: EMPTY },
  { answer: 'ticket-sealed', ticket: EMPTY },
  { answer: 'ticket-opened', plaintext: null },
  { answer: 'ech-opened', encodedInner: null },
];

/** Takes what there is to be taken. */
function failureOf(connection: Connection): Failure | undefined {
  let failure: Failure | undefined;
  for (let output = connection.next(); output !== undefined; output = connection.next())
    if (output.output === 'failed') failure = output.failure;
  return failure;
}
