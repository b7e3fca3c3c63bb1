import { hostReference, InvalidIdentifier, type ReferenceIdentifier } from '../x509/names.ts';
import { type ConnectOptions, DEFAULT_CONNECT_OPTIONS, firstDnsName, parseAlpn } from './connect-options.ts';
import { nearest, printable, UsageError } from './options.ts';
import { parseTarget, type Target, toAscii } from './target.ts';

/**
 * What programs exec as `openssl s_client`, BusyBox wget among them. Each option of the original that is known here keeps its
 * meaning, with one exception, towards safety: certificate and name are always verified, as with -verify_return_error and
 * -verify_hostname. What is not known is refused.
 */
interface SClientOptions {
  quiet: boolean;
  target?: Target;
  /** The value of -connect as it was given. */
  connect?: string;
  serverName?: string;
  noServerName: boolean;
  reference?: ReferenceIdentifier;
  readonly authorities: string[];
  alpn: readonly string[];
  minVersion: ConnectOptions['minVersion'];
  maxVersion: ConnectOptions['maxVersion'];
  atInputEnd: ConnectOptions['atInputEnd'];
}

type Setter = (options: SClientOptions, value: string) => void;

const none: Setter = () => {};

/** What takes a value, and what does not. */
const WITH_VALUE: Readonly<Record<string, Setter>> = {
  connect: (options, value) => {
    options.target = parseTarget(value);
    options.connect = value;
  },
  servername: (options, value) => {
    options.serverName = value;
  },
  verify: none, // the depth of a chain that is verified anyway
  verify_depth: none,
  verify_hostname: (options, value) => {
    setReference(options, value);
  },
  // BusyBox gives the port as well.
  verify_ip: (options, value) => {
    setReference(options, value === options.connect ? value.replace(/:\d+$/, '') : value);
  },
  CAfile: (options, value) => {
    options.authorities.push(value);
  },
  CApath: (options, value) => {
    options.authorities.push(value);
  },
  alpn: (options, value) => {
    options.alpn = parseAlpn(value);
  },
};

const WITHOUT_VALUE: Readonly<Record<string, Setter>> = {
  quiet: (options) => {
    options.quiet = true;
  },
  noservername: (options) => {
    options.noServerName = true;
  },
  verify_return_error: none,
  verify_quiet: none,
  tls1_3: (options) => {
    options.minVersion = 'TLSv1.3';
  },
  tls1_2: (options) => {
    options.maxVersion = 'TLSv1.2';
  },
  ign_eof: (options) => {
    options.atInputEnd = 'keep-open';
  },
  no_ign_eof: (options) => {
    options.atInputEnd = 'close-notify';
  },
};

const PURPOSE = 'this `openssl` is a shim of tlsify: it answers to `openssl s_client -quiet -connect HOST:PORT`';

/** @param argv what follows `openssl`. @throws UsageError */
export function parseOpenssl(argv: readonly string[]): ConnectOptions {
  const [command, ...rest] = argv;
  if (command !== 's_client') throw new UsageError(`openssl ${printable(command ?? '')}: not known here`, PURPOSE);
  const options = parseSClient(rest);
  const { target, serverName, authorities } = options;
  // Without -quiet the original prints reports between the data, and takes lines of the data for commands.
  if (target === undefined) throw new UsageError('-connect HOST:PORT is missing', PURPOSE);
  if (!options.quiet) throw new UsageError('-quiet is missing', PURPOSE);
  // The original takes the last; whoever says both does not know what is wanted.
  if (options.minVersion > options.maxVersion) throw new UsageError('both -tls1_2 and -tls1_3: which one is it?');
  const named = serverName === undefined ? [] : [identifier(serverName)];
  const reference = options.reference ?? named[0] ?? identifier(target.host);
  return {
    ...DEFAULT_CONNECT_OPTIONS,
    network: target,
    references: [reference],
    serverName: options.noServerName ? null : firstDnsName([...named, reference]),
    authorities,
    systemStore: authorities.length === 0,
    alpn: options.alpn,
    minVersion: options.minVersion,
    maxVersion: options.maxVersion,
    atInputEnd: options.atInputEnd,
  };
}

function parseSClient(argv: readonly string[]): SClientOptions {
  const options: SClientOptions = {
    quiet: false,
    noServerName: false,
    authorities: [],
    alpn: [],
    minVersion: DEFAULT_CONNECT_OPTIONS.minVersion,
    maxVersion: DEFAULT_CONNECT_OPTIONS.maxVersion,
    atInputEnd: 'keep-open',
  };
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] as string;
    const name = argument.replace(/^--?/, '');
    const withValue = Object.hasOwn(WITH_VALUE, name) ? WITH_VALUE[name] : undefined;
    const withoutValue = Object.hasOwn(WITHOUT_VALUE, name) ? WITHOUT_VALUE[name] : undefined;
    if (name === argument || (withValue ?? withoutValue) === undefined) throw unknown(argument, name);
    const value = withValue === undefined ? '' : argv[++index];
    if (value === undefined) throw new UsageError(`${argument} needs a value`);
    (withValue ?? withoutValue)?.(options, value);
  }
  return options;
}

/** The original demands all of several; here only one could be. */
function setReference(options: SClientOptions, value: string): void {
  if (options.reference !== undefined) throw new UsageError('more than one of -verify_hostname and -verify_ip');
  options.reference = identifier(value);
}

function unknown(argument: string, name: string): UsageError {
  const near = nearest(name, [...Object.keys(WITH_VALUE), ...Object.keys(WITHOUT_VALUE)]);
  return new UsageError(
    `openssl s_client ${printable(argument)}: not known here`,
    near === undefined ? PURPOSE : `did you mean -${near}?`,
  );
}

function identifier(text: string): ReferenceIdentifier {
  try {
    return hostReference(text, toAscii);
  } catch (error) {
    if (error instanceof InvalidIdentifier) throw new UsageError(error.message);
    throw error;
  }
}
