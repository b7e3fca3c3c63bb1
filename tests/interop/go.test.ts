import { describe, setDefaultTimeout } from 'bun:test';
import { buildGoPeer } from './builds.ts';
import { describeEngineClient } from './engine-client.ts';
import { describeLibraryClient, type Program } from './library-client.ts';
import { peerArguments } from './peer-arguments.ts';
import { describeCommands, describeHandshakes, type HandshakePeer, SUITES_12, TEST_LIMIT_MS } from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

const executable = buildGoPeer();

const program: Program = (words) => ({
  program: executable,
  args: words,
  comesFrom: 'tests/interop/peers/go',
});

const go = {
  command: (port, options) => program(peerArguments(port, options)),
  request: 'facts\n',
  response: /^sni=localhost alpn=- client=no\n$/,
  suites: SUITES_12, // among those of TLS 1.3 Go chooses by the machine, and offers no way to change that
  groups: ['X25519MLKEM768', 'SecP256r1MLKEM768', 'x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
  keys: {
    'p256': 'ecdsa_secp256r1_sha256',
    'p384': 'ecdsa_secp384r1_sha384',
    'p521': 'ecdsa_secp521r1_sha512',
    'rsa-2048': 'rsa_pss_rsae_sha256',
    'ed25519': 'ed25519',
  },
  groups12: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
  keys12: ['p256', 'p384', 'p521', 'rsa-2048', 'ed25519'],
} as const satisfies HandshakePeer;

describe("Go's crypto/tls", () => {
  describeHandshakes(go);
  describeEngineClient({
    ...go,
    certificateSeen: / client=yes\n$/,
    clientKeys: ['p256', 'p384', 'p521', 'ed25519', 'rsa-2048'],
  });
  describeCommands(go);

  describeLibraryClient(program, {
    suites: go.suites,
    groups: go.groups,
    keys: Object.fromEntries(Object.keys(go.keys).map((key) => [key, undefined])),
    groups12: go.groups12,
    keys12: go.keys12,
    alerts: {
      certificate_required: /certificate required/,
      handshake_failure: /handshake failure/,
      no_application_protocol: /no application protocol/,
      unrecognized_name: /unrecognized name/,
      protocol_version: /protocol version/,
    },
  });
});
