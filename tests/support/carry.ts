import type { Bytes } from '../../src/core/bytes.ts';
import type { ConnectionDriver } from './connection-driver.ts';

/** Both ends of a connection. */
export interface Pair {
  readonly client: ConnectionDriver;
  readonly server: ConnectionDriver;
}

/** What becomes of the bytes of one end on their way: whole unless said otherwise. */
export interface Way {
  readonly toServer?: (bytes: Bytes) => Iterable<Bytes>;
  readonly toClient?: (bytes: Bytes) => Iterable<Bytes>;
}

/** Carries bytes both ways until neither end has anything more to say. */
export async function carry({ client, server }: Pair, { toServer = whole, toClient = whole }: Way = {}): Promise<void> {
  for (;;) {
    await client.settle();
    await server.settle();
    const ofClient = client.takeNetwork();
    const ofServer = server.takeNetwork();
    if (ofClient.length === 0 && ofServer.length === 0) return;
    if (ofClient.length > 0) for (const piece of toServer(ofClient)) await server.receive(piece);
    if (ofServer.length > 0) for (const piece of toClient(ofServer)) await client.receive(piece);
  }
}

function whole(bytes: Bytes): readonly Bytes[] {
  return [bytes];
}

/** At most so many bytes at once. */
export function inPieces(most: number): Required<Way> {
  const pieces = function* (bytes: Bytes): Generator<Bytes> {
    for (let offset = 0; offset < bytes.length; offset += most) yield bytes.slice(offset, offset + most);
  };
  return { toServer: pieces, toClient: pieces };
}
