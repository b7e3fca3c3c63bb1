import { describe, setDefaultTimeout } from 'bun:test';
import { buildJavaPeer } from './builds.ts';
import { describeEngineClient } from './engine-client.ts';
import { describeLibraryClient, type Program } from './library-client.ts';
import { peerArguments } from './peer-arguments.ts';
import {
  describeCommands,
  describeHandshakes,
  describeKeyUpdates,
  type HandshakePeer,
  SUITES_12,
  SUITES_13,
  TEST_LIMIT_MS,
} from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

const classes = buildJavaPeer();

/** Most runs end before the better compiler or a collector with threads is of use. */
const SHORT_LIVED = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto'];

const program: Program = (words) => ({
  program: 'java',
  args: [...SHORT_LIVED, '-cp', classes, 'Peer', ...words],
  comesFrom: 'the package default-jdk-headless',
});

const java = {
  command: (port, options) => program(peerArguments(port, options)),
  request: 'facts\n',
  endsAtCloseNotify12: true,
  response: /^sni=localhost alpn=- client=no\n$/,
  suites: [...SUITES_13, ...SUITES_12],
  groups: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
  keys: {
    'p256': 'ecdsa_secp256r1_sha256',
    'p384': 'ecdsa_secp384r1_sha384',
    'p521': 'ecdsa_secp521r1_sha512',
    'rsa-2048': 'rsa_pss_rsae_sha256',
    'rsa-pss-2048': 'rsa_pss_pss_sha256',
    'ed25519': 'ed25519',
  },
  groups12: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
  keys12: ['p256', 'p384', 'p521', 'rsa-2048', 'rsa-pss-2048', 'ed25519'],
} as const satisfies HandshakePeer;

describe('Java (JSSE)', () => {
  describeHandshakes(java);
  describeEngineClient({
    ...java,
    certificateSeen: / client=yes\n$/,
    clientKeys: ['p256', 'p384', 'p521', 'ed25519', 'rsa-2048', 'rsa-pss-2048'],
  });
  describeCommands(java);
  describeKeyUpdates({
    command: (port, options) => {
      const { args, ...rest } = java.command(port, options);
      return { ...rest, args: [...args, 'keylimit=2^20'] };
    },
  });

  describeLibraryClient(program, {
    suites: java.suites,
    groups: java.groups,
    shares: ['x25519', 'secp256r1'],
    keys: Object.fromEntries(Object.keys(java.keys).map((key) => [key, undefined])),
    groups12: java.groups12,
    keys12: java.keys12,
    alerts: {
      certificate_required: /certificate_required/,
      handshake_failure: /handshake_failure/,
      no_application_protocol: /no_application_protocol/,
      unrecognized_name: /unrecognized_name/,
      protocol_version: /protocol_version/,
    },
  });
});
