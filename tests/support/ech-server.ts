import type { Socket } from 'node:net';
import { ascii, latin1 } from '../../src/core/bytes.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import type { SessionFacts } from '../../src/engine/connection.ts';
import { encodeEchConfigList } from '../../src/engine/ech/config.ts';
import { ServerConnection } from '../../src/engine/server.ts';
import { defaultServerConfig, type ServerConfig } from '../../src/engine/server-config.ts';
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
  /** Of each handshake that was completed. */
  readonly sessions: readonly SessionFacts[];
}

/**
 * A server of ours that can open what is sealed for `keys`. It tells each client by which name it was asked for, and what became of
 * the client's Encrypted Client Hello, in a line, and closes. @param names of its certificate @param changes of its configuration
 */
export async function listenEch(
  keys: readonly HeldEchKey[],
  names: readonly string[] = ['localhost', PUBLIC_NAME],
  changes: Partial<ServerConfig> = {},
): Promise<EchServer> {
  const leaf = serverCertificate(ISSUING_CA, { dns: [...names] });
  const chain = chainOf(leaf).map(({ der }) => der);
  const holder = softwareKeys([{ chain, privatePem: leaf.key.privatePem }], undefined, keys);
  const config = { ...defaultServerConfig(nodeCrypto, Date.now), ech: keys.map((key) => echKey(key)), ...changes };
  const chunks: string[] = [];
  const sessions: SessionFacts[] = [];
  const peer = await TcpPeer.listen((socket) => {
    const driver = new ConnectionDriver(new ServerConnection(config, nodeCrypto), undefined, holder);
    return serve(socket, driver, { chunks, sessions });
  });
  return { peer, heard: () => chunks.join(''), sessions };
}

interface Log {
  readonly chunks: string[];
  readonly sessions: SessionFacts[];
}

async function serve(socket: Socket, driver: ConnectionDriver, log: Log): Promise<void> {
  await driver.start();
  let told = false;
  for await (const chunk of socket) {
    log.chunks.push(latin1(new Uint8Array(chunk)));
    if (driver.failure !== undefined) continue;
    await driver.receive(new Uint8Array(chunk));
    if (driver.session !== undefined && driver.failure === undefined && !told) {
      told = true;
      log.sessions.push(driver.session);
      const { serverName, ech } = driver.session;
      driver.connection.send(ascii(`name=${serverName} ech=${ech}\n`));
      driver.connection.closeWrite();
      await driver.settle();
    }
    await writeAll(socket, driver.takeNetwork());
  }
  socket.end();
}
