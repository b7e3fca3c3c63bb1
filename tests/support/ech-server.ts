import type { Socket } from 'node:net';
import { ascii, latin1 } from '../../src/core/bytes.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import { encodeEchConfigList } from '../../src/engine/ech/config.ts';
import { ServerConnection } from '../../src/engine/server.ts';
import { defaultServerConfig } from '../../src/engine/server-config.ts';
import { chainOf, serverCertificate } from './certificates.ts';
import { ConnectionDriver } from './connection-driver.ts';
import { echKey, type HeldEchKey } from './ech-keys.ts';
import { softwareKeys } from './software-keys.ts';
import { TcpPeer, writeAll } from './tcp-peer.ts';
import { ISSUING_CA } from './test-pki.ts';

/** The name under which all of {@link heldEchKey} can be seen on the network. */
export const PUBLIC_NAME = 'public.example';

/** What `--ech` takes. */
export function echList(...keys: readonly HeldEchKey[]): string {
  return encodeEchConfigList(keys.map(({ config }) => config.encoded)).toBase64();
}

export interface EchServer {
  readonly peer: TcpPeer;
  /** All that clients have sent so far, Latin-1. */
  readonly heard: () => string;
}

/**
 * A server of ours that can open what is sealed for `keys`. It tells each client by which name it was asked for, and what became of
 * the client's Encrypted Client Hello, in a line, and closes. @param names of its certificate
 */
export async function listenEch(
  keys: readonly HeldEchKey[],
  names: readonly string[] = ['localhost', PUBLIC_NAME],
): Promise<EchServer> {
  const leaf = serverCertificate(ISSUING_CA, { dns: [...names] });
  const chain = chainOf(leaf).map(({ der }) => der);
  const holder = softwareKeys([{ chain, privatePem: leaf.key.privatePem }], undefined, keys);
  const config = { ...defaultServerConfig(nodeCrypto, Date.now), ech: keys.map((key) => echKey(key)) };
  const chunks: string[] = [];
  const peer = await TcpPeer.listen((socket) => {
    const driver = new ConnectionDriver(new ServerConnection(config, nodeCrypto), undefined, holder);
    return serve(socket, driver, (text) => chunks.push(text));
  });
  return { peer, heard: () => chunks.join('') };
}

async function serve(socket: Socket, driver: ConnectionDriver, hear: (text: string) => void): Promise<void> {
  await driver.start();
  let told = false;
  for await (const chunk of socket) {
    hear(latin1(new Uint8Array(chunk)));
    if (driver.failure !== undefined) continue;
    await driver.receive(new Uint8Array(chunk));
    if (driver.session !== undefined && driver.failure === undefined && !told) {
      told = true;
      const { serverName, ech } = driver.session;
      driver.connection.send(ascii(`name=${serverName} ech=${ech}\n`));
      driver.connection.closeWrite();
      await driver.settle();
    }
    await writeAll(socket, driver.takeNetwork());
  }
  socket.end();
}
