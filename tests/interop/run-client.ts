import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type PeerCommand, requireProgram } from '../support/peer-process.ts';

/** A client that hangs is a failure; a Java machine on a loaded computer takes seconds. */
const RUN_LIMIT_MS = 20_000;

export interface Run {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/**
 * Runs a client to its end, with `input` on its stdin. That stays open: most of them end their connection with it, and not when
 * the server does.
 */
export async function runClient(command: PeerCommand, input: string | Iterable<Uint8Array> = ''): Promise<Run> {
  const client = new ClientProcess(command);
  await client.write(typeof input === 'string' ? [Buffer.from(input, 'latin1')] : input);
  return client.ending;
}

/** A client in a process of its own, whose stdin and stdout are the plain side. Killed with this process, or when it hangs. */
export class ClientProcess {
  readonly ending: Promise<Run>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #stdout: Buffer[] = [];
  #stdoutBytes = 0;
  #stderr = '';
  #onOutput: () => void = () => {};

  constructor({ program, args, comesFrom, env, cwd }: PeerCommand) {
    requireProgram(program, comesFrom);
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', program, ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child.stdin.on('error', () => {}); // EPIPE: its exit code tells
    this.#child.stdout.on('data', (chunk: Buffer) => {
      this.#stdout.push(chunk);
      this.#stdoutBytes += chunk.length;
      this.#onOutput();
    });
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString('latin1');
      this.#onOutput();
    });
    this.ending = this.#end();
  }

  get stderr(): string {
    return this.#stderr;
  }

  async write(chunks: Iterable<Uint8Array>): Promise<void> {
    for (const chunk of chunks) await new Promise<void>((resolve) => this.#child.stdin.write(chunk, () => resolve()));
  }

  endInput(): void {
    this.#child.stdin.end();
  }

  /** All that it wrote until now. */
  get output(): string {
    return Buffer.concat(this.#stdout).toString('latin1') + this.#stderr;
  }

  get stdoutBytes(): number {
    return this.#stdoutBytes;
  }

  /** Settles when it has written what makes that true. @throws Error when it ends before */
  async until(condition: (client: this) => boolean): Promise<void> {
    while (!condition(this)) {
      const change = new Promise<false>((resolve) => {
        this.#onOutput = () => resolve(false);
      });
      const ended = await Promise.race([this.ending.then(() => true), change]);
      if (ended && !condition(this)) throw new Error(`the client ended:\n${this.#stderr}`);
    }
  }

  async #end(): Promise<Run> {
    const child = this.#child;
    const limit = setTimeout(() => child.kill('SIGKILL'), RUN_LIMIT_MS);
    const closed = [once(child.stdout, 'close'), once(child.stderr, 'close')];
    const [code] = (await once(child, 'exit')) as [number | null];
    await Promise.all(closed);
    clearTimeout(limit);
    child.stdin.destroy();
    return { code, stdout: Buffer.concat(this.#stdout), stderr: this.#stderr };
  }
}
