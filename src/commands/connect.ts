import { RevocationListError, readRevocationLists } from '../certs/revocation-lists.ts';
import { TrustStoreError } from '../certs/sources.ts';
import { TrustStore } from '../certs/trust-store.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { NodeCrypto } from '../crypto-node/provider.ts';
import { preloadSoftware } from '../crypto-node/software.ts';
import { performEffect } from '../engine/answer.ts';
import { ClientConnection } from '../engine/client.ts';
import { type ClientConfig, defaultClientConfig } from '../engine/config.ts';
import type { Connection } from '../engine/connection.ts';
import type { KeptDescriptor } from '../isolation/descriptor-slots.ts';
import { lookUpConfinement } from '../isolation/look-up.ts';
import type { Mechanism } from '../isolation/mechanisms.ts';
import { applySandbox } from '../isolation/sandbox.ts';
import { addressBuffer, decodeAddress, formatAddress, parseIpEndpoint } from '../os/addresses.ts';
import { errnoText, O, S, SIGNAL, SO, SOCK, SOL_SOCKET } from '../os/constants.ts';
import { SystemError } from '../os/errors.ts';
import type { Native } from '../os/native.ts';
import { Poller } from '../os/poller.ts';
import { SignalDescriptor } from '../os/signals.ts';
import { Dialling, type DialTarget } from '../transport/dial.ts';
import { transportFailure } from '../transport/failures.ts';
import { Session } from '../transport/session.ts';
import type { ConnectOptions } from './connect-options.ts';
import { readEchConfigs } from './ech-list.ts';
import { errorText } from './messages.ts';
import { Refused } from './refused.ts';
import { Report } from './report.ts';
import { formatTarget, type Target } from './target.ts';
import { insecureVerifier, serverVerifier } from './verifier.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A socket with the peer's address, for display. */
interface Network {
  readonly socket: number;
  readonly address: string;
}

/** Descriptors that are watched at once: signals and, while dialling, two look-ups and the attempts; later the session's. */
const DIAL_DESCRIPTORS = 24;
const SESSION_DESCRIPTORS = 4;
const NOTHING_MOVED = { sentBytes: 0, receivedBytes: 0 };

/**
 * One connection from its command line to its exit code. What needs authority comes first: dialling, and files while the network is
 * slow; then the first flight is sent, the sandbox closes while the server works, and only then a byte is received.
 * The process may do nothing afterwards but exit.
 */
export async function connect(native: Native, options: ConnectOptions, environment: Environment): Promise<number> {
  const peer =
    'descriptor' in options.network ? `descriptor ${options.network.descriptor}` : formatTarget(options.network);
  const report = new Report(native, peer, options.quiet, options.statusDescriptor);
  try {
    return await run(native, options, environment, report);
  } catch (error) {
    if (error instanceof Refused) return report.failed(error.failure);
    if (error instanceof TrustStoreError)
      return report.failed({ kind: 'configuration', why: 'trust-store-unusable', detail: error.message });
    if (error instanceof RevocationListError)
      return report.failed({ kind: 'configuration', why: 'revocation-list-unusable', detail: error.message });
    return report.failed({ kind: 'internal', why: 'internal-error', detail: errorText(error) });
  }
}

async function run(native: Native, options: ConnectOptions, environment: Environment, report: Report): Promise<number> {
  const handshakeDeadlineMs = native.monotonicMs() + options.handshakeTimeoutMs;
  checkDescriptors(native, options);
  native.ignoreSignal(SIGNAL.SIGPIPE);
  const signals = new SignalDescriptor(native, ['SIGTERM', 'SIGINT', 'SIGHUP']);
  const crypto = new NodeCrypto();
  const ech: ClientConfig['ech'] = options.ech === null ? 'grease' : readEchConfigs(options.ech, crypto);
  const dialling = 'descriptor' in options.network ? undefined : dial(native, options.network, options);

  const verify = options.verify ? verifier(options, crypto, environment) : insecureVerifier(crypto);
  if (!options.verify) report.insecure();
  const { alpn, minVersion, maxVersion } = options;
  const config = { ...defaultClientConfig(crypto, options.serverName, Date.now), alpn, minVersion, maxVersion, ech };
  const connection =
    options.backend === 'openssl' ? await openSslConnection(config) : new ClientConnection(config, crypto);

  let network: Network;
  if (dialling === undefined) network = inherited(native, (options.network as { descriptor: number }).descriptor);
  else {
    const result = dialling.finish(handshakeDeadlineMs, signals);
    if (result.dialled === 'failed') return report.failed(result.failure);
    if (result.dialled === 'signal') return report.interrupted(result.signal, NOTHING_MOVED);
    network = { socket: result.socket, address: formatAddress(result.address) };
  }

  let ready = false;
  let sandboxMissing: readonly Mechanism[] = [];
  const plain = { readFd: options.plainDescriptor ?? 0, writeFd: options.plainDescriptor ?? 1 };
  const session = new Session({
    native,
    poller: new Poller(native, SESSION_DESCRIPTORS),
    connection,
    network: network.socket,
    plain,
    atInputEnd: options.atInputEnd,
    endWithPeer: native.isTerminal(plain.readFd) === 1,
    answer: (effect) => performEffect(effect, crypto, verify),
    handshakeDeadlineMs,
    idleTimeoutMs: options.idleTimeoutMs,
    signals,
    onOpen: (facts) => {
      ready = true;
      const { sandbox, backend } = options;
      report.ready(facts, { address: network.address, sandbox, sandboxMissing, backend });
    },
  });
  session.begin();
  preloadSoftware();
  sandboxMissing = isolate(native, options, keptDescriptors(options, network.socket, signals.fd));
  return report.ended(await session.run(), ready);
}

function verifier(options: ConnectOptions, crypto: CryptoProvider, environment: Environment) {
  const { authorities, systemStore, references, pins, revocation: policy } = options;
  const anchors = TrustStore.open({ ca: authorities, system: systemStore, environment });
  const lists = options.revocationLists.flatMap(readRevocationLists);
  return serverVerifier(
    { references: { identifiers: references, pins }, anchors, revocation: { policy, lists } },
    crypto,
  );
}

/** Loads libssl.so.3, while there is a file system. @throws Refused */
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

function dial(native: Native, { host, port, literal }: Target, options: ConnectOptions): Dialling {
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

/** The socket that the caller has connected. */
function inherited(native: Native, socket: number): Network {
  const buffer = addressBuffer();
  const length = native.peerName(socket, buffer);
  if (length < 0) throw unusable(`--net-fd ${socket}`, errnoText(length));
  const address = decodeAddress(buffer.subarray(0, length));
  return { socket, address: address === null ? 'unknown' : formatAddress(address) };
}

/** Before anything is opened that could take the number of one that is not there. */
function checkDescriptors(native: Native, options: ConnectOptions): void {
  const { plainDescriptor: plain, statusDescriptor: status, network } = options;
  const named: NamedDescriptor[] =
    plain === null
      ? [
          { name: 'standard input', fd: 0, unfit: O.WRONLY },
          { name: 'standard output', fd: 1, unfit: O.RDONLY },
        ]
      : [
          { name: '--app-fd', fd: plain, unfit: O.WRONLY },
          { name: '--app-fd', fd: plain, unfit: O.RDONLY },
        ];
  if (status !== null) named.push({ name: '--status-fd', fd: status, unfit: O.RDONLY });
  if ('descriptor' in network) {
    const { descriptor } = network;
    if (native.fileType(descriptor) !== S.IFSOCK) throw unusable(`--net-fd ${descriptor}`, 'not a socket');
    if (!isStreamSocket(native, descriptor)) throw unusable(`--net-fd ${descriptor}`, 'not a stream socket');
    if (descriptor === 2) throw unusable('--net-fd 2', 'the same as standard error');
    const same = named.find(({ fd }) => fd === descriptor);
    if (same !== undefined) throw unusable(`--net-fd ${descriptor}`, `the same as ${same.name}`);
  }
  for (const { name, fd, unfit } of named) {
    const type = native.fileType(fd);
    if (type < 0) throw unusable(`${name} (descriptor ${fd})`, errnoText(type));
    // What the runtime has opened for itself is of no type, should it have a number that is named.
    const datagrams = type === S.IFSOCK && fd !== status && !isStreamSocket(native, fd);
    if (!STREAM_TYPES.has(type) || datagrams) throw unusable(`${name} (descriptor ${fd})`, 'not a stream');
    if ((native.getStatusFlags(fd) & O.ACCMODE) === unfit)
      throw unusable(
        `${name} (descriptor ${fd})`,
        unfit === O.RDONLY ? 'open for reading only' : 'open for writing only',
      );
  }
}

/** SOCK_STREAM, and not one of datagrams or packets, which would be cut where they do not fit. */
function isStreamSocket(native: Native, fd: number): boolean {
  return native.getSocketOption(fd, SOL_SOCKET, SO.TYPE) === SOCK.STREAM;
}

interface NamedDescriptor {
  readonly name: string;
  readonly fd: number;
  /** The mode of access that will not do. */
  readonly unfit: number;
}

const STREAM_TYPES: ReadonlySet<number> = new Set([S.IFSOCK, S.IFIFO, S.IFCHR, S.IFREG]);

function unusable(what: string, why: string): Refused {
  return new Refused({ kind: 'configuration', why: 'descriptor-unusable', detail: `${what}: ${why}` });
}

function keptDescriptors(options: ConnectOptions, network: number, signals: number): KeptDescriptor[] {
  const kept: KeptDescriptor[] = [
    { fd: network, reads: true, writes: true },
    { fd: 2, reads: false, writes: true },
    { fd: signals, reads: true, writes: false },
  ];
  if (options.plainDescriptor === null)
    kept.push({ fd: 0, reads: true, writes: false }, { fd: 1, reads: false, writes: true });
  else kept.push({ fd: options.plainDescriptor, reads: true, writes: true });
  if (options.statusDescriptor !== null) kept.push({ fd: options.statusDescriptor, reads: false, writes: true });
  return kept;
}

/** @returns what is missing, as the user said that it may be. @throws Refused when anything else is */
function isolate(native: Native, options: ConnectOptions, descriptors: readonly KeptDescriptor[]): Mechanism[] {
  const { missing } = applySandbox(native, { level: options.sandbox, descriptors });
  const intolerable = missing.filter(({ mechanism }) => !options.sandboxWithout.includes(mechanism));
  if (intolerable.length === 0) return missing.map(({ mechanism }) => mechanism);
  const detail = intolerable
    .map(({ mechanism, call, errno }) => `${mechanism}: ${call}: ${errnoText(-errno)}`)
    .join('; ');
  throw new Refused({ kind: 'configuration', why: 'sandbox-incomplete', detail });
}
