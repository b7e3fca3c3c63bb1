import { NodeCrypto } from '../crypto-node/provider.ts';
import { preloadSoftware } from '../crypto-node/software.ts';
import { performEffect } from '../engine/answer.ts';
import { type ClientConfig, defaultClientConfig } from '../engine/config.ts';
import type { KeptDescriptor } from '../isolation/descriptor-slots.ts';
import type { Mechanism } from '../isolation/mechanisms.ts';
import { formatAddress } from '../os/addresses.ts';
import { errnoText, O, S, SIGNAL } from '../os/constants.ts';
import type { Native } from '../os/native.ts';
import { Poller } from '../os/poller.ts';
import { SignalDescriptor } from '../os/signals.ts';
import { Session } from '../transport/session.ts';
import type { ConnectOptions } from './connect-options.ts';
import { readEchConfigs } from './ech-list.ts';
import { Report } from './report.ts';
import {
  dial,
  type Environment,
  failureOf,
  inherited,
  isolate,
  isStreamSocket,
  type Network,
  openConnection,
  peerName,
  serverPolicy,
  unusableDescriptor,
} from './session-process.ts';
import { insecureVerifier, serverVerifier } from './verifier.ts';

/** Descriptors that are watched at once in a session, signals among them. */
const SESSION_DESCRIPTORS = 4;
const NOTHING_MOVED = { sentBytes: 0, receivedBytes: 0 };

/**
 * One connection from its command line to its exit code. What needs authority comes first: dialling, and files while the network is
 * slow; then the first flight is sent, the sandbox closes while the server works, and only then a byte is received.
 * The process may do nothing afterwards but exit.
 */
export async function connect(native: Native, options: ConnectOptions, environment: Environment): Promise<number> {
  const report = new Report(native, peerName(options.network), options.quiet, options.statusDescriptor);
  try {
    return await run(native, options, environment, report);
  } catch (error) {
    return report.failed(failureOf(error));
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

  const verify = options.verify ? serverVerifier(serverPolicy(options, environment), crypto) : insecureVerifier(crypto);
  if (!options.verify) report.insecure();
  const { alpn, minVersion, maxVersion } = options;
  const config = { ...defaultClientConfig(crypto, options.serverName, Date.now), alpn, minVersion, maxVersion, ech };
  const connection = await openConnection(options.backend, config, crypto);

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
    if (native.fileType(descriptor) !== S.IFSOCK) throw unusableDescriptor(`--net-fd ${descriptor}`, 'not a socket');
    if (!isStreamSocket(native, descriptor)) throw unusableDescriptor(`--net-fd ${descriptor}`, 'not a stream socket');
    if (descriptor === 2) throw unusableDescriptor('--net-fd 2', 'the same as standard error');
    const same = named.find(({ fd }) => fd === descriptor);
    if (same !== undefined) throw unusableDescriptor(`--net-fd ${descriptor}`, `the same as ${same.name}`);
  }
  for (const { name, fd, unfit } of named) {
    const type = native.fileType(fd);
    if (type < 0) throw unusableDescriptor(`${name} (descriptor ${fd})`, errnoText(type));
    // What the runtime has opened for itself is of no type, should it have a number that is named.
    const datagrams = type === S.IFSOCK && fd !== status && !isStreamSocket(native, fd);
    if (!STREAM_TYPES.has(type) || datagrams) throw unusableDescriptor(`${name} (descriptor ${fd})`, 'not a stream');
    if ((native.getStatusFlags(fd) & O.ACCMODE) === unfit)
      throw unusableDescriptor(
        `${name} (descriptor ${fd})`,
        unfit === O.RDONLY ? 'open for reading only' : 'open for writing only',
      );
  }
}

interface NamedDescriptor {
  readonly name: string;
  readonly fd: number;
  /** The mode of access that will not do. */
  readonly unfit: number;
}

const STREAM_TYPES: ReadonlySet<number> = new Set([S.IFSOCK, S.IFIFO, S.IFCHR, S.IFREG]);

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
