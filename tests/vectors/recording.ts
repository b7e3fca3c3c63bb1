import assert from 'node:assert/strict';
import { type Bytes, concat, hex, unhex } from '../../src/core/bytes.ts';
import type { Failure } from '../../src/core/failures.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import type {
  Answer,
  Connection,
  Effect,
  EffectId,
  Output,
  SessionFacts,
  Ticket,
} from '../../src/engine/connection.ts';

/**
 * What one end of a connection was told and what it said, in order. Calls: `start`, `receive`, `receive-end`, `send`,
 * `close-write`, `update-keys`, `abort`, `export`, `answer`. All else are outputs, by their kind. Bytes are `0x…`; records that
 * went over the network are those of their number in {@link Recording.records}.
 */
export type Step = readonly [kind: string, ...rest: readonly unknown[]];

/** One behaviour: each connection that it takes, of the ends that are pinned. */
export interface Recording {
  readonly behaviour: string;
  /** Each record once, header and body. */
  readonly records: readonly string[];
  readonly connections: readonly { readonly client?: readonly Step[]; readonly server?: readonly Step[] }[];
}

/** A connection that writes down what is done with it and what comes of it. */
export class RecordingConnection implements Connection {
  readonly steps: Step[] = [];
  readonly #connection: Connection;
  readonly #answers: Answer[];
  readonly #opened: () => void;
  readonly #tickets: boolean;

  /**
   * @param answers given in place of those that come, if they are of the same kind
   * @param options.tickets whether also those about tickets, whose content may be of an engine of old
   * @param options.opened called when the handshake is complete
   */
  constructor(
    connection: Connection,
    answers: readonly Answer[] = [],
    { tickets = false, opened = () => {} }: { readonly tickets?: boolean; readonly opened?: () => void } = {},
  ) {
    this.#connection = connection;
    this.#answers = [...answers];
    this.#opened = opened;
    this.#tickets = tickets;
  }

  get phase(): Connection['phase'] {
    return this.#connection.phase;
  }

  get finished(): boolean {
    return this.#connection.finished;
  }

  start(): void {
    this.steps.push(['start']);
    this.#connection.start();
  }

  receive(input: Bytes): number {
    const at = this.steps.length;
    const consumed = this.#connection.receive(input);
    if (consumed > 0) this.steps.splice(at, 0, ['receive', bytesOf(input.subarray(0, consumed))]);
    return consumed;
  }

  receiveEnd(): void {
    this.steps.push(['receive-end']);
    this.#connection.receiveEnd();
  }

  send(plaintext: Bytes): void {
    this.steps.push(['send', bytesOf(plaintext)]);
    this.#connection.send(plaintext);
  }

  closeWrite(): void {
    this.steps.push(['close-write']);
    this.#connection.closeWrite();
  }

  updateKeys(): void {
    this.steps.push(['update-keys']);
    this.#connection.updateKeys();
  }

  abort(failure?: Failure): void {
    this.steps.push(failure === undefined ? ['abort'] : ['abort', failure]);
    this.#connection.abort(failure);
  }

  answer(id: EffectId, fresh: Answer): void {
    const earlier = this.#answers.shift();
    const isReusable = earlier?.answer === fresh.answer && (this.#tickets || !fresh.answer.startsWith('ticket-'));
    const answer = isReusable ? earlier : fresh;
    this.steps.push(['answer', json(answer, bytesOf)]);
    this.#connection.answer(id, answer);
  }

  next(): Output | undefined {
    const output = this.#connection.next();
    if (output !== undefined) this.steps.push(outputStep(output));
    if (output?.output === 'open') this.#opened();
    return output;
  }

  exportKeyingMaterial(label: string, context: Bytes | null, length: number): Bytes {
    const exported = this.#connection.exportKeyingMaterial(label, context, length);
    this.steps.push(['export', label, context === null ? null : bytesOf(context), bytesOf(exported)]);
    return exported;
  }
}

/**
 * Does to `connection` what was done when `steps` were recorded, and demands that it says the same: each output, in its place, and
 * no other. @returns the tickets that came
 */
export function replay(connection: Connection, steps: readonly Step[]): Ticket[] {
  const replaying = replayStepwise(connection, steps);
  for (;;) {
    const { done, value } = replaying.next();
    if (done) return value;
  }
}

/** As {@link replay}, a step at a time: many can take turns. Gives the effect that is open, if one is. */
export function* replayStepwise(
  connection: Connection,
  steps: readonly Step[],
): Generator<EffectId | undefined, Ticket[], undefined> {
  const tickets: Ticket[] = [];
  let effect: EffectId | undefined;
  for (const step of steps) {
    const [kind, ...rest] = step;
    if (kind === 'answer') {
      assert.ok(effect !== undefined, 'no effect to answer');
      connection.answer(effect, answerOf(rest[0]));
      effect = undefined;
    } else if (kind in CALLS) {
      (CALLS[kind] as Call)(connection, rest);
    } else {
      const output = connection.next();
      assert.ok(output !== undefined, `no output where ${kind} was recorded`);
      assert.deepEqual(outputStep(output), step);
      if (output.output === 'effect') effect = output.id;
      if (output.output === 'ticket') tickets.push(output.ticket);
    }
    yield effect;
  }
  assert.equal(connection.next(), undefined, 'an output after the last');
  return tickets;
}

type Call = (connection: Connection, rest: readonly unknown[]) => void;

const CALLS: Readonly<Record<string, Call>> = {
  'start': (connection) => connection.start(),
  'receive': (connection, [bytes]) => {
    const input = parseBytes(bytes);
    assert.equal(connection.receive(input), input.length, 'bytes were left that had been taken');
  },
  'receive-end': (connection) => connection.receiveEnd(),
  'send': (connection, [bytes]) => connection.send(parseBytes(bytes)),
  'close-write': (connection) => connection.closeWrite(),
  'update-keys': (connection) => connection.updateKeys(),
  'abort': (connection, [failure]) => connection.abort(failure as Failure | undefined),
  'export': (connection, [label, context, expected]) => {
    const exported = parseBytes(expected);
    const given = context === null ? null : parseBytes(context);
    assert.deepEqual(connection.exportKeyingMaterial(String(label), given, exported.length), exported);
  },
};

/** What was answered, with its bytes. */
export function answerOf(recorded: unknown): Answer {
  return revive(recorded) as Answer;
}

/** The answers in `steps`, in their order. */
export function answersIn(steps: readonly Step[]): Answer[] {
  return steps.filter(([kind]) => kind === 'answer').map(([, answer]) => answerOf(answer));
}

function outputStep(output: Output): Step {
  switch (output.output) {
    case 'network':
    case 'plaintext':
      return [output.output, bytesOf(output.bytes)];
    case 'effect':
      return ['effect', effectOf(output.effect)];
    case 'open':
      return ['open', json(output.session satisfies SessionFacts, digestOf)];
    case 'ticket':
      return ['ticket', json(output.ticket, digestOf)];
    case 'key-log':
      return ['key-log', output.line];
    case 'peer-closed':
      return ['peer-closed'];
    case 'failed':
      return ['failed', json(output.failure, bytesOf)];
  }
}

function effectOf(effect: Effect): unknown {
  if (effect.effect !== 'agree') return json(effect, digestOf);
  const { keyShare, peerShare } = effect;
  return json({ effect: 'agree', group: keyShare.group, publicShare: keyShare.publicShare, peerShare }, digestOf);
}

/** As it will be read again from JSON. */
function json(value: unknown, write: (bytes: Bytes) => string): unknown {
  if (value instanceof Uint8Array) return write(value);
  if (Array.isArray(value)) return value.map((item) => json(item, write));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, json(field, write)]));
}

function revive(value: unknown): unknown {
  if (typeof value === 'string' && value.startsWith('0x')) return parseBytes(value);
  if (Array.isArray(value)) return value.map(revive);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, revive(field)]));
}

function bytesOf(bytes: Bytes): string {
  return `0x${hex(bytes)}`;
}

/** Long ones, of which the hash says enough. */
function digestOf(bytes: Bytes): string {
  if (bytes.length <= 48) return bytesOf(bytes);
  return `${bytes.length} bytes of SHA-256 ${hex(nodeCrypto.hash('sha256', bytes).subarray(0, 16))}`;
}

/** `0x…` */
export function parseBytes(text: unknown): Bytes {
  assert.ok(typeof text === 'string' && text.startsWith('0x'));
  return unhex(text.slice(2));
}

/** Cuts what went over the network into records, each of which is written once. */
export function formatRecording({ behaviour, connections }: Omit<Recording, 'records'>): string {
  const records: string[] = [];
  const numberOf = (record: string): number => {
    if (!records.includes(record)) records.push(record);
    return records.indexOf(record);
  };
  const line = (step: Step): string => {
    const [kind, bytes] = step;
    const numbered = kind === 'network' || kind === 'receive';
    return JSON.stringify(numbered ? [kind, ...recordsIn(parseBytes(bytes)).map((one) => numberOf(hex(one)))] : step);
  };
  const ends = connections.map((connection) => {
    const sides = Object.entries(connection).map(
      ([role, steps]) => `      ${JSON.stringify(role)}: [\n        ${steps.map(line).join(',\n        ')}\n      ]`,
    );
    return `    {\n${sides.join(',\n')}\n    }`;
  });
  const listed = records.map((record) => `    ${JSON.stringify(withoutZeros(record))}`).join(',\n');
  return `{\n  "behaviour": ${JSON.stringify(behaviour)},\n  "records": [\n${listed}\n  ],\n  "connections": [\n${ends.join(',\n')}\n  ]\n}\n`;
}

/** With the bytes in place of the records' numbers. */
export function parseRecording(text: string): Recording {
  const recording: Recording = JSON.parse(text);
  const records = recording.records.map(withZeros);
  const whole = (step: Step): Step => {
    const [kind, ...rest] = step;
    if (kind !== 'network' && kind !== 'receive') return step;
    return [kind, `0x${rest.map((number) => records[number as number] as string).join('')}`];
  };
  const connections = recording.connections.map((connection) =>
    Object.fromEntries(Object.entries(connection).map(([role, steps]) => [role, steps.map(whole)])),
  );
  return { ...recording, records, connections };
}

/** Many zeros at the end are written as their number. */
function withoutZeros(record: string): string {
  return record.replace(/(?:00){64,}$/, (zeros) => ` and ${zeros.length / 2} zeros`);
}

function withZeros(record: string): string {
  return record.replace(/ and (\d+) zeros$/, (_, count) => '00'.repeat(Number(count)));
}

/** The last one may be what is left of bytes that are no record. */
function recordsIn(bytes: Bytes): Bytes[] {
  const records: Bytes[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const length = 5 + (((bytes[offset + 3] ?? 0) << 8) | (bytes[offset + 4] ?? 0));
    records.push(bytes.subarray(offset, offset + length));
    offset += length;
  }
  return records;
}

/** All bytes that `steps` put on the network. */
export function networkBytes(steps: readonly Step[]): Bytes {
  return bytesIn(steps, 'network');
}

/** All bytes that `steps` took from the network. */
export function heardIn(steps: readonly Step[]): Bytes {
  return bytesIn(steps, 'receive');
}

function bytesIn(steps: readonly Step[], kind: 'network' | 'receive'): Bytes {
  return concat(...steps.filter((step) => step[0] === kind).map(([, bytes]) => parseBytes(bytes)));
}
