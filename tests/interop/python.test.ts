import { describe, setDefaultTimeout } from 'bun:test';
import { fileURLToPath } from 'node:url';
import { describeEngineClient } from './engine-client.ts';
import { describeLibraryClient, type Program } from './library-client.ts';
import { peerArguments } from './peer-arguments.ts';
import { describeCommands, describeHandshakes, type HandshakePeer, SUITES_12, TEST_LIMIT_MS } from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

const program: Program = (words) => ({
  program: '/usr/bin/python3',
  args: [fileURLToPath(new URL('peers/peer.py', import.meta.url)), ...words],
  comesFrom: 'the package python3',
});

const python = {
  command: (port, options) => program(peerArguments(port, options)),
  request: 'facts\n',
  response: /^sni=localhost alpn=- client=no\n$/,
  suites: SUITES_12, // the module has no way to choose those of TLS 1.3
  groups: ['secp256r1', 'secp384r1', 'secp521r1'], // set_ecdh_curve does not know X25519, which is chosen without it
  keys: {
    'p256': 'ecdsa_secp256r1_sha256',
    'p384': 'ecdsa_secp384r1_sha384',
    'p521': 'ecdsa_secp521r1_sha512',
    'rsa-2048': 'rsa_pss_rsae_sha256',
    'rsa-pss-2048': 'rsa_pss_pss_sha256',
    'ed25519': 'ed25519',
  },
  groups12: ['secp256r1', 'secp384r1', 'secp521r1'],
  keys12: ['p256', 'p384', 'p521', 'rsa-2048', 'rsa-pss-2048', 'ed25519'],
} as const satisfies HandshakePeer;

describe("Python's ssl", () => {
  describeHandshakes(python);
  describeEngineClient({
    ...python,
    certificateSeen: / client=yes\n$/,
    clientKeys: ['p256', 'p384', 'p521', 'ed25519', 'rsa-2048', 'rsa-pss-2048'],
  });
  describeCommands(python);

  describeLibraryClient(program, {
    suites: python.suites,
    groups: python.groups,
    keys: Object.fromEntries(Object.keys(python.keys).map((key) => [key, undefined])),
    groups12: python.groups12,
    keys12: python.keys12,
    alerts: {
      certificate_required: /CERTIFICATE_REQUIRED/,
      handshake_failure: /HANDSHAKE_FAILURE/,
      no_application_protocol: /no.application.protocol/i,
      unrecognized_name: /UNRECOGNIZED_NAME/,
      protocol_version: /PROTOCOL_VERSION/,
    },
  });
});
