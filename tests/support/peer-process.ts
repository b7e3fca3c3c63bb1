import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** How long a peer may take until it listens: a Java machine on a loaded computer takes seconds. */
const START_LIMIT_MS = 60_000;

export interface PeerCommand {
  /** A program in PATH, or a path. */
  readonly program: string;
  readonly args: readonly string[];
  /** The Debian package (or toolchain) that has the program, for the message when it is missing. */
  readonly comesFrom: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A server in a process of its own, listening on {@link port} of 127.0.0.1 (or of all addresses). Killed with this process. */
export class PeerProcess {
  readonly port: number;
  readonly #child: ChildProcessWithoutNullStreams;
  #stderr = '';

  private constructor(port: number, child: ChildProcessWithoutNullStreams) {
    this.port = port;
    this.#child = child;
    child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString('latin1')).slice(-16_384);
    });
    child.stdin.on('error', () => {}); // EPIPE: the test sees the peer's end elsewhere
  }

  /**
   * Starts what `command` returns for a port that is free, and waits until that port is listened on.
   * @throws Error with the peer's stderr when it does not come up.
   */
  static async start(command: (port: number) => PeerCommand): Promise<PeerProcess> {
    for (let attempt = 1; ; attempt++) {
      const port = await freePort();
      const { program, args, comesFrom, cwd, env } = command(port);
      requireProgram(program, comesFrom);
      // The kernel kills it with this process, however that ends: `bun test` calls no exit handler.
      const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', program, ...args], {
        cwd,
        env: { ...process.env, ...env },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      const peer = new PeerProcess(port, child);
      if (await peer.#listens()) return peer;
      await peer.stop();
      // Another process may have taken the port between our look and the peer's bind.
      if (attempt === 3) throw new Error(`${program} ${args.join(' ')} does not come up:\n${peer.stderr}`);
    }
  }

  get stdin(): ChildProcessWithoutNullStreams['stdin'] {
    return this.#child.stdin;
  }

  get stdout(): ChildProcessWithoutNullStreams['stdout'] {
    return this.#child.stdout;
  }

  /** The last 16 KiB, for messages. */
  get stderr(): string {
    return this.#stderr;
  }

  /** The first complete line of stdout from now on that matches; stdout goes on flowing, unread. */
  async line(pattern: RegExp): Promise<string> {
    let text = '';
    for await (const chunk of this.stdout.iterator({ destroyOnReturn: false })) {
      text += String(chunk);
      const found = text
        .split('\n')
        .slice(0, -1)
        .find((line) => pattern.test(line));
      if (found !== undefined) return found;
    }
    throw new Error(`the peer ended without a line like ${pattern}; it wrote:\n${text}\n${this.stderr}`);
  }

  async stop(): Promise<void> {
    if (this.#ended()) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }

  #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async #listens(): Promise<boolean> {
    const deadline = Date.now() + START_LIMIT_MS;
    while (!isListening(this.port)) {
      if (this.#ended() || Date.now() > deadline) return false;
      await delay(5);
    }
    return true;
  }
}

/** @throws Error that names what to install. A test never passes for want of its peer. */
export function requireProgram(program: string, comesFrom: string): void {
  const candidates = program.includes('/')
    ? [program]
    : (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, program));
  if (!candidates.some((path) => existsSync(path)))
    throw new Error(`this test needs ${program}, from ${comesFrom}: run tests/interop/install.sh as root`);
}

export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    if (!isListening(port) && (await canListen(port))) return port;
  }
}

/** Below what the kernel gives to whoever asks for any port: there only a peer of ours, by chance, could come between. */
const FIRST_PORT = 12_000;
const PORTS = 20_000;

async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  const listening = new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (!(await listening)) return false;
  server.close();
  await once(server, 'close');
  return true;
}

/** By the kernel's own table, as a connection that tries would be the first client of a peer that serves one. */
function isListening(port: number): boolean {
  const LISTEN = '0A';
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return ['/proc/net/tcp', '/proc/net/tcp6'].some((table) =>
    readFileSync(table, 'latin1')
      .split('\n')
      .some((row) => {
        const [, local, , state] = row.trim().split(/\s+/);
        return local?.endsWith(suffix) === true && state === LISTEN;
      }),
  );
}
