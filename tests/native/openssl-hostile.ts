/**
 * Calls every function of the module that the first argument names (native/openssl.c) with arguments that are wrong in all the ways
 * known, and has connections of both roles hear conversations with errors in them. Run by openssl-sanitizers.test.ts, with the
 * sanitizers' run-time library. Prints how many calls returned, how many threw, and how many connections there were.
 */
import { createPrivateKey } from 'node:crypto';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import { defaultClientConfig } from '../../src/engine/config.ts';
import { defaultServerConfig } from '../../src/engine/server-config.ts';
import { OpenSslClient } from '../../src/openssl/client.ts';
import type { Handle, OpenSslLibrary } from '../../src/openssl/library.ts';
import { createConnection } from '../../src/openssl/policy.ts';
import { OpenSslServer } from '../../src/openssl/server.ts';
import { chainOf, serverCertificate } from '../support/certificates.ts';
import { acceptAnyCertificate, ConnectionDriver } from '../support/connection-driver.ts';
import { softwareKeys } from '../support/software-keys.ts';

const holder: { exports: unknown } = { exports: {} };
process.dlopen(holder, process.argv[2] as string);
const library = holder.exports as OpenSslLibrary;
const openSsl = { library, version: library.load() };

const detached = new Uint8Array(64);
structuredClone(detached.buffer, { transfer: [detached.buffer] });
const VALUES: readonly unknown[] = [
  ...[-1, 0, 1, 2, 13, 70_000, -(2 ** 31), 2 ** 31, 2 ** 53, 0.5, Number.NaN, Number.POSITIVE_INFINITY],
  ...[0, 1, 32, 80, 81, 5000].map((length) => new Uint8Array(length).fill(length & 0xff)),
  ...[0, 5, 11, 12, 100].map((length) => new Int32Array(length)),
  new Uint8Array(new ArrayBuffer(300), 295, 5),
  detached,
  ...['', 'a', 'a\0b', '\ud800', 'x'.repeat(1023), 'x'.repeat(1024), 'ü'.repeat(600), 'X25519:P-256'],
  ...[undefined, null, true, 7n, Symbol('s'), {}, [], () => 1, new Float64Array(4), new DataView(new ArrayBuffer(8))],
];

let returned = 0;
let threw = 0;
function call(name: string, ...values: readonly unknown[]): void {
  try {
    (library as unknown as Record<string, (...values: readonly unknown[]) => unknown>)[name]?.(...values);
    returned++;
  } catch {
    threw++;
  }
}

const config = defaultClientConfig(nodeCrypto, 'a.test', Date.now);
function connection(role: 'client' | 'server'): Handle {
  return createConnection(openSsl, role, 'tickets', config);
}

function wrongArguments(): void {
  for (const name of Object.keys(library)) {
    for (const first of VALUES) call(name, first, first, first, first, first, first, first, first);
    call(name);
    for (const role of ['client', 'server'] as const) {
      const handle = connection(role);
      for (const second of VALUES) for (const third of VALUES) call(name, handle, second, third, second, third);
      call(name, handle);
      call('release', handle);
      call(name, handle, 1, 1, 1);
    }
  }
  for (const text of VALUES)
    for (let at = 4; at < 8; at++) call('create', ...[0, 771, 772, 0, 'a', 'b', 'c', 'd'].with(at, text as string));
}

const LEAF = serverCertificate(undefined, { dns: ['a.test'] });
const CREDENTIAL = {
  chain: chainOf(LEAF).map(({ der }) => der),
  privatePem: LEAF.key.privatePem,
  ocspResponse: new Uint8Array(99),
};
const KEYS = new Map([
  ['0', new Uint8Array(createPrivateKey(LEAF.key.privatePem).export({ type: 'pkcs8', format: 'der' }))],
]);

/** Bit `flip` of everything that is said is wrong; none is for a negative one. */
async function converse(version: 'TLSv1.2' | 'TLSv1.3', flip: number): Promise<boolean> {
  const versions = { minVersion: version, maxVersion: version } as const;
  const secrets = { keys: KEYS, ticketKeys: new Uint8Array(80) };
  const clientCertificate = flip % 2 === 0 ? 'optional' : 'none';
  const serverConfig = {
    ...defaultServerConfig(nodeCrypto, Date.now),
    ...versions,
    alpn: ['h2', 'x'],
    clientCertificate,
  } as const;
  const server = new ConnectionDriver(
    new OpenSslServer({ ...serverConfig, ticketLifetimeSeconds: 100 }, openSsl, secrets, nodeCrypto),
    acceptAnyCertificate,
    softwareKeys([CREDENTIAL]),
  );
  const client = new ConnectionDriver(
    new OpenSslClient({ ...config, ...versions, keepTickets: true, alpn: ['x'] }, openSsl, KEYS),
    acceptAnyCertificate,
    softwareKeys([CREDENTIAL]),
  );
  await server.start();
  await client.start();
  let said = 0;
  for (let moved = true; moved; ) {
    moved = false;
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      await from.settle();
      const bytes = from.takeNetwork();
      if (bytes.length === 0) continue;
      const at = (flip >> 3) - said;
      if (flip >= 0 && at >= 0 && at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << (flip & 7));
      said += bytes.length;
      moved = true;
      for (let offset = 0; offset < bytes.length; offset += 1000) await to.receive(bytes.slice(offset, offset + 1000));
    }
  }
  const { connection: end } = client;
  if (end.phase !== 'open') return false;
  end.send(new Uint8Array(100_000));
  end.updateKeys();
  await client.settle();
  await server.receive(client.takeNetwork());
  end.exportKeyingMaterial('EXPORTER-x', new Uint8Array(10), 100);
  end.closeWrite();
  return true;
}

wrongArguments();
let [connections, opened] = [0, 0];
for (const version of ['TLSv1.3', 'TLSv1.2'] as const)
  for (let flip = -1; flip < 20_000; flip += flip < 4000 ? 61 : 331) {
    connections++;
    if (await converse(version, flip)) opened++;
  }
console.log(JSON.stringify({ returned, threw, connections, opened }));
