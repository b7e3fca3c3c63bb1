import {
  type ConnectOptions,
  DEFAULT_CONNECT_OPTIONS,
  firstDnsName,
  parseDescriptor,
  parseReference,
} from './connect-options.ts';
import { type OptionTable, parseOptions, UsageError } from './options.ts';

/** BusyBox' helper: `ssl_client -s FD [-r FD] -n NAME [-e]`. It verified nothing; here the name is required, and verified. */
const SSL_CLIENT_OPTIONS = {
  'send-fd': { takes: 'value', short: 's', metavariable: 'FD', parse: parseDescriptor, help: 'the connected socket' },
  'receive-fd': { takes: 'value', short: 'r', metavariable: 'FD', parse: parseDescriptor, help: 'the same' },
  'name': { takes: 'value', short: 'n', metavariable: 'NAME', parse: parseReference, help: 'who the server must be' },
  'exit-at-eof': { takes: 'nothing', short: 'e', help: 'end when the input does' },
} as const satisfies OptionTable;

const PURPOSE = 'this `ssl_client` is a shim of tlsify: ssl_client -s FD -n NAME';

/** @param argv what follows `ssl_client`. @throws UsageError */
export function parseSslClient(argv: readonly string[]): ConnectOptions {
  const { options, operands } = parseOptions(SSL_CLIENT_OPTIONS, argv);
  const socket = options['send-fd'] ?? options['receive-fd'];
  if (socket === undefined || operands.length > 0) throw new UsageError('-s FD is missing', PURPOSE);
  if ((options['receive-fd'] ?? socket) !== socket) throw new UsageError('-s and -r must be one socket', PURPOSE);
  if (options.name === undefined) throw new UsageError('-n NAME is missing: who should be at the other end?', PURPOSE);
  return {
    ...DEFAULT_CONNECT_OPTIONS,
    network: { descriptor: socket },
    references: [options.name],
    serverName: firstDnsName([options.name]),
    atInputEnd: options['exit-at-eof'] ? 'close-notify' : 'keep-open',
  };
}
