import { type Bytes, concat } from '../../src/core/bytes.ts';
import type { ProtocolVersion } from '../../src/engine/connection.ts';
import { held, LEAF, pairOf, type Scene } from '../contract/backends.ts';
import { carry, type Pair } from '../support/carry.ts';
import type { ConnectionDriver } from '../support/connection-driver.ts';
import { plainRecord } from '../support/pair13.ts';
import type { Target } from './target.ts';

/** The OpenSSL backend: what C has parsed, and what of it we read again. */
export const OPENSSL_TARGETS: Readonly<Record<string, Target>> = {
  'OpenSSL: the first bytes of either peer': {
    seeds: [
      await firstFlight('TLSv1.3', 'client'),
      await firstFlight('TLSv1.3', 'server'),
      await firstFlight('TLSv1.2', 'server'),
    ],
    runs: 1000,
    run: async (input) => {
      const { client, server } = pairOf(scene('TLSv1.3'), { clientConfig: BOTH, serverConfig: BOTH });
      const record = plainRecord(HANDSHAKE, input.subarray(5, 2 ** 14));
      for (const side of [client, server]) {
        await side.start();
        await side.receive(concat(record, input));
        survived(side);
      }
    },
  },
  'OpenSSL: a handshake of TLS 1.3, changed on its way': conversation('TLSv1.3'),
  'OpenSSL: a handshake of TLS 1.2, changed on its way': conversation('TLSv1.2'),
};

const HANDSHAKE = 22;
const BOTH = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' } as const;

function scene(version: ProtocolVersion): Scene {
  return { client: 'openssl', server: 'openssl', version };
}

async function started(version: ProtocolVersion): Promise<Pair> {
  const pair = pairOf(scene(version), {
    clientConfig: { keepTickets: true, alpn: ['h2'] },
    serverConfig: { alpn: ['h2'], clientCertificate: 'optional' },
    clientCredentials: [held(LEAF)],
  });
  await pair.server.start();
  await pair.client.start();
  return pair;
}

async function firstFlight(version: ProtocolVersion, of: 'client' | 'server'): Promise<Bytes> {
  const { client, server } = await started(version);
  const hello = client.takeNetwork();
  if (of === 'client') return hello;
  await server.receive(hello);
  return server.takeNetwork();
}

/** The input is a pattern of changes, applied by exclusive or to all that is said. */
function conversation(version: ProtocolVersion): Target {
  return {
    seeds: [new Uint8Array(3000), new Uint8Array(64)],
    runs: 300,
    run: async (input) => {
      const pair = await started(version);
      let at = 0;
      for (const [from, to] of [
        [pair.client, pair.server],
        [pair.server, pair.client],
        [pair.client, pair.server],
        [pair.server, pair.client],
      ] as const)
        await to.receive(from.takeNetwork().map((byte) => byte ^ (input[at++] ?? 0)));
      await carry(pair);
      survived(pair.client);
      survived(pair.server);
    },
  };
}

/** A side ends in a failure that is not ours, waits for more, or is open. OpenSSL 3.5 calls some mistakes of its peer internal errors. */
function survived({ failure, log }: ConnectionDriver): void {
  if (failure?.kind === 'internal' && failure.detail !== 'internal error')
    throw new Error(`${failure.why}: ${failure.detail}`);
  if (log.length > 100) throw new Error(`${log.length} outputs`);
}
