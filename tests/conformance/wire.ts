import { connect, type Socket } from 'node:net';
import type { Bytes } from '../../src/core/bytes.ts';

/** A socket that is read when the exchange wants bytes. */
export class Wire {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Bytes>;

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

  write(bytes: Bytes): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes);
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
