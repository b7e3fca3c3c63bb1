import { connect, type Socket } from 'node:net';
import type { Bytes } from '../../src/core/bytes.ts';

/** A socket that is read when the exchange wants bytes. */
export class Wire {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Bytes>;
  #held: Bytes[] | null = null;

  static open(port: number, ipv6: boolean): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: ipv6 ? '::1' : '127.0.0.1', allowHalfOpen: true });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new Wire(socket)));
    });
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#socket.on('error', () => {}); // a reset shows as the end of the stream
    this.#chunks = socket[Symbol.asyncIterator]();
  }

  /** What is written from now on waits for {@link release}. */
  hold(): void {
    this.#held = [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const bytes of held) this.write(bytes);
  }

  write(bytes: Bytes): void {
    if (this.#held !== null) this.#held.push(bytes);
    else if (!this.#socket.destroyed) this.#socket.write(bytes);
  }

  async read(): Promise<Bytes | null> {
    try {
      const { done, value } = await this.#chunks.next();
      return done ? null : new Uint8Array(value);
    } catch {
      return null;
    }
  }

  /** Half-closes and waits for the runner to have read everything. */
  async close(): Promise<void> {
    this.#socket.end();
    while ((await this.read()) !== null);
  }
}
