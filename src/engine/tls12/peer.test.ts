import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { type ConnectionOptions, connect as connectTls, createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { serverCertificate, type TestCertificate } from '../../../tests/support/certificates.ts';
import type { ConnectionDriver } from '../../../tests/support/connection-driver.ts';
import type { KeyKind } from '../../../tests/support/keys.ts';
import { softwareKeys } from '../../../tests/support/software-keys.ts';
import { ALL_TLS12_SUITES, pairOf, type Sides } from '../../../tests/support/tls12.ts';
import { ascii, latin1 } from '../../core/bytes.ts';
import { TLS12_SUITES, type Tls12SuiteName } from '../../crypto/cipher-suites.ts';
import type { Ticket } from '../connection.ts';

// The runtime's own TLS 1.2 (OpenSSL in Node, BoringSSL in Bun) as the peer of each role, over a socket of this machine.

const LEAVES = new Map<KeyKind, TestCertificate>();

function leafOf(kind: KeyKind): TestCertificate {
  const leaf = LEAVES.get(kind) ?? serverCertificate(undefined, { dns: ['localhost'] }, { key: kind });
  LEAVES.set(kind, leaf);
  return leaf;
}

function keysOf(kind: KeyKind) {
  const leaf = leafOf(kind);
  return softwareKeys([{ chain: [leaf.der], privatePem: leaf.key.privatePem }]);
}

function pem(kind: KeyKind) {
  const leaf = leafOf(kind);
  return { cert: leaf.pem, key: leaf.key.privatePem };
}

/** Carries bytes between a connection of ours and a socket until `done`. */
async function pump(driver: ConnectionDriver, socket: Socket, done: () => boolean): Promise<void> {
  const flush = () => {
    const bytes = driver.takeNetwork();
    if (bytes.length > 0) socket.write(bytes);
  };
  await driver.settle();
  flush();
  while (!done() && driver.failure === undefined) {
    const [chunk] = (await once(socket, 'data')) as [Uint8Array];
    socket.pause();
    await driver.receive(new Uint8Array(chunk));
    flush();
    socket.resume();
  }
  assert.equal(driver.failure, undefined);
}

type Check = (ours: ConnectionDriver, theirs: TLSSocket) => void | Promise<void>;

/** Our clients against one server of theirs, one after another: the handshake, and an echo. */
async function withTheirServer(options: TlsOptions, ...clients: (readonly [() => Sides, Check])[]): Promise<void> {
  const server = createServer({ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', ...options }, (peer) => peer.pipe(peer));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    for (const [sides, check] of clients) {
      const accepted = once(server, 'secureConnection') as Promise<[TLSSocket]>;
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
      try {
        await once(socket, 'connect');
        const { client } = pairOf(sides());
        await client.start();
        await pump(client, socket, () => client.session !== undefined);
        const [peer] = await accepted;
        await echo(client, socket);
        await check(client, peer);
        peer.destroy();
      } finally {
        socket.destroy();
      }
    }
  } finally {
    server.close();
  }
}

/** Their client against our server. */
async function withTheirClient(options: ConnectionOptions, sides: Sides, check: Check): Promise<Buffer | undefined> {
  const listener = createTcpServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const accepted = once(listener, 'connection') as Promise<[Socket]>;
  const port = (listener.address() as AddressInfo).port;
  const theirs = connectTls({
    port,
    host: '127.0.0.1',
    servername: 'localhost',
    rejectUnauthorized: false,
    ...options,
  });
  let session: Buffer | undefined;
  theirs.on('session', (bytes) => {
    session = bytes;
  });
  const secured = once(theirs, 'secureConnect');
  const [socket] = await accepted;
  try {
    const { server } = pairOf(sides);
    await server.start();
    await pump(server, socket, () => server.session !== undefined);
    await secured;
    theirs.pipe(theirs);
    await echo(server, socket);
    await check(server, theirs);
    return session;
  } finally {
    theirs.destroy();
    socket.destroy();
    listener.close();
  }
}

async function echo(driver: ConnectionDriver, socket: Socket): Promise<void> {
  const content = 'said, and said again; '.repeat(2000);
  let heard = '';
  driver.connection.send(ascii(content));
  await pump(driver, socket, () => {
    heard += latin1(driver.takePlaintext());
    return heard.length >= content.length;
  });
  assert.equal(heard, content);
}

/** Their names for the suites, of which Bun has no CCM. */
const CIPHERS: Readonly<Record<Tls12SuiteName, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_AES_128_CCM: 'ECDHE-ECDSA-AES128-CCM',
  // Tags of 8 bytes are below OpenSSL's usual level.
  TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8: 'ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0',
};

describe("the runtime's own TLS 1.2", () => {
  for (const suite of ALL_TLS12_SUITES) {
    const ciphers = CIPHERS[suite];
    const kind = TLS12_SUITES[suite].authentication === 'rsa' ? 'rsa-2048' : 'p256';

    test(`as a server with ${suite}`, async () => {
      const sides = () => ({ client: { tls12Suites: [suite] } });
      const check: Check = (ours, theirs) => {
        assert.equal(ours.session?.suite, suite);
        assert.equal(theirs.getProtocol(), 'TLSv1.2');
      };
      await withTheirServer({ ...pem(kind), ciphers }, [sides, check]);
    });

    test(`as a client with ${suite}`, async () => {
      const sides = { server: { tls12Suites: [suite] }, serverKeys: keysOf(kind) };
      await withTheirClient({ ciphers }, sides, (ours, theirs) => {
        assert.equal(ours.session?.suite, suite);
        assert.equal(theirs.getCipher().name, ciphers.split(':')[0]);
      });
    });
  }

  test('as a server that resumes by ticket', async () => {
    let session: Ticket | null = null;
    const sides = (): Sides => ({ client: { alpn: ['echo'], now: Date.now, session } });
    const first: Check = (ours) => {
      assert.equal(ours.session?.resumed, false);
      session = ours.tickets[0] as Ticket;
    };
    const second: Check = (ours, theirs) => {
      assert.equal(ours.session?.resumed, true);
      assert.equal(theirs.isSessionReused(), true);
      assert.equal(ours.session?.alpn, 'echo');
    };
    await withTheirServer({ ...pem('p256'), ALPNProtocols: ['echo'] }, [sides, first], [sides, second]);
  });

  test('as a client that resumes by ticket', async () => {
    const sides = { server: { now: Date.now }, serverKeys: keysOf('p256') };
    const session = await withTheirClient({ maxVersion: 'TLSv1.2' }, sides, (ours) =>
      assert.equal(ours.session?.resumed, false),
    );
    assert.ok(session !== undefined);
    await withTheirClient({ maxVersion: 'TLSv1.2', session }, sides, (ours, theirs) => {
      assert.equal(ours.session?.resumed, true);
      assert.equal(theirs.isSessionReused(), true);
    });
  });

  test('as a server that wants a certificate', async () => {
    const shown: Check = (_ours, theirs) => {
      const { raw } = theirs.getPeerCertificate();
      assert.deepEqual(new Uint8Array(raw), leafOf('rsa-2048').der);
    };
    const none: Check = (_ours, theirs) => assert.deepEqual(Object.keys(theirs.getPeerCertificate() ?? {}), []);
    const options = { ...pem('p256'), requestCert: true, rejectUnauthorized: false };
    await withTheirServer(options, [() => ({ clientKeys: keysOf('rsa-2048') }), shown], [() => ({}), none]);
  });

  test('as a client with a certificate', async () => {
    const sides: Sides = { server: { clientCertificate: 'required', alpn: ['echo'] }, serverKeys: keysOf('p256') };
    const options = { maxVersion: 'TLSv1.2', ALPNProtocols: ['other', 'echo'] } as const;
    for (const kind of ['p384', 'rsa-2048'] as const)
      await withTheirClient({ ...options, ...pem(kind) }, sides, (ours, theirs) => {
        assert.equal(ours.session?.peer?.subject, 'CN=localhost');
        assert.equal(theirs.alpnProtocol, 'echo');
        assert.equal(ours.session?.serverName, 'localhost');
      });
  });
});
