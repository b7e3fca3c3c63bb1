import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FAILURES, type Why } from '../../src/core/failures.ts';
import { CONVERSATIONS, fileOf, replayScenario } from './conversations.ts';
import { formatRecording, parseRecording, type Recording } from './recording.ts';
import { record } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';

const recordingOf = (name: string): Recording => parseRecording(readFileSync(fileOf(name), 'utf8'));

for (const [name, scenario] of Object.entries(SCENARIOS)) {
  test(`${name}, as it was recorded`, () => replayScenario(name, scenario, recordingOf(name)));

  test(`${name}, with fresh keys of the other end`, async () => {
    const { connections } = await record(name, scenario);
    assert.equal(connections.length, scenario.connections.length);
  });
}

test('there is a recording for each scenario, and no other', () => {
  const expected = Object.keys(SCENARIOS).map((name) => fileOf(name).pathname);
  const found = readdirSync(CONVERSATIONS).map((file) => new URL(file, CONVERSATIONS).pathname);
  assert.deepEqual(found.sort(), expected.sort());
});

/** What no peer can bring about, or not in the lifetime of a test. */
const NOT_RECORDED: Readonly<Partial<Record<Why, string>>> = {
  'record-sequence-exhausted': 'after 2^53 records',
  'internal-error': 'a mistake of ours, or of who answers effects',
  'key-holder-gone': 'the channel of keys/client',
  'key-holder-misbehaved': 'the channel of keys/client',
  'key-holder-refused': 'the channel of keys/client',
  'key-holder-timed-out': 'the channel of keys/client',
};

test('every way to fail that a peer can bring about is recorded', () => {
  const recorded = new Set(
    Object.keys(SCENARIOS).flatMap((name) =>
      recordingOf(name)
        .connections.flatMap(({ client = [], server = [] }) => [...client, ...server])
        .filter(([kind]) => kind === 'failed')
        .map(([, failure]) => (failure as { why: Why }).why),
    ),
  );
  const expected = (Object.keys(FAILURES) as Why[]).filter((why) => NOT_RECORDED[why] === undefined);
  assert.deepEqual([...recorded].sort(), expected.sort());
});

test('a recording is read as it was written', () => {
  const [name] = Object.keys(SCENARIOS);
  const text = readFileSync(fileOf(name as string), 'utf8');
  assert.equal(formatRecording(parseRecording(text)), text);
});

test('a byte, an output or an answer that differs is found', () => {
  const name = 'TLS 1.3: a HelloRetryRequest, with the state kept';
  const scenario = SCENARIOS[name];
  assert.ok(scenario !== undefined);
  const text = readFileSync(fileOf(name), 'utf8');
  const changes: readonly (readonly [RegExp, string])[] = [
    [/"(1603010\w{100})0/, '"$11'],
    [/\["network",2/, '["network",0'],
    [/"helloRetryRequest":true/, '"helloRetryRequest":false'],
    [/"answer":"agreed","secret":"0x../, '"answer":"agreed","secret":"0xff'],
    [/ +\["peer-closed"\],\n/, ''],
    [/\["start"\],/, '["start"],["peer-closed"],'],
  ];
  for (const [from, to] of changes) {
    const changed = text.replace(from, to);
    assert.notEqual(changed, text, `${from}`);
    assert.throws(() => replayScenario(name, scenario, parseRecording(changed)), `${from}`);
  }
});
