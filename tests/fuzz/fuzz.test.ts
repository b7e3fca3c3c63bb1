import { describe, expect, test } from 'bun:test';
import { EMPTY } from '../../src/core/bytes.ts';
import type { Connection, Output } from '../../src/engine/connection.ts';
import { RecordingConnection, type Step } from '../vectors/recording.ts';
import { TLS13_SCENARIOS } from '../vectors/scenarios/tls13.ts';
import { conversation } from './conversation-targets.ts';
import { type Finding, fuzz } from './fuzz.ts';
import type { Target } from './target.ts';
import { TARGETS } from './targets.ts';

const LIMIT_MS = 120_000;

for (const [name, target] of Object.entries(TARGETS))
  test(
    `${name}: ${target.runs} mutated inputs`,
    async () => {
      expect(await fuzz(target, 1, (runs) => runs < target.runs)).toBeUndefined();
    },
    LIMIT_MS,
  );

describe('the fuzzer finds a connection', () => {
  const faults: Readonly<Record<string, (connection: Connection) => Connection>> = {
    'that takes a mistake of its peer for its own': (connection) =>
      new Altered(connection, (output) =>
        output.output === 'failed' && output.failure.why === 'bad-alert'
          ? { ...output, failure: { ...output.failure, kind: 'internal' } }
          : output,
      ),
    'that does not tell why it fails': (connection) =>
      new Altered(connection, (output, steps) =>
        output.output === 'network' && output.bytes.length === 7 && steps.length > 2
          ? { output: 'network', bytes: Uint8Array.of(21, 3, 3, 0, 2, 2, 80) }
          : output,
      ),
    'to which it matters how bytes come in': (connection) =>
      new Altered(connection, (output, steps) =>
        output.output === 'plaintext' && steps.at(-2)?.[0] === 'plaintext' ? { ...output, bytes: EMPTY } : output,
      ),
  };
  for (const [name, fault] of Object.entries(faults))
    test(name, async () => {
      const target = await conversation('client', TLS13_SCENARIOS, fault);
      const finding = await fuzz(target, 1, (runs) => runs < 3000);
      expect(finding?.error).toBeInstanceOf(Error);
      expect(Promise.resolve(target.run((finding as Finding).input))).rejects.toThrow();
    });
});

/** A connection that says something else than it should. */
class Altered extends RecordingConnection {
  readonly #change: (output: Output, steps: readonly Step[]) => Output;

  constructor(connection: Connection, change: (output: Output, steps: readonly Step[]) => Output) {
    super(connection);
    this.#change = change;
  }

  override next(): Output | undefined {
    const output = super.next();
    return output === undefined ? undefined : this.#change(output, this.steps);
  }
}

describe('the fuzzer finds a planted', () => {
  const plants: Readonly<Record<string, (input: Uint8Array) => boolean>> = {
    'length that is believed': (input) => (input[0] ?? 0) > input.length,
    'value at an edge': (input) => input[3] === 0xff,
    'empty input': (input) => input.length === 0,
    'repetition': (input) => input.length > 70,
    'seed that is wrong as it is': () => true,
  };
  for (const [name, isBad] of Object.entries(plants))
    test(name, async () => {
      const planted: Target = {
        seeds: [Uint8Array.from({ length: 40 }, (_, index) => index)],
        runs: 20_000,
        run: (input) => {
          if (isBad(input)) throw new RangeError('planted');
        },
      };
      const finding = await fuzz(planted, 1, (runs) => runs < planted.runs);
      expect(finding?.error).toBeInstanceOf(RangeError);
    });
});
