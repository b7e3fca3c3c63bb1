import { type Bytes, concat } from '../../src/core/bytes.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import type { CertificateVerifier, KeyHolder } from '../../src/engine/answer.ts';
import { ClientMachine } from '../../src/engine/client/machine.ts';
import { type ClientHello, decodeClientHello, encodeClientHello } from '../../src/engine/codec/messages.ts';
import { CONTENT_TYPE } from '../../src/engine/codec/registry.ts';
import type { ClientConfig } from '../../src/engine/config.ts';
import { EngineConnection } from '../../src/engine/engine.ts';
import { ServerConnection } from '../../src/engine/server.ts';
import { defaultServerConfig, type ServerConfig } from '../../src/engine/server-config.ts';
import { carry, type Pair, type Way } from './carry.ts';
import { serverCertificate } from './certificates.ts';
import { acceptAnyCertificate, ConnectionDriver } from './connection-driver.ts';
import { testConfig } from './conversation.ts';
import type { KeyKind } from './keys.ts';
import { type HeldCredential, softwareKeys } from './software-keys.ts';
import { type Tamper, Tampered } from './tls12.ts';

export interface Sides13 extends Way {
  readonly client?: Partial<ClientConfig>;
  readonly server?: Partial<ServerConfig>;
  readonly clientKeys?: KeyHolder;
  readonly serverKeys?: KeyHolder;
  readonly clientVerifier?: CertificateVerifier;
  readonly serverVerifier?: CertificateVerifier;
  /** Changes what the client does before it is done. */
  readonly tamperClient?: Tamper;
}

/** A self-signed certificate of that key, and the key. */
export function heldCredential(key: KeyKind = 'p256', dns = 'localhost'): HeldCredential {
  const { der, key: made } = serverCertificate(undefined, { dns: [dns] }, { key });
  return { chain: [der], privatePem: made.privatePem };
}

/** Shared by all tests that do not care. */
export const SERVER_KEYS = softwareKeys([heldCredential()]);

function serverTestConfig(changes: Partial<ServerConfig> = {}): ServerConfig {
  return {
    ...defaultServerConfig(nodeCrypto, () => 1_700_000_000_000),
    minVersion: 'TLSv1.3',
    groups: ['x25519', 'secp256r1'],
    ...changes,
  };
}

/** The first ClientHello of a client of ours, changed by `change`, as one record. */
export async function clientHello(
  change: (hello: ClientHello) => ClientHello,
  config: Partial<ClientConfig> = {},
): Promise<Bytes> {
  const { client } = pair13({ client: { grease: false, ...config } });
  await client.start();
  const hello = decodeClientHello(client.takeNetwork().subarray(9));
  return plainRecord(CONTENT_TYPE.handshake, encodeClientHello(change(hello)));
}

/** `hello` with some extensions replaced, added, or (null) left out. */
export function withExtensions(hello: ClientHello, changes: Readonly<Record<number, Bytes | null>>): ClientHello {
  const extensions = new Map(hello.extensions);
  for (const [code, body] of Object.entries(changes)) {
    if (body === null) extensions.delete(Number(code));
    else extensions.set(Number(code), body);
  }
  return { ...hello, extensions };
}

export function plainRecord(type: number, content: Bytes): Bytes {
  return concat(Uint8Array.of(type, 3, 3, content.length >>> 8, content.length), content);
}

/** A server that has received `bytes`. */
export async function serverHearing(bytes: Bytes, sides: Sides13 = {}): Promise<ConnectionDriver> {
  const { server } = pair13(sides);
  await server.start();
  await server.receive(bytes);
  return server;
}

export function pair13(sides: Sides13 = {}): Pair {
  const config = testConfig(sides.client);
  const machine = new Tampered(new ClientMachine({ config, crypto: nodeCrypto }), sides.tamperClient);
  const client = new EngineConnection(machine, config);
  const server = new ServerConnection(serverTestConfig(sides.server), nodeCrypto);
  return {
    client: new ConnectionDriver(client, sides.clientVerifier ?? acceptAnyCertificate, sides.clientKeys),
    server: new ConnectionDriver(server, sides.serverVerifier ?? acceptAnyCertificate, sides.serverKeys ?? SERVER_KEYS),
  };
}

/** Starts both and carries bytes until neither has anything more to say. */
export async function converse13(sides: Sides13 = {}): Promise<Pair> {
  const pair = pair13(sides);
  await pair.server.start();
  await pair.client.start();
  await carry(pair, sides);
  return pair;
}
