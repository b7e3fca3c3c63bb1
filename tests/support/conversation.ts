import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import type { CertificateVerifier } from '../../src/engine/answer.ts';
import { ClientConnection } from '../../src/engine/client.ts';
import { type ClientConfig, defaultClientConfig } from '../../src/engine/config.ts';
import { acceptAnyCertificate, ConnectionDriver } from './connection-driver.ts';
import { ScriptedServer, type ServerScript } from './scripted-server.ts';

export interface Conversation {
  readonly client: ConnectionDriver;
  readonly server: ScriptedServer;
}

/** The usual offer without TLS 1.2 and Encrypted Client Hello, and without the hybrids, whose arithmetic takes most of a test's time. */
export function testConfig(changes: Partial<ClientConfig> = {}): ClientConfig {
  return {
    ...defaultClientConfig(nodeCrypto, 'localhost', () => 1_700_000_000_000),
    minVersion: 'TLSv1.3',
    ech: null,
    groups: ['x25519', 'secp256r1'],
    keyShareGroups: ['x25519'],
    ...changes,
  };
}

/** A client of ours and a scripted server, run until neither has anything more to say. */
export async function converse(
  script: ServerScript = {},
  changes: Partial<ClientConfig> = {},
  verifier: CertificateVerifier = acceptAnyCertificate,
): Promise<Conversation> {
  const client = new ConnectionDriver(new ClientConnection(testConfig(changes), nodeCrypto), verifier);
  const conversation = { client, server: new ScriptedServer(script) };
  await client.start();
  await exchange(conversation);
  return conversation;
}

/** Carries bytes both ways until there are none. */
export async function exchange({ client, server }: Conversation): Promise<void> {
  for (;;) {
    await client.settle();
    const toServer = client.takeNetwork();
    await server.hear(toServer);
    const toClient = server.take();
    if (toServer.length === 0 && toClient.length === 0) return;
    if (toClient.length > 0) await client.receive(toClient);
  }
}
