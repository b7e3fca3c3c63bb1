import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { hex, latin1 } from '../../src/core/bytes.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import { ClientConnection } from '../../src/engine/client.ts';
import { type ClientConfig, defaultClientConfig } from '../../src/engine/config.ts';
import { encodeEchConfigList } from '../../src/engine/ech/config.ts';
import { ServerConnection } from '../../src/engine/server.ts';
import { defaultServerConfig } from '../../src/engine/server-config.ts';
import { ConnectionDriver } from '../support/connection-driver.ts';
import { echKey, heldEchKey } from '../support/ech-keys.ts';
import { heldCredential } from '../support/pair13.ts';
import { softwareKeys } from '../support/software-keys.ts';
import { buildGoEchPeer } from './builds.ts';

setDefaultTimeout(60_000);

const executable = buildGoEchPeer();
const KNOWN = heldEchKey('known');
const UNKNOWN = heldEchKey('unknown', { configId: 9 });
const LIST = encodeEchConfigList([KNOWN.config.encoded]);
const KEYS = softwareKeys([heldCredential()], undefined, [KNOWN]);
const peers: ChildProcess[] = [];

afterAll(() => {
  for (const peer of peers) peer.kill();
});

describe("Go's crypto/tls, Encrypted Client Hello:", () => {
  for (const retried of [false, true]) {
    const suffix = retried ? ' after a HelloRetryRequest' : '';

    test(`its server accepts and rejects ours, and ignores GREASE${suffix}`, async () => {
      const port = await goServer(retried);
      const accepted = await ask(port, [KNOWN.config]);
      expect(accepted).toMatchObject({ heard: `ech=true sni=secret.example hrr=${retried}\n`, status: 'accepted' });
      const rejected = await ask(port, [UNKNOWN.config]);
      expect(rejected).toMatchObject({ heard: '', why: 'ech-rejected', retryConfigs: LIST });
      const greased = await ask(port, 'grease');
      expect(greased).toMatchObject({ heard: `ech=false sni=secret.example hrr=${retried}\n`, status: 'grease' });
    });

    test(`its client is accepted and rejected by our server${suffix}`, async () => {
      expect(await goClient(KNOWN, retried)).toBe(`ech=true hrr=${retried}\n`);
      expect(await goClient(UNKNOWN, retried)).toBe(`rejected retry=${hex(LIST)}\n`);
    });
  }
});

async function goServer(retried: boolean): Promise<number> {
  const { d } = KNOWN.privateKey.export({ format: 'jwk' });
  const key = Buffer.from(d ?? '', 'base64url').toString('hex');
  const args = ['server', hex(KNOWN.config.encoded), key, ...(retried ? ['p256'] : [])];
  const peer = spawn(executable, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  peers.push(peer);
  const [line] = await once(peer.stdout, 'data');
  return Number(String(line));
}

async function ask(port: number, ech: ClientConfig['ech']) {
  const config = { ...defaultClientConfig(nodeCrypto, 'secret.example', Date.now), ech };
  const driver = new ConnectionDriver(new ClientConnection(config, nodeCrypto));
  const socket = connect(port, '127.0.0.1');
  const heard = await carry(driver, socket);
  return { heard, status: driver.session?.ech, why: driver.failure?.why, retryConfigs: driver.failure?.retryConfigs };
}

/** Up to the first application data, or the end. */
async function carry(driver: ConnectionDriver, socket: Socket): Promise<string> {
  socket.on('error', () => {});
  await driver.start();
  socket.write(driver.takeNetwork());
  let heard = '';
  for await (const chunk of socket) {
    await driver.receive(new Uint8Array(chunk));
    socket.write(driver.takeNetwork());
    heard = latin1(driver.takePlaintext());
    if (driver.failure !== undefined || heard !== '') break;
  }
  socket.end();
  return heard;
}

async function goClient(known: typeof KNOWN, retried: boolean): Promise<string> {
  const config = { ...defaultServerConfig(nodeCrypto, Date.now), ech: [echKey(KNOWN)] };
  const server = createServer((socket) => {
    const connection = new ServerConnection(retried ? { ...config, groups: ['secp521r1'] } : config, nodeCrypto);
    void carry(new ConnectionDriver(connection, undefined, KEYS), socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const list = hex(encodeEchConfigList([known.config.encoded]));
  const peer = spawn(executable, ['client', list, address], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said = await text(peer.stdout);
  server.close();
  return said;
}
