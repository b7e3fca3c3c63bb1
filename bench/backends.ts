/**
 * The two backends in one process and in memory, both ends of each: `bun bench/backends.ts`. CPU time per full handshake (X25519,
 * ECDSA P-256, AES-128-GCM; nobody judges the certificate) and per gigabyte sealed and opened, in interleaved rounds; the best of
 * them. For a process of a single connection with BUN_JSC_useJIT=0 BUN_JSC_useConcurrentGC=0 BUN_JSC_numberOfGCMarkers=1 in the
 * environment.
 */

import { BACKENDS, type Backend, converse, pairOf } from '../tests/contract/backends.ts';
import { carry } from '../tests/support/carry.ts';

const ROUNDS = 10;
const ROUND_HANDSHAKES = 50;
const ROUND_BYTES = 32 * 2 ** 20;
const PIECE = new Uint8Array(64 * 1024);

async function cpuMicroseconds(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

async function handshakes(backend: Backend): Promise<void> {
  for (let count = 0; count < ROUND_HANDSHAKES; count++) {
    const { client, server } = await converse(pairOf({ client: backend, server: backend, version: 'TLSv1.3' }));
    // To the end, at which OpenSSL's memory is freed.
    for (const side of [client, server]) side.connection.closeWrite();
    await carry({ client, server });
  }
}

const pairs = {
  tlsify: await converse(pairOf({ client: 'tlsify', server: 'tlsify', version: 'TLSv1.3' })),
  openssl: await converse(pairOf({ client: 'openssl', server: 'openssl', version: 'TLSv1.3' })),
} as const;

async function transfer(backend: Backend): Promise<void> {
  const { client, server } = pairs[backend];
  for (let sent = 0; sent < ROUND_BYTES; sent += PIECE.length) {
    client.connection.send(PIECE);
    await client.settle();
    await server.receive(client.takeNetwork());
    server.takePlaintext();
  }
}

const best = new Map<string, number>();
for (let round = 0; round < ROUNDS; round++)
  for (const backend of BACKENDS)
    for (const [name, work] of [
      ['handshake', () => handshakes(backend)],
      ['data', () => transfer(backend)],
    ] as const) {
      const key = `${backend} ${name}`;
      best.set(key, Math.min(best.get(key) ?? Number.POSITIVE_INFINITY, await cpuMicroseconds(work)));
    }

for (const backend of BACKENDS) {
  const handshake = (best.get(`${backend} handshake`) ?? 0) / ROUND_HANDSHAKES;
  const secondsPerGb = ((best.get(`${backend} data`) ?? 0) / ROUND_BYTES) * 1000;
  console.log(
    `${backend}: ${handshake.toFixed(0)} µs a handshake (both ends), ${secondsPerGb.toFixed(2)} s a GB (sealed and opened)`,
  );
}
