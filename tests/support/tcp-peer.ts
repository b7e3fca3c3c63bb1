import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Bytes } from '../../src/core/bytes.ts';
import { ScriptedServer, type ServerScript } from './scripted-server.ts';
import { LOCAL_SERVER } from './test-pki.ts';

/** A TCP server of this process on 127.0.0.1, for peers that no TLS library would be. */
export class TcpPeer {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(port: number, server: Server, sockets: Set<Socket>) {
    this.port = port;
    this.#server = server;
    this.#sockets = sockets;
  }

  /** @param accept called for each connection. What it throws or rejects with is thrown away: the client's side is what is tested. */
  static async listen(accept: (socket: Socket) => void | Promise<void>): Promise<TcpPeer> {
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
      Promise.resolve(accept(socket)).catch(() => {});
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no TCP address');
    return new TcpPeer(address.port, server, sockets);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** A scripted TLS server on a socket. Certificate and key are good unless the script says otherwise. */
export class ScriptedSocket {
  readonly server: ScriptedServer;
  readonly #socket: Socket;
  #work = Promise.resolve();
  #onHeard: () => void = () => {};

  constructor(socket: Socket, script: ServerScript = {}) {
    this.#socket = socket;
    this.server = new ScriptedServer({ identity: LOCAL_SERVER, ...script });
    socket.on('data', (chunk: Buffer) => {
      this.#work = this.#work.then(async () => {
        await this.server.hear(new Uint8Array(chunk));
        await this.flush();
        this.#onHeard();
      });
    });
  }

  /** Sends what the server has put out, and waits until the kernel has taken it. */
  async flush(): Promise<void> {
    await writeAll(this.#socket, this.server.take());
  }

  /** Settles when what was heard from the client satisfies `condition`. One at a time. */
  async heard(condition: (server: ScriptedServer) => boolean): Promise<void> {
    while (!condition(this.server))
      await new Promise<void>((resolve) => {
        this.#onHeard = resolve;
      });
  }
}

/** Settles when the kernel has taken all of it; rejects when the connection is gone. */
export function writeAll(socket: Socket, bytes: Bytes): Promise<void> {
  if (bytes.length === 0) return Promise.resolve();
  return new Promise((resolve, reject) =>
    socket.write(bytes, (error) => (error === undefined || error === null ? resolve() : reject(error))),
  );
}
