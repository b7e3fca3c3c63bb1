import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** The command under test: the checkout's, or what TLSIFY_TEST_COMMAND names (a built executable). */
export const COMMAND = process.env.TLSIFY_TEST_COMMAND ?? fileURLToPath(new URL('../../bin/tlsify', import.meta.url));

/** No run of the command may take longer; a test that hangs fails with what was written until then. */
const RUN_LIMIT_MS = 300_000;

/**
 * What the process may ever have in memory, in MiB, whatever peer and application do: it starts with some 40, and needs some 55
 * when all its buffers are full.
 */
export const MEMORY_BOUND_MIB = 80;

export interface StatusLine {
  readonly event: 'ready' | 'failed' | 'closed';
  readonly [field: string]: unknown;
}

export interface Ending {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderr: string;
  readonly status: readonly StatusLine[];
}

export interface TlsifyOptions {
  /** Default: {@link COMMAND}. */
  readonly command?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A descriptor of ours for its stdin or stdout, in place of a pipe. */
  readonly stdin?: number;
  readonly stdout?: number;
}

/** `tlsify …` with `--status-fd 3` behind the arguments; its stdin and stdout are pipes to this process. */
export class TlsifyProcess {
  /** Settles when the process has ended and all that it wrote is read, stdout apart. */
  readonly ending: Promise<Ending>;
  readonly #child: ChildProcess;
  readonly #status: StatusLine[] = [];
  #stderr = '';
  #onStatus: () => void = () => {};

  constructor(args: readonly string[], options: TlsifyOptions = {}) {
    this.#child = spawn(options.command ?? COMMAND, [...args, '--status-fd', '3'], {
      env: { ...process.env, ...options.env },
      stdio: [options.stdin ?? 'pipe', options.stdout ?? 'pipe', 'pipe', 'pipe'],
    });
    this.#child.stdin?.on('error', () => {}); // EPIPE: the exit code tells
    this.ending = this.#end();
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`cannot run ${COMMAND}`);
    return this.#child.pid;
  }

  /** The most that was resident so far, in MiB; undefined when the process is gone. */
  get peakMemoryMib(): number | undefined {
    try {
      const match = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'latin1'));
      return match === null ? undefined : Number(match[1]) / 1024;
    } catch {
      return undefined;
    }
  }

  get stdin(): Writable {
    if (this.#child.stdin === null) throw new Error('stdin is not a pipe');
    return this.#child.stdin;
  }

  get stdout(): Readable {
    if (this.#child.stdout === null) throw new Error('stdout is not a pipe');
    return this.#child.stdout;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Writes one chunk after the other as they are taken. What cannot be written any more is dropped: the ending tells why. */
  async write(chunks: Iterable<Uint8Array>): Promise<void> {
    for (const chunk of chunks) {
      const taken = await new Promise<boolean>((resolve) => this.stdin.write(chunk, (error) => resolve(!error)));
      if (!taken) return;
    }
  }

  /** The first status line with that event. @throws Error if the process ends without it. */
  async status(event: StatusLine['event']): Promise<StatusLine> {
    for (;;) {
      const found = this.#status.find((line) => line.event === event);
      if (found !== undefined) return found;
      const ended = await Promise.race([
        this.ending.then(() => true),
        new Promise<false>((resolve) => {
          this.#onStatus = () => resolve(false);
        }),
      ]);
      if (ended && !this.#status.some((line) => line.event === event))
        throw new Error(`no status line "${event}": ${JSON.stringify(await this.ending)}`);
    }
  }

  async #end(): Promise<Ending> {
    const child = this.#child;
    const limit = setTimeout(() => child.kill('SIGKILL'), RUN_LIMIT_MS);
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    this.#readStatus(child.stdio[3] as Readable);
    const ends = [child.stderr, child.stdio[3] as Readable].map((stream) => stream && once(stream, 'close'));
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    await Promise.all(ends);
    clearTimeout(limit);
    return { code, signal, stderr: this.#stderr, status: this.#status };
  }

  #readStatus(stream: Readable): void {
    let text = '';
    stream.on('data', (chunk: Buffer) => {
      const lines = (text + chunk.toString()).split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) this.#status.push(JSON.parse(line) as StatusLine);
      this.#onStatus();
    });
  }
}

export interface Result extends Ending {
  readonly stdout: Buffer;
}

/** Runs to the end: writes `input`, ends stdin, reads stdout. */
export async function runTlsify(
  args: readonly string[],
  input: string | Uint8Array = '',
  options: TlsifyOptions = {},
): Promise<Result> {
  const tlsify = new TlsifyProcess(args, options);
  tlsify.stdin.end(input);
  const stdout = readAll(tlsify.stdout);
  return { ...(await tlsify.ending), stdout: await stdout };
}

export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
