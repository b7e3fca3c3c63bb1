import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { hex } from '../../src/core/bytes.ts';
import { encodeEchConfigList } from '../../src/engine/ech/config.ts';
import { serverCertificate } from '../support/certificates.ts';
import { type HeldEchKey, heldEchKey } from '../support/ech-keys.ts';
import { listenEch } from '../support/ech-server.ts';
import { TcpPeer } from '../support/tcp-peer.ts';
import { filesOf, ISSUING_CA, localServer } from '../support/test-pki.ts';
import { buildRustlsPeer } from './builds.ts';
import { describeEngineClient } from './engine-client.ts';
import { describeLibraryClient, type Program } from './library-client.ts';
import { peerArguments } from './peer-arguments.ts';
import { runClient } from './run-client.ts';
import {
  connectTo,
  describeCommands,
  describeHandshakes,
  describeKeyUpdates,
  expectClean,
  type HandshakePeer,
  SUITES_12,
  SUITES_13,
  startPeer,
  TEST_LIMIT_MS,
} from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

const executable = buildRustlsPeer();

const program: Program = (words) => ({
  program: executable,
  args: words,
  comesFrom: 'tests/interop/peers/rustls',
});

const rustls = {
  command: (port, options) => program(peerArguments(port, options)),
  request: 'facts\n',
  response: /^sni=localhost alpn=- client=no\n$/,
  suites: [...SUITES_13, ...SUITES_12],
  groups: ['X25519MLKEM768', 'SecP256r1MLKEM768', 'x25519', 'secp256r1', 'secp384r1'],
  keys: {
    'p256': 'ecdsa_secp256r1_sha256',
    'p384': 'ecdsa_secp384r1_sha384',
    'p521': 'ecdsa_secp521r1_sha512',
    'rsa-2048': 'rsa_pss_rsae_sha512', // the server's own preference
    'ed25519': 'ed25519',
  },
  groups12: ['x25519', 'secp256r1', 'secp384r1'],
  keys12: ['p256', 'p384', 'p521', 'rsa-2048', 'ed25519'],
} as const satisfies HandshakePeer;

describe('rustls', () => {
  describeHandshakes(rustls);
  describeEngineClient({
    ...rustls,
    certificateSeen: / client=yes\n$/,
    clientKeys: ['p256', 'p384', 'p521', 'ed25519', 'rsa-2048'],
  });
  describeCommands(rustls);
  describeKeyUpdates(rustls);

  test('certificates compressed with zlib: they are large, and what comes over the network is not', async () => {
    const names = Array.from({ length: 500 }, (_, index) => `name-${index}.example`);
    const files = filesOf(serverCertificate(ISSUING_CA, { dns: ['localhost', ...names] }));
    const certificateBytes = readFileSync(files.leaf, 'latin1').length * (3 / 4);
    for (const [compress, isSmall] of [
      [[], false],
      [['compress=zlib'], true],
    ] as const) {
      const service = await startPeer((port) => {
        const { args, ...rest } = rustls.command(port, { files });
        return { ...rest, args: [...args, ...compress] };
      });
      let bytes = 0;
      const relay = await TcpPeer.listen((socket) => {
        const server = connect(service.port, '127.0.0.1');
        socket.pipe(server).pipe(socket);
        server.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
        });
      });
      const result = await connectTo(relay, rustls.request);
      relay.close();
      expectClean(result);
      expect(bytes < certificateBytes / 2).toBe(isSmall);
    }
  });

  describeLibraryClient(program, {
    suites: rustls.suites,
    groups: rustls.groups,
    shares: ['X25519MLKEM768', 'x25519', 'SecP256r1MLKEM768'],
    keys: Object.fromEntries(Object.keys(rustls.keys).map((key) => [key, undefined])),
    groups12: rustls.groups12,
    // Without P-521 among its groups it has no such certificates in TLS 1.2 either (RFC 8422 section 5.1).
    keys12: rustls.keys12.filter((key) => key !== 'p521'),
    alerts: {
      certificate_required: /CertificateRequired/,
      handshake_failure: /HandshakeFailure/,
      no_application_protocol: /NoApplicationProtocol/,
      unrecognized_name: /Unrecogni[sz]edName/,
      protocol_version: /ProtocolVersion/,
    },
  });
});

describe("rustls' Encrypted Client Hello", () => {
  const servers: TcpPeer[] = [];
  afterAll(() => {
    for (const server of servers) server.close();
  });

  /** Its client, which seals for `key`, and a server of ours that has `keys`. */
  async function ask(key: HeldEchKey, keys: readonly HeldEchKey[], retried: boolean) {
    const { peer, sessions } = await listenEch(keys, undefined, { groups: [retried ? 'secp384r1' : 'x25519'] });
    servers.push(peer);
    const list = hex(encodeEchConfigList([key.config.encoded]));
    const words = [
      `port=${peer.port}`,
      `trusted=${localServer().ca}`,
      'name=localhost',
      'command=facts',
      `ech=${list}`,
    ];
    return { ...(await runClient(program(words))), sessions };
  }

  for (const group of ['x25519', 'secp256r1'] as const)
    for (const retried of [false, true])
      test(`is accepted with a key of ${group}${retried ? ' after a HelloRetryRequest' : ''}`, async () => {
        const key = heldEchKey('key', {}, group);
        const { stdout, stderr, sessions } = await ask(key, [key], retried);
        expect({ stdout: stdout.toString(), stderr, sessions }).toMatchObject({
          stdout: expect.stringMatching(/ ech=yes\nname=localhost ech=accepted\n/),
          stderr: '',
          sessions: [{ ech: 'accepted', helloRetryRequest: retried }],
        });
      });

  test('is rejected, with and without other configurations', async () => {
    const [key, other] = [heldEchKey('key'), heldEchKey('other', { configId: 9 })];
    const proposed = await ask(other, [key], false);
    expect(proposed.code).not.toBe(0);
    expect(proposed.stderr).toMatch(/ServerRejectedEncryptedClientHello\(Some\(/);
    expect((await ask(other, [], false)).stderr).toContain('ServerRejectedEncryptedClientHello(None)');
  });
});
