import { createPrivateKey, randomBytes } from 'node:crypto';
import type { Bytes } from '../../src/core/bytes.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import type { CertificateVerifier, KeyHolder } from '../../src/engine/answer.ts';
import { ClientConnection } from '../../src/engine/client.ts';
import { type ClientConfig, defaultClientConfig } from '../../src/engine/config.ts';
import type { Connection, ProtocolVersion } from '../../src/engine/connection.ts';
import { ServerConnection } from '../../src/engine/server.ts';
import { defaultServerConfig, type ServerConfig } from '../../src/engine/server-config.ts';
import { OpenSslClient } from '../../src/openssl/client.ts';
import { loadOpenSsl } from '../../src/openssl/library.ts';
import { OpenSslServer } from '../../src/openssl/server.ts';
import { carry, inPieces, type Pair } from '../support/carry.ts';
import { chainOf, serverCertificate, type TestCertificate } from '../support/certificates.ts';
import { acceptAnyCertificate, ConnectionDriver } from '../support/connection-driver.ts';
import { type HeldCredential, softwareKeys } from '../support/software-keys.ts';
import { ISSUING_CA } from '../support/test-pki.ts';

/** The implementations of `Connection`. */
export const BACKENDS = ['tlsify', 'openssl'] as const;
export type Backend = (typeof BACKENDS)[number];
export const VERSIONS: readonly ProtocolVersion[] = ['TLSv1.3', 'TLSv1.2'];

export const openSsl = loadOpenSsl();

/** Who speaks with whom. */
export interface Scene {
  readonly client: Backend;
  readonly server: Backend;
  readonly version: ProtocolVersion;
}

/** What differs from the usual conversation. */
export interface Differences {
  readonly clientConfig?: Partial<ClientConfig>;
  readonly serverConfig?: Partial<ServerConfig>;
  readonly clientCredentials?: readonly HeldCredential[];
  readonly serverCredentials?: readonly HeldCredential[];
  readonly clientVerifier?: CertificateVerifier;
  readonly serverVerifier?: CertificateVerifier;
}

/** What both groups and both backends know. */
const GROUPS = ['x25519', 'secp256r1', 'secp384r1'] as const;
const TICKET_KEYS = new Uint8Array(randomBytes(80));

export const LEAF = serverCertificate(ISSUING_CA, { dns: ['a.test'] });
const SERVER_CREDENTIALS = [held(LEAF)];

/** A certificate with its issuers and its key. */
export function held(leaf: TestCertificate, more: Partial<HeldCredential> = {}): HeldCredential {
  return { chain: chainOf(leaf).map(({ der }) => der), privatePem: leaf.key.privatePem, ...more };
}

export function pairOf({ client, server, version }: Scene, differences: Differences = {}): Pair {
  const clientConfig: ClientConfig = {
    ...defaultClientConfig(nodeCrypto, 'a.test', Date.now),
    ech: null,
    groups: GROUPS,
    keyShareGroups: ['x25519'],
    minVersion: version,
    maxVersion: version,
    ...differences.clientConfig,
  };
  const serverConfig: ServerConfig = {
    ...defaultServerConfig(nodeCrypto, Date.now),
    groups: GROUPS,
    minVersion: version,
    maxVersion: version,
    ...differences.serverConfig,
  };
  const clientCredentials = differences.clientCredentials ?? [];
  const serverCredentials = differences.serverCredentials ?? SERVER_CREDENTIALS;
  return {
    client: driver(clientOf(client, clientConfig, clientCredentials), differences.clientVerifier, clientCredentials),
    server: driver(serverOf(server, serverConfig, serverCredentials), differences.serverVerifier, serverCredentials),
  };
}

function driver(
  connection: Connection,
  verifier: CertificateVerifier = acceptAnyCertificate,
  credentials: readonly HeldCredential[],
): ConnectionDriver {
  return new ConnectionDriver(connection, verifier, keyHolder(credentials));
}

function keyHolder(credentials: readonly HeldCredential[]): KeyHolder {
  return softwareKeys(credentials, TICKET_KEYS.subarray(0, 32));
}

function clientOf(backend: Backend, config: ClientConfig, credentials: readonly HeldCredential[]): Connection {
  return backend === 'tlsify'
    ? new ClientConnection(config, nodeCrypto)
    : new OpenSslClient(config, openSsl, privateKeys(credentials));
}

function serverOf(backend: Backend, config: ServerConfig, credentials: readonly HeldCredential[]): Connection {
  return backend === 'tlsify'
    ? new ServerConnection(config, nodeCrypto)
    : new OpenSslServer(config, openSsl, { keys: privateKeys(credentials), ticketKeys: TICKET_KEYS }, nodeCrypto);
}

/** As {@link softwareKeys} names them. */
function privateKeys(credentials: readonly HeldCredential[]): ReadonlyMap<string, Bytes> {
  return new Map(
    credentials.map(({ privatePem }, index) => [
      `${index}`,
      new Uint8Array(createPrivateKey(privatePem).export({ type: 'pkcs8', format: 'der' })),
    ]),
  );
}

/** Starts both, and carries bytes both ways, at most `pieceBytes` at once, until there are none. */
export async function converse(pair: Pair, pieceBytes = Number.MAX_SAFE_INTEGER): Promise<Pair> {
  await pair.server.start();
  await pair.client.start();
  await carry(pair, inPieces(pieceBytes));
  return pair;
}
