import { afterAll } from 'bun:test';
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { RUNTIME_SETTINGS } from '../../src/os/runtime.ts';
import type { ClientOptions, Order, Outcome, ServerOptions, Word } from './endpoint/options.ts';

/** A server of ours on a port of 127.0.0.1. */
export interface Listener {
  readonly port: number;
  /** What became of its next connection, in the order of their ends. */
  readonly outcome: () => Promise<Outcome>;
}

/**
 * The engine in a process of its own, both roles, for any number of cases. Default: with the settings of a session's process.
 * Killed with this process.
 */
export class Endpoint {
  readonly #child: ChildProcess;
  readonly #hear = new Map<number, (word: Word) => void>();
  /** Rejects when the process ends before it is told to. */
  readonly #death: Promise<never>;
  #orders = 0;

  /** @param jit with the runtime's defaults: faster for bulk data */
  constructor({ jit = false } = {}) {
    const program = fileURLToPath(new URL('endpoint/program.ts', import.meta.url));
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', process.execPath, program], {
      env: { ...process.env, ...(jit ? {} : RUNTIME_SETTINGS) },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    if (this.#child.stdout === null) throw new Error('stdout is not a pipe');
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const word = JSON.parse(line) as Word;
      this.#hear.get(word.id)?.(word);
    });
    this.#death = new Promise((_, reject) =>
      this.#child.once('exit', (code, signal) => reject(new Error(`the endpoint died: ${code ?? signal}`))),
    );
    this.#death.catch(() => {});
    started.add(this);
  }

  async listen(options: ServerOptions): Promise<Listener> {
    const outcomes = new Queue<Outcome>();
    const listening = new Promise<number>((resolve) =>
      this.#order({ order: 'listen', options }, (word) => {
        if (word.word === 'listening') resolve(word.port);
        else outcomes.put(word.outcome);
      }),
    );
    const port = await Promise.race([listening, this.#death]);
    return { port, outcome: () => Promise.race([outcomes.take(), this.#death, tooLong()]) };
  }

  /** @returns what became of the connection, when it is over. */
  connect(options: ClientOptions): Promise<Outcome> {
    const over = new Promise<Outcome>((resolve) =>
      this.#order({ order: 'connect', options }, (word) => {
        if (word.word === 'over') resolve(word.outcome);
      }),
    );
    return Promise.race([over, this.#death]);
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }

  #order(order: WithoutId<Order>, hear: (word: Word) => void): void {
    const id = this.#orders++;
    this.#hear.set(id, hear);
    this.#child.stdin?.write(`${JSON.stringify({ id, ...order })}\n`);
  }
}

/** Far above what a connection takes. */
const OUTCOME_LIMIT_MS = 60_000;

async function tooLong(): Promise<never> {
  await delay(OUTCOME_LIMIT_MS, undefined, { ref: false });
  throw new Error('the connection does not end, or there was none');
}

type WithoutId<T> = T extends { readonly id: number } ? Omit<T, 'id'> : never;

const started = new Set<Endpoint>();
afterAll(() => {
  for (const endpoint of started) endpoint.stop();
});

/** What is put in comes out in its order, to who waits. */
class Queue<T> {
  readonly #items: T[] = [];
  readonly #waiting: ((item: T) => void)[] = [];

  put(item: T): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#items.push(item);
    else next(item);
  }

  take(): Promise<T> {
    const item = this.#items.shift();
    return item === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(item);
  }
}
