import { describe } from 'bun:test';
import { buildRustlsPeer } from './builds.ts';
import { peerArguments } from './peer-arguments.ts';
import { describeCommands, describeHandshakes, describeKeyUpdates, type HandshakePeer, MIB } from './suite.ts';

const executable = buildRustlsPeer();

const rustls: HandshakePeer = {
  command: (port, options) => ({
    program: executable,
    args: peerArguments(port, options),
    comesFrom: 'tests/interop/peers/rustls',
  }),
  request: 'facts\n',
  response: /^sni=localhost alpn=-\n$/,
  suites: ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
  groups: ['X25519MLKEM768', 'SecP256r1MLKEM768', 'x25519', 'secp256r1', 'secp384r1'],
  keys: {
    'p256': 'ecdsa_secp256r1_sha256',
    'p384': 'ecdsa_secp384r1_sha384',
    'p521': 'ecdsa_secp521r1_sha512',
    'rsa-2048': 'rsa_pss_rsae_sha512', // the server's own preference
    'ed25519': 'ed25519',
  },
};

describe('rustls', () => {
  describeHandshakes(rustls);
  describeCommands(rustls, { bulkBytes: 64 * MIB });
  describeKeyUpdates(rustls);
});
