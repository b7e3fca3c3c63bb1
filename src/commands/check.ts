import { type ChainFile, ChainFileError, certificatesIn, readChainFile } from '../certs/chain-files.ts';
import type { Bytes } from '../core/bytes.ts';
import { NodeCrypto } from '../crypto-node/provider.ts';
import { type NoPublicHalf, publicHalf } from '../crypto-node/public-half.ts';
import { preloadSoftware } from '../crypto-node/software.ts';
import { performEffect } from '../engine/answer.ts';
import { defaultClientConfig } from '../engine/config.ts';
import type { SessionFacts } from '../engine/connection.ts';
import { formatAddress } from '../os/addresses.ts';
import { AF, ERRNO, POLL, SIGNAL, SOCK } from '../os/constants.ts';
import { SystemError } from '../os/errors.ts';
import type { Native } from '../os/native.ts';
import { Poller } from '../os/poller.ts';
import { SignalDescriptor } from '../os/signals.ts';
import { Session } from '../transport/session.ts';
import { Certificate } from '../x509/certificate.ts';
import { DerError } from '../x509/der.ts';
import { type Examination, examineChain } from '../x509/examination.ts';
import type { ReferenceIdentifier } from '../x509/names.ts';
import type { CheckedFiles, CheckedServer, CheckOptions } from './check-options.ts';
import { type CheckResult, exitOf, toJson, toTree } from './check-report.ts';
import { EXIT } from './exit-codes.ts';
import { Report } from './report.ts';
import {
  dial,
  type Environment,
  failureOf,
  inherited,
  isolate,
  isStreamSocket,
  openConnection,
  peerName,
  serverPolicy,
  unusableDescriptor,
} from './session-process.ts';
import { insecureVerifier, type ServerPolicy } from './verifier.ts';

const SESSION_DESCRIPTORS = 4;

/**
 * Examines a chain and prints what it finds. Whatever a server sent, or a file says, is decoded and put into words in the sandbox: that
 * of a session for a server, which gets a handshake and no data; one without any network for files, and for the key beside them.
 * The process may do nothing afterwards but exit.
 * @returns the exit code
 */
export async function check(native: Native, options: CheckOptions, environment: Environment): Promise<number> {
  const { source, quiet, json } = options;
  const target = source.from === 'server' ? peerName(source.network) : source.paths.join(' ');
  const report = new Report(native, target, quiet, null);
  native.ignoreSignal(SIGNAL.SIGPIPE);
  let result: CheckResult | number;
  try {
    result =
      source.from === 'server'
        ? await checkServer(native, source, options, environment, report)
        : checkFiles(native, source, options, environment);
  } catch (error) {
    const failure =
      error instanceof ChainFileError
        ? ({ kind: 'configuration', why: 'file-unusable', detail: error.message } as const)
        : failureOf(error);
    result = { failure };
  }
  if (typeof result === 'number') return result;
  if (result.examination === undefined && result.failure !== undefined) report.failed(result.failure);
  if (quiet) return exitOf(result);
  const shown = { target, result, nowSeconds: nowSeconds() };
  const text = json ? toJson(shown, new NodeCrypto()) : toTree(shown);
  return print(native, text) ? exitOf(result) : EXIT.inputOutput;
}

/** A handshake with whoever is there: what its certificates are worth is to be seen, and no data is sent. @returns also 128 + a signal */
async function checkServer(
  native: Native,
  source: CheckedServer,
  options: CheckOptions,
  environment: Environment,
  report: Report,
): Promise<CheckResult | number> {
  const handshakeDeadlineMs = native.monotonicMs() + source.handshakeTimeoutMs;
  if ('descriptor' in source.network) requireSocket(native, source.network.descriptor);
  const signals = new SignalDescriptor(native, ['SIGTERM', 'SIGINT', 'SIGHUP']);
  const dialling = 'descriptor' in source.network ? undefined : dial(native, source.network, options);
  const crypto = new NodeCrypto();
  const policy = serverPolicy(options, environment);
  const { alpn, minVersion, maxVersion } = source;
  const config = { ...defaultClientConfig(crypto, source.serverName, Date.now), alpn, minVersion, maxVersion };
  const connection = await openConnection(source.backend, config, crypto);

  let network: { readonly socket: number; readonly address: string };
  if (dialling === undefined) network = inherited(native, (source.network as { descriptor: number }).descriptor);
  else {
    const result = dialling.finish(handshakeDeadlineMs, signals);
    if (result.dialled === 'failed') return { failure: result.failure };
    if (result.dialled === 'signal') return report.interrupted(result.signal, { sentBytes: 0, receivedBytes: 0 });
    network = { socket: result.socket, address: formatAddress(result.address) };
  }

  let examination: Examination | undefined;
  let session: SessionFacts | undefined;
  const nobody = socketOfNobody(native);
  const accept = insecureVerifier(crypto);
  const handshake = new Session({
    native,
    poller: new Poller(native, SESSION_DESCRIPTORS),
    connection,
    network: network.socket,
    plain: { readFd: nobody, writeFd: nobody },
    atInputEnd: 'keep-open',
    endWithPeer: true,
    answer: (effect) =>
      performEffect(effect, crypto, (chain, ocspResponse, publicName) => {
        examination = examine(policy, chain, { ...options, ocspResponse }, crypto);
        return accept(chain, ocspResponse, publicName);
      }),
    handshakeDeadlineMs,
    idleTimeoutMs: source.handshakeTimeoutMs,
    signals,
    onOpen: (facts) => {
      session = facts;
    },
  });
  handshake.begin();
  preloadSoftware();
  isolate(native, options, [
    { fd: network.socket, reads: true, writes: true },
    { fd: nobody, reads: true, writes: true },
    { fd: signals.fd, reads: true, writes: false },
    { fd: 1, reads: false, writes: true },
    { fd: 2, reads: false, writes: true },
  ]);
  const end = await handshake.run();
  if (end.end === 'signal') return report.interrupted(end.signal, { sentBytes: 0, receivedBytes: 0 });
  const { address } = network;
  // Once the handshake is complete, how the connection ends is of no interest.
  const failure = end.end === 'failed' && session === undefined ? end.failure : undefined;
  return { examination, session, failure, address };
}

function checkFiles(
  native: Native,
  { paths, key }: CheckedFiles,
  options: CheckOptions,
  environment: Environment,
): CheckResult {
  const files = paths.map(readChainFile);
  const keyFile = key === null ? undefined : readChainFile(key);
  const crypto = new NodeCrypto();
  const policy = serverPolicy(options, environment);
  preloadSoftware();
  isolate(native, options, [
    { fd: 1, reads: false, writes: true },
    { fd: 2, reads: false, writes: true },
  ]);
  const ownKey = keyFile === undefined ? undefined : publicHalfOf(keyFile);
  return { examination: examine(policy, files.flatMap(certificatesIn), { ...options, ownKey }, crypto) };
}

/** Without a name to hold it against, a chain is verified for the key that it is for, whoever has that. */
function examine(
  policy: ServerPolicy,
  chain: readonly Bytes[],
  options: {
    readonly warnSeconds: number;
    readonly ownKey?: Bytes | undefined;
    readonly ocspResponse?: Bytes | undefined;
  },
  crypto: NodeCrypto,
): Examination {
  const { identifiers, pins = [] } = policy.references;
  const { warnSeconds, ownKey, ocspResponse } = options;
  const names = identifiers.length > 0 ? identifiers : [ownKeyOf(chain[0], crypto)];
  return examineChain({
    ...policy,
    references: { identifiers: names, pins },
    chain,
    ocspResponse,
    ownKey,
    warnSeconds,
    now: nowSeconds(),
    purpose: 'server',
    crypto,
  });
}

function ownKeyOf(der: Bytes | undefined, crypto: NodeCrypto): ReferenceIdentifier {
  try {
    const spki = der === undefined ? new Uint8Array() : new Certificate(der).spki;
    return { type: 'spki-sha256', digest: crypto.hash('sha256', spki) };
  } catch (error) {
    // What cannot be read is refused before any name is looked at.
    if (error instanceof DerError) return { type: 'spki-sha256', digest: new Uint8Array(32) };
    throw error;
  }
}

function publicHalfOf({ path, bytes }: ChainFile): Bytes {
  const spki = publicHalf(bytes);
  if (typeof spki === 'string') throw new ChainFileError(`cannot use ${path}: ${NO_PUBLIC_HALF[spki]}`);
  return spki;
}

const NO_PUBLIC_HALF = {
  'no-key': 'no private key in it (PEM, or PKCS#8 in DER)',
  'encrypted': 'the key has a passphrase',
  'unreadable': 'the key cannot be read',
} as const satisfies Record<NoPublicHalf, string>;

/** A stream whose other end has said all and reads nothing, in the place of an application. */
function socketOfNobody(native: Native): number {
  const fds = new Int32Array(2);
  const result = native.socketpair(AF.UNIX, SOCK.STREAM, fds);
  if (result < 0) throw new SystemError('socketpair', result);
  native.close(fds[1] as number);
  return fds[0] as number;
}

/** @throws Refused */
function requireSocket(native: Native, fd: number): void {
  if (fd <= 2 || !isStreamSocket(native, fd))
    throw unusableDescriptor(`--net-fd ${fd}`, 'not a connected stream socket');
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** @returns whether all of it was taken */
function print(native: Native, text: string): boolean {
  const bytes = new TextEncoder().encode(text);
  let written = 0;
  while (written < bytes.length) {
    const count = native.write(1, bytes, written, bytes.length - written);
    if (count > 0) written += count;
    else if (count === -ERRNO.EAGAIN) native.poll(Int32Array.of(1, POLL.OUT), new Int32Array(1), -1);
    else if (count !== -ERRNO.EINTR) return false;
  }
  return true;
}
