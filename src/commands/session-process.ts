import { RevocationListError, readRevocationLists } from '../certs/revocation-lists.ts';
import { TrustStoreError } from '../certs/sources.ts';
import { TrustStore } from '../certs/trust-store.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { mozillaRoots } from '../crypto-node/mozilla.ts';
import { ClientConnection } from '../engine/client.ts';
import type { ClientConfig } from '../engine/config.ts';
import type { Connection } from '../engine/connection.ts';
import type { KeptDescriptor } from '../isolation/descriptor-slots.ts';
import { lookUpConfinement } from '../isolation/look-up.ts';
import type { Mechanism } from '../isolation/mechanisms.ts';
import { applySandbox } from '../isolation/sandbox.ts';
import { addressBuffer, decodeAddress, formatAddress, parseIpEndpoint } from '../os/addresses.ts';
import { errnoText, SO, SOCK, SOL_SOCKET } from '../os/constants.ts';
import { SystemError } from '../os/errors.ts';
import type { Native } from '../os/native.ts';
import { Poller } from '../os/poller.ts';
import { Dialling, type DialTarget } from '../transport/dial.ts';
import { transportFailure } from '../transport/failures.ts';
import type { Backend, ConnectOptions, NetworkSide } from './connect-options.ts';
import type { RunFailure } from './failures.ts';
import { errorText } from './messages.ts';
import { Refused } from './refused.ts';
import { formatTarget, type Target } from './target.ts';
import type { ServerPolicy } from './verifier.ts';

/** What a process that speaks with a server does with its authority, and how it gives that away: for each command that does. */

/** As the process got it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How much the process keeps for itself. */
export type Confinement = Pick<ConnectOptions, 'sandbox' | 'sandboxWithout'>;

/** Who the server must be, and whom to believe. */
export type PolicyOptions = Pick<
  ConnectOptions,
  'authorities' | 'systemStore' | 'mozillaStore' | 'references' | 'pins' | 'revocation' | 'revocationLists'
>;

/** A socket with the peer's address, for display. */
export interface Network {
  readonly socket: number;
  readonly address: string;
}

/** Descriptors that are watched at once while dialling: signals, two look-ups and the attempts. */
const DIAL_DESCRIPTORS = 24;

/** What the user calls the other side. */
export function peerName(network: NetworkSide): string {
  return 'descriptor' in network ? `descriptor ${network.descriptor}` : formatTarget(network);
}

/** What was thrown, as the end of a run. */
export function failureOf(error: unknown): RunFailure {
  if (error instanceof Refused) return error.failure;
  if (error instanceof TrustStoreError)
    return { kind: 'configuration', why: 'trust-store-unusable', detail: error.message };
  if (error instanceof RevocationListError)
    return { kind: 'configuration', why: 'revocation-list-unusable', detail: error.message };
  return { kind: 'internal', why: 'internal-error', detail: errorText(error) };
}

/** Reads the trust store and the CRLs. @throws TrustStoreError, RevocationListError */
export function serverPolicy(options: PolicyOptions, environment: Environment): ServerPolicy {
  const { authorities, systemStore, mozillaStore, references, pins, revocation: policy } = options;
  const anchors = TrustStore.open({
    ca: authorities,
    system: systemStore,
    mozilla: mozillaStore ? mozillaRoots() : [],
    environment,
  });
  const lists = options.revocationLists.flatMap(readRevocationLists);
  return { references: { identifiers: references, pins }, anchors, revocation: { policy, lists } };
}

/** The client's side of a connection. @throws Refused where that backend is not to be had */
export async function openConnection(
  backend: Backend,
  config: ClientConfig,
  crypto: CryptoProvider,
): Promise<Connection> {
  return backend === 'openssl' ? openSslConnection(config) : new ClientConnection(config, crypto);
}

/** Loads libssl.so.3, while there is a file system. */
async function openSslConnection(config: ClientConfig): Promise<Connection> {
  const { loadOpenSsl, OpenSslMissing } = await import('../openssl/library.ts');
  const { OpenSslClient } = await import('../openssl/client.ts');
  try {
    return new OpenSslClient(config, loadOpenSsl());
  } catch (error) {
    if (!(error instanceof OpenSslMissing)) throw error;
    throw new Refused({ kind: 'configuration', why: 'backend-unavailable', detail: error.message });
  }
}

/** Begins to dial. @throws Refused for an address that cannot be */
export function dial(native: Native, { host, port, literal }: Target, options: Confinement): Dialling {
  const target: DialTarget = { host, port };
  const confinement = lookUpConfinement(native, options.sandbox, options.sandboxWithout);
  const poller = new Poller(native, DIAL_DESCRIPTORS);
  if (!literal) return new Dialling(native, poller, target, confinement);
  try {
    const address = parseIpEndpoint(native, host, port);
    return new Dialling(native, poller, address === null ? target : { ...target, address }, confinement);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new Refused(transportFailure('connection-failed', error.message));
  }
}

/** The socket that the caller has connected. @throws Refused */
export function inherited(native: Native, socket: number): Network {
  const buffer = addressBuffer();
  const length = native.peerName(socket, buffer);
  if (length < 0) throw unusableDescriptor(`--net-fd ${socket}`, errnoText(length));
  const address = decodeAddress(buffer.subarray(0, length));
  return { socket, address: address === null ? 'unknown' : formatAddress(address) };
}

/** SOCK_STREAM, and not one of datagrams or packets, which would be cut where they do not fit. */
export function isStreamSocket(native: Native, fd: number): boolean {
  return native.getSocketOption(fd, SOL_SOCKET, SO.TYPE) === SOCK.STREAM;
}

/** A descriptor that was named will not do. */
export function unusableDescriptor(what: string, why: string): Refused {
  return new Refused({ kind: 'configuration', why: 'descriptor-unusable', detail: `${what}: ${why}` });
}

/** Closes the sandbox for good. @returns what is missing, as the user said that it may be. @throws Refused when anything else is */
export function isolate(native: Native, options: Confinement, descriptors: readonly KeptDescriptor[]): Mechanism[] {
  const { missing } = applySandbox(native, { level: options.sandbox, descriptors });
  const intolerable = missing.filter(({ mechanism }) => !options.sandboxWithout.includes(mechanism));
  if (intolerable.length === 0) return missing.map(({ mechanism }) => mechanism);
  const detail = intolerable
    .map(({ mechanism, call, errno }) => `${mechanism}: ${call}: ${errnoText(-errno)}`)
    .join('; ');
  throw new Refused({ kind: 'configuration', why: 'sandbox-incomplete', detail });
}
