import type { Bytes } from '../core/bytes.ts';
import { hostReference } from '../x509/names.ts';
import {
  CONNECT_OPTIONS,
  type ConnectOptions,
  DEFAULT_CONNECT_OPTIONS,
  firstDnsName,
  type NetworkSide,
  refuseEmptyStore,
  refuseMixedReferences,
} from './connect-options.ts';
import { type OptionTable, type Parsed, parseOptions, printable, UsageError } from './options.ts';
import { parseTarget, toAscii } from './target.ts';

/** What `tlsify check` is to look at, and by which rules. */
export interface CheckOptions
  extends Pick<
    ConnectOptions,
    | 'references'
    | 'authorities'
    | 'systemStore'
    | 'mozillaStore'
    | 'revocationLists'
    | 'revocation'
    | 'sandbox'
    | 'sandboxWithout'
    | 'quiet'
  > {
  readonly pins: readonly Bytes[];
  readonly source: CheckedServer | CheckedFiles;
  readonly warnSeconds: number;
  readonly json: boolean;
}

/** A server, of which a handshake is asked, and nothing else. */
export interface CheckedServer
  extends Pick<
    ConnectOptions,
    'network' | 'serverName' | 'alpn' | 'minVersion' | 'maxVersion' | 'handshakeTimeoutMs' | 'backend'
  > {
  readonly from: 'server';
}

/** Files of certificates, which together are the chain. */
export interface CheckedFiles {
  readonly from: 'files';
  readonly paths: readonly string[];
  /** The file of the private key that the first certificate is to be for. */
  readonly key: string | null;
}

const DEFAULT_WARN_DAYS = 30;
const SECONDS_A_DAY = 86_400;

const {
  name,
  pin,
  ca,
  crl,
  revocation,
  alpn,
  sni,
  sandbox,
  backend,
  quiet,
  help,
  'mozilla-ca': mozillaCa,
  'no-system-ca': noSystemCa,
  'min-version': minVersion,
  'max-version': maxVersion,
  'net-fd': netFd,
  'handshake-timeout': handshakeTimeout,
  'sandbox-without': sandboxWithout,
} = CONNECT_OPTIONS;

/** The options of `tlsify check`: those of `tlsify connect` mean the same here. */
export const CHECK_OPTIONS = {
  'json': { takes: 'nothing', short: 'j', help: 'print one JSON object in place of the tree' },
  'warn-days': {
    takes: 'value',
    short: 'w',
    metavariable: 'N',
    parse: days,
    help: `warn of certificates that expire within N days: ${DEFAULT_WARN_DAYS} by default, 0 for none`,
  },
  'key': {
    takes: 'value',
    metavariable: 'FILE',
    parse: ca.parse,
    help: 'with files: the first certificate must be for this private key, of which only the public half is compared',
  },
  'name': {
    ...name,
    help: 'who the certificate must be for, as in connect; the host by default, and with files nobody in particular',
  },
  pin,
  ca,
  crl,
  revocation,
  'mozilla-ca': mozillaCa,
  'no-system-ca': noSystemCa,
  alpn,
  'min-version': minVersion,
  'max-version': maxVersion,
  sni,
  'net-fd': netFd,
  'handshake-timeout': handshakeTimeout,
  sandbox,
  'sandbox-without': sandboxWithout,
  backend,
  'quiet': { ...quiet, help: 'print nothing at all: the exit code says it' },
  help,
} as const satisfies OptionTable;

/** @throws UsageError */
export function parseCheck(argv: readonly string[]): CheckOptions | 'help' {
  const { options, operands, program } = parseOptions(CHECK_OPTIONS, argv);
  if (options.help) return 'help';
  if (program !== undefined) throw new UsageError('check starts no program: nothing may follow `--`');
  refuseMixedReferences(options.name);
  refuseEmptyStore(options);
  const network = networkSide(operands, options['net-fd']);
  const defaults = DEFAULT_CONNECT_OPTIONS;
  return {
    source: network === undefined ? files(operands, options) : server(network, options),
    references: options.name.length > 0 ? options.name : hostNames(network),
    pins: options.pin,
    authorities: options.ca,
    systemStore: !options['no-system-ca'] && !options['mozilla-ca'],
    mozillaStore: options['mozilla-ca'],
    revocationLists: options.crl,
    revocation: options.revocation ?? defaults.revocation,
    sandbox: options.sandbox ?? defaults.sandbox,
    sandboxWithout: options['sandbox-without'],
    quiet: options.quiet,
    warnSeconds: options['warn-days'] ?? DEFAULT_WARN_DAYS * SECONDS_A_DAY,
    json: options.json,
  };
}

/** What ends like a port is a server; a file of such a name can be written `./NAME`. */
function networkSide(operands: readonly string[], fd: number | undefined): NetworkSide | undefined {
  const [operand] = operands;
  if (fd !== undefined) {
    if (operand !== undefined) throw new UsageError(`both --net-fd and ${printable(operand)}: which one is it?`);
    return { descriptor: fd };
  }
  if (operand === undefined) throw new UsageError('check what?', 'tlsify check HOST:PORT, or tlsify check FILE…');
  const looksLikeServer = (text: string) => /^(?:[^/]+:\d+|[a-z]+:\/\/.*)$/.test(text);
  const found = operands.find(looksLikeServer);
  if (found === undefined) return undefined;
  if (operands.length > 1)
    throw new UsageError(`${printable(found)} is a server: one server, or any number of files that are one chain`);
  return target(found);
}

/** The advice is for connect, where it is not said otherwise. */
function target(text: string): NetworkSide {
  try {
    return parseTarget(text);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(
      error.message.replace('connect takes', 'check takes'),
      error.fix?.replace(/^tlsify connect/, 'tlsify check'),
    );
  }
}

function hostNames(network: NetworkSide | undefined) {
  return network !== undefined && 'host' in network ? [hostReference(network.host, toAscii)] : [];
}

function server(network: NetworkSide, options: Parsed<typeof CHECK_OPTIONS>): CheckedServer {
  if (options.key !== undefined)
    throw new UsageError(
      '--key is compared with files only: a process that speaks with the network never sees a private key',
      'tlsify check --key KEY FILE, and for the server: --pin spki-sha256:DIGEST',
    );
  const names = options.name.length > 0 ? options.name : hostNames(network);
  if (names.length === 0)
    throw new UsageError(
      '--net-fd alone does not say who should be at the other end',
      'add the name that the certificate must have: --name dns:example.com',
    );
  const defaults = DEFAULT_CONNECT_OPTIONS;
  const minimum = options['min-version'] ?? defaults.minVersion;
  const maximum = options['max-version'] ?? defaults.maxVersion;
  if (minimum > maximum) throw new UsageError('--min-version 1.3 and --max-version 1.2 leave no version');
  return {
    from: 'server',
    network,
    serverName: options.sni === undefined ? firstDnsName([...hostNames(network), ...names]) : options.sni,
    alpn: options.alpn ?? defaults.alpn,
    minVersion: minimum,
    maxVersion: maximum,
    handshakeTimeoutMs: options['handshake-timeout'] ?? defaults.handshakeTimeoutMs,
    backend: options.backend ?? defaults.backend,
  };
}

/** What is about a connection says nothing of files. */
function files(paths: readonly string[], options: Parsed<typeof CHECK_OPTIONS>): CheckedFiles {
  for (const option of ['alpn', 'min-version', 'max-version', 'sni', 'handshake-timeout', 'backend'] as const)
    if (options[option] !== undefined)
      throw new UsageError(
        `--${option} is about a connection, and ${printable(paths[0] as string)} is a file`,
        'for a server: tlsify check HOST:PORT',
      );
  return { from: 'files', paths, key: options.key ?? null };
}

const DAYS_MAXIMUM = 36_500;

/** @returns seconds */
function days(text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number <= DAYS_MAXIMUM)) throw new UsageError(`not a number of days from 0 to ${DAYS_MAXIMUM}`);
  return number * SECONDS_A_DAY;
}
