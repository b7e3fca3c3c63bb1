import type { Socket } from 'node:net';
import { type Bytes, EMPTY } from '../../../src/core/bytes.ts';
import type { Failure } from '../../../src/core/failures.ts';
import type { SessionFacts } from '../../../src/engine/connection.ts';
import type { ConnectionDriver } from '../../support/connection-driver.ts';
import { writeAll } from '../../support/tcp-peer.ts';

/** The peer has failed the connection, or we have. */
export class Ended extends Error {}

/** Plain bytes of a connection whose records go over a socket: read by who wants bytes, written by who has some, both at once. */
export class TlsStream {
  readonly #driver: ConnectionDriver;
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Buffer>;
  #networkEnded = false;

  /** @param socket one that may be half-open */
  constructor(socket: Socket, driver: ConnectionDriver) {
    this.#driver = driver;
    this.#socket = socket;
    this.#chunks = socket[Symbol.asyncIterator]();
    socket.on('error', () => {}); // shows as the end of the network
  }

  get failure(): Failure | null {
    return this.#driver.failure ?? null;
  }

  get session(): SessionFacts | null {
    return this.#driver.session ?? null;
  }

  get peerClosed(): boolean {
    return this.#driver.peerClosed;
  }

  /** @throws Ended */
  async handshake(): Promise<SessionFacts> {
    await this.#driver.start();
    for (;;) {
      await this.#flush();
      if (this.#driver.session !== undefined) return this.#driver.session;
      await this.#pull();
    }
  }

  /** The next bytes; null after the peer's close_notify. @throws Ended */
  async read(): Promise<Bytes | null> {
    for (;;) {
      const bytes = this.#driver.takePlaintext();
      if (bytes.length > 0) return bytes;
      if (this.peerClosed) return null;
      await this.#pull();
    }
  }

  /** Settles when the kernel has taken it. @throws Ended */
  async write(bytes: Bytes): Promise<void> {
    if (this.failure !== null) throw new Ended();
    this.#driver.connection.send(bytes);
    await this.#settle();
  }

  async closeWrite(): Promise<void> {
    if (this.failure !== null) return;
    this.#driver.connection.closeWrite();
    await this.#settle();
  }

  /** Closes TCP when the peer has: before, what we sent last could be lost to a reset. */
  async end(): Promise<void> {
    this.#socket.end();
    for (let next = await this.#next(); next !== null; next = await this.#next());
    this.#socket.destroy();
  }

  async #pull(): Promise<void> {
    if (this.failure !== null || this.#networkEnded) throw new Ended();
    const chunk = await this.#next();
    if (chunk === null) this.#driver.connection.receiveEnd();
    else await this.#driver.receive(chunk);
    await this.#settle();
  }

  async #settle(): Promise<void> {
    await this.#driver.settle();
    await this.#flush();
  }

  async #flush(): Promise<void> {
    const bytes = this.#driver.takeNetwork();
    // A peer that is gone is noticed by who reads.
    if (bytes.length > 0) await writeAll(this.#socket, bytes).catch(() => {});
    if (this.failure !== null) throw new Ended();
  }

  async #next(): Promise<Bytes | null> {
    try {
      const { done, value } = await this.#chunks.next();
      this.#networkEnded ||= done === true;
      return done === true ? null : new Uint8Array(value);
    } catch {
      this.#networkEnded = true;
      return null;
    }
  }
}

/** Reads a line at a time from a stream, and then the rest. */
export class Lines {
  readonly #stream: TlsStream;
  #unread: Bytes = EMPTY;

  constructor(stream: TlsStream) {
    this.#stream = stream;
  }

  /** Without its end; null when the peer has closed. @throws Ended */
  async line(): Promise<string | null> {
    for (;;) {
      const end = this.#unread.indexOf(0x0a);
      if (end >= 0) {
        const line = this.#unread.subarray(0, end);
        this.#unread = this.#unread.subarray(end + 1);
        return Buffer.from(line).toString('latin1').replace(/\r$/, '');
      }
      const more = await this.#stream.read();
      if (more === null) return null;
      this.#unread = Buffer.concat([this.#unread, more]);
    }
  }

  /** What is behind the lines; null when the peer has closed. @throws Ended */
  async rest(): Promise<Bytes | null> {
    const unread = this.#unread;
    this.#unread = EMPTY;
    return unread.length > 0 ? unread : this.#stream.read();
  }
}
