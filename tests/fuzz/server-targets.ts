import { type Bytes, hex } from '../../src/core/bytes.ts';
import { TlsError } from '../../src/core/failures.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import { ClientConnection } from '../../src/engine/client.ts';
import { decodeOfferedPsks, encodeOfferedPsks } from '../../src/engine/codec/pre-shared-key.ts';
import { CONTENT_TYPE } from '../../src/engine/codec/registry.ts';
import { decodeCookieContent, encodeCookieContent } from '../../src/engine/server/retry.ts';
import { decodeSession13, encodeSession13, type Session13 } from '../../src/engine/server/session.ts';
import { carry, type Pair } from '../support/carry.ts';
import { ConnectionDriver } from '../support/connection-driver.ts';
import { testConfig } from '../support/conversation.ts';
import { heldCredential, pair13, plainRecord, type Sides13, serverHearing } from '../support/pair13.ts';
import { softwareKeys } from '../support/software-keys.ts';
import type { Target } from './target.ts';

const CLIENT_KEYS = softwareKeys([heldCredential('p256', 'client')]);
const SIDES: Sides13 = {
  client: { keepTickets: true, alpn: ['h2'] },
  server: { alpn: ['h2'], clientCertificate: 'optional', ticketLifetimeSeconds: 60 },
  clientKeys: CLIENT_KEYS,
};
const IDENTITY = { identity: new Uint8Array(60).fill(5), obfuscatedTicketAge: 0xfedcba98 };
const BINDER = new Uint8Array(32).fill(6);
const SESSION: Session13 = {
  secret: BINDER,
  suite: 'TLS_AES_128_GCM_SHA256',
  establishedAtMs: 1_700_000_000_000,
  serverName: 'localhost',
  alpn: 'h2',
  certificatePolicy: '',
  peer: null,
  signatureScheme: null,
};
const IDENTITY_OF_CLIENT = {
  verified: true,
  matched: ['dns:a.test'],
  subject: 'CN=\u00e9',
  spkiSha256: 'aa',
  certificateSha256: 'bb',
  notAfterSeconds: 1_800_000_000,
};

/** What only a server hears, and what comes back to it from its own tickets. */
export const SERVER_TARGETS: Readonly<Record<string, Target>> = {
  'tickets, and what is sealed in them and in cookies': {
    seeds: [
      encodeOfferedPsks({ identities: [IDENTITY], binders: [BINDER] }),
      encodeOfferedPsks({ identities: [IDENTITY, IDENTITY], binders: [BINDER, BINDER] }),
      encodeSession13(SESSION),
      encodeSession13({ ...SESSION, peer: IDENTITY_OF_CLIENT, signatureScheme: 'ed25519' }),
      encodeCookieContent({
        suite: 'TLS_AES_128_GCM_SHA256',
        group: 'x25519',
        issuedAtSeconds: 1_700_000_000,
        helloHash: BINDER,
      }),
    ],
    runs: 20_000,
    run: (input) => {
      const session = decodeSession13(input);
      if (session !== null) isSame(encodeSession13(session), input);
      const cookie = decodeCookieContent(input);
      if (cookie !== null) isSame(encodeCookieContent(cookie), input);
      let again: Bytes;
      try {
        again = encodeOfferedPsks(decodeOfferedPsks(input));
      } catch (error) {
        if (!(error instanceof TlsError)) throw error;
        return;
      }
      isSame(again, input);
    },
  },
  'a ClientHello': {
    seeds: [
      await firstHello({}),
      await firstHello({ keyShareGroups: [] }),
      await firstHello({ minVersion: 'TLSv1.2' }),
    ],
    runs: 2000,
    run: async (input) => {
      const hello = plainRecord(CONTENT_TYPE.handshake, input.subarray(0, 2 ** 14));
      survived(await serverHearing(hello, { ...SIDES, server: { ...SIDES.server, minVersion: 'TLSv1.2' } }));
    },
  },
  'a handshake of TLS 1.3, changed on its way to the client': conversation('client'),
  'a handshake of TLS 1.3, changed on its way to the server': conversation('server'),
};

/** @throws Error unless what was read is written the same */
function isSame(again: Bytes, input: Bytes): void {
  if (hex(again) !== hex(input)) throw new Error(`reads ${hex(input)} and writes ${hex(again)}`);
}

async function firstHello(changes: Parameters<typeof testConfig>[0]): Promise<Bytes> {
  const client = new ConnectionDriver(new ClientConnection(testConfig({ ...SIDES.client, ...changes }), nodeCrypto));
  await client.start();
  return client.takeNetwork().slice(5);
}

/** The input is a pattern of changes, applied by exclusive or to all that the victim hears. */
function conversation(victim: 'client' | 'server'): Target {
  return {
    seeds: [new Uint8Array(2400), new Uint8Array(64)],
    runs: 400,
    run: async (input) => {
      let at = 0;
      const changed = (bytes: Bytes): Bytes[] => [bytes.map((byte) => byte ^ (input[at++] ?? 0))];
      const sides: Sides13 = victim === 'server' ? { ...SIDES, toServer: changed } : { ...SIDES, toClient: changed };
      const pair: Pair = pair13(sides);
      await pair.server.start();
      await pair.client.start();
      await carry(pair, sides);
      survived(pair.client);
      survived(pair.server);
    },
  };
}

/** A side ends in a failure that is not its own, waits for more, or is open; and never says much. */
function survived({ failure, log }: ConnectionDriver): void {
  if (failure?.kind === 'internal') throw new Error(`${failure.why}: ${failure.detail}`);
  if (log.length > 100) throw new Error(`${log.length} outputs`);
}
