import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { serverCertificate } from '../../tests/support/certificates.ts';
import { ConnectionDriver } from '../../tests/support/connection-driver.ts';
import { testConfig } from '../../tests/support/conversation.ts';
import type { KeyKind } from '../../tests/support/keys.ts';
import { ascii, type Bytes, concat } from '../core/bytes.ts';
import { TLS13_SUITES, type Tls13SuiteName } from '../crypto/cipher-suites.ts';
import { nodeCrypto } from '../crypto-node/provider.ts';
import { ClientConnection } from './client.ts';
import type { ClientConfig } from './config.ts';

// The runtime's own TLS server (OpenSSL in Node, BoringSSL in Bun) as the peer, over a socket of this machine.

/** One connection of ours to a server with `options`, until `session` is done with both ends. */
async function withServer(
  options: TlsOptions,
  config: Partial<ClientConfig>,
  session: (wire: Wire, peer: TLSSocket) => Promise<void>,
  kind: KeyKind = 'p256',
): Promise<void> {
  const leaf = serverCertificate(undefined, { dns: ['localhost'] }, { key: kind });
  const server = createServer({
    allowHalfOpen: true,
    minVersion: 'TLSv1.3',
    cert: leaf.pem,
    key: leaf.key.privatePem,
    ...options,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'secureConnection') as Promise<[TLSSocket]>;
  const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  const wire = new Wire(socket, new ConnectionDriver(new ClientConnection(testConfig(config), nodeCrypto)));
  try {
    await wire.open();
    const [peer] = await accepted;
    await session(wire, peer);
    peer.destroy();
  } finally {
    socket.destroy();
    server.close();
  }
}

/** A connection on a socket. */
class Wire {
  readonly socket: Socket;
  readonly client: ConnectionDriver;
  readonly #chunks: AsyncIterator<Uint8Array>;

  constructor(socket: Socket, client: ConnectionDriver) {
    this.socket = socket;
    this.#chunks = socket[Symbol.asyncIterator]();
    this.client = client;
  }

  async open(): Promise<void> {
    await this.client.start();
    this.flush();
    await this.until(() => this.client.session !== undefined);
  }

  flush(): void {
    const bytes = this.client.takeNetwork();
    if (bytes.length > 0) this.socket.write(bytes);
  }

  async send(content: Bytes): Promise<void> {
    this.client.connection.send(content);
    await this.client.settle();
    this.flush();
  }

  async closeWrite(): Promise<void> {
    this.client.connection.closeWrite();
    await this.client.settle();
    this.flush();
  }

  /** Receives until `enough`. */
  async until(enough: () => boolean): Promise<void> {
    while (!enough()) {
      const { done, value } = await this.#chunks.next();
      if (done) throw new Error('the network ended');
      await this.client.receive(new Uint8Array(value));
      this.flush();
      assert.equal(this.client.failure, undefined);
    }
  }
}

function digest(content: Bytes): string {
  return createHash('sha256').update(content).digest('hex');
}

describe("the runtime's own server", () => {
  test('echoes', async () => {
    await withServer({ ALPNProtocols: ['h2', 'echo'] }, { alpn: ['echo'] }, async (wire, peer) => {
      assert.equal(wire.client.session?.alpn, 'echo');
      assert.equal(peer.getProtocol(), 'TLSv1.3');
      peer.pipe(peer);
      await wire.send(ascii('hello'));
      const received: Bytes[] = [];
      await wire.until(() => {
        received.push(wire.client.takePlaintext());
        return concat(...received).length === 5;
      });
      assert.deepEqual(concat(...received), ascii('hello'));
    });
  });

  for (const kind of ['rsa-2048', 'p384', 'p521', 'ed25519'] satisfies KeyKind[])
    test(`with a certificate of type ${kind}`, async () => {
      await withServer({}, {}, async (wire) => assert.ok(wire.client.session?.signatureScheme), kind);
    });

  for (const suite of Object.keys(TLS13_SUITES) as Tls13SuiteName[]) {
    const { aead } = TLS13_SUITES[suite];
    if (!nodeCrypto.aeads.includes(aead)) continue;
    // Opt-in there, too; and tags of 8 bytes are below OpenSSL's usual level.
    const options = aead.startsWith('aes-128-ccm') ? { ciphers: `${suite}:ALL:@SECLEVEL=0` } : {};
    test(`with ${suite}`, async () => {
      await withServer(options, { suites: [suite] }, async (_wire, peer) =>
        assert.equal(peer.getCipher().standardName ?? peer.getCipher().name, suite),
      );
    });
  }

  test('takes a share that it had to ask for', async () => {
    await withServer({}, { groups: ['secp384r1'], keyShareGroups: [] }, async (wire) => {
      assert.equal(wire.client.session?.helloRetryRequest, true);
      assert.equal(wire.client.session?.group, 'secp384r1');
    });
  });

  test('takes and gives megabytes, keys changing all the while', async () => {
    const size = 4 * 2 ** 20;
    const down = nodeCrypto.randomBytes(size);
    const up = nodeCrypto.randomBytes(size);
    await withServer({}, { recordsPerKey: 20 }, async (wire, peer) => {
      const hash = createHash('sha256');
      let taken = 0;
      const done = new Promise<void>((resolve) => {
        peer.on('data', (chunk) => {
          hash.update(chunk);
          taken += chunk.length;
          if (taken === size) resolve();
        });
      });
      peer.write(down);
      for (let offset = 0; offset < size; offset += size / 4) {
        await wire.send(up.subarray(offset, offset + size / 4));
        wire.client.connection.updateKeys();
        await wire.client.settle();
        wire.flush();
      }
      const received: Bytes[] = [];
      let length = 0;
      await wire.until(() => {
        const plaintext = wire.client.takePlaintext();
        received.push(plaintext);
        length += plaintext.length;
        return length === size;
      });
      await done;
      assert.equal(digest(concat(...received)), digest(down));
      assert.equal(hash.digest('hex'), digest(up));
    });
  });

  test('goes on when we have closed our side, and tells when it closes its own', async () => {
    await withServer({}, {}, async (wire, peer) => {
      const ended = once(peer.resume(), 'end');
      await wire.closeWrite();
      await ended;
      peer.end('the last word');
      await wire.until(() => wire.client.peerClosed);
      assert.deepEqual(wire.client.takePlaintext(), ascii('the last word'));
      assert.equal(wire.client.connection.finished, true);
    });
  });

  test('exports the same keying material', async () => {
    await withServer({}, {}, async (wire, peer) => {
      const ours = wire.client.connection.exportKeyingMaterial('EXPORTER-tlsify', ascii('context'), 40);
      const theirs = peer.exportKeyingMaterial(40, 'EXPORTER-tlsify', Buffer.from('context'));
      assert.deepEqual(ours, new Uint8Array(theirs));
    });
  });
});
