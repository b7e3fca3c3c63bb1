import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { echKey, heldEchKey } from '../../tests/support/ech-keys.ts';
import { converse13, heldCredential, type Sides13 } from '../../tests/support/pair13.ts';
import { softwareKeys } from '../../tests/support/software-keys.ts';
import type { Bytes } from '../core/bytes.ts';
import type { ClientConfig } from './config.ts';
import type { EchStatus } from './connection.ts';

const HELD = heldEchKey('held');
/** The same id, another key. */
const TWIN = heldEchKey('twin');
const P256 = heldEchKey('p256', { configId: 8 }, 'secp256r1');
const ALL = [HELD, TWIN, P256];
const serverKeys = softwareKeys([heldCredential()], undefined, ALL);

const offers: Readonly<Record<string, ClientConfig['ech']>> = {
  'none': null,
  'GREASE': 'grease',
  ...Object.fromEntries(ALL.map(({ name, config }) => [name, [config]])),
};

const options = fc.record({
  offer: fc.constantFrom(...Object.keys(offers)),
  known: fc.subarray(ALL),
  serverVersion: fc.constantFrom('TLSv1.3', 'TLSv1.3', 'TLSv1.2'),
  clientLeast: fc.constantFrom('TLSv1.3', 'TLSv1.2'),
  shares: fc.boolean(),
  stateless: fc.boolean(),
  grease: fc.boolean(),
  serverName: fc.constantFrom(null, 'secret.example', 'public.example', `${'x'.repeat(60)}.${'y'.repeat(60)}.example`),
  keepTickets: fc.boolean(),
  pieceBytes: fc.integer({ min: 1, max: 3000 }),
});
type Options = typeof options extends fc.Arbitrary<infer Value> ? Value : never;

function sidesOf(chosen: Options): Sides13 {
  const { offer, known, serverVersion, clientLeast, grease, serverName, keepTickets, pieceBytes } = chosen;
  const cut = (bytes: Bytes): readonly Bytes[] => {
    const pieces: Bytes[] = [];
    for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(bytes.slice(at, at + pieceBytes));
    return pieces;
  };
  return {
    client: {
      ech: offers[offer] ?? null,
      minVersion: clientLeast,
      grease,
      serverName,
      keepTickets,
      ...(chosen.shares ? {} : { keyShareGroups: [] }),
    },
    server: {
      ech: serverVersion === 'TLSv1.3' ? known.map((key) => echKey(key)) : [],
      minVersion: 'TLSv1.2',
      maxVersion: serverVersion,
      statelessRetry: chosen.stateless,
      ticketLifetimeSeconds: keepTickets ? 60 : 0,
    },
    serverKeys,
    toServer: cut,
    toClient: cut,
  };
}

/** What RFC 9849 makes of it: for the server, which of the offers it can read. */
function expected({ offer, known, serverVersion }: Options): EchStatus {
  if (offer === 'none' || known.length === 0 || serverVersion === 'TLSv1.2') return 'not-offered';
  return known.some(({ name }) => name === offer) ? 'accepted' : 'rejected';
}

test('whatever both sides have, a sealed name is used or the connection is not, and each knows why', async () => {
  const outcomes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(options, async (chosen) => {
      const { client, server } = await converse13(sidesOf(chosen));
      const { offer, serverName, serverVersion, clientLeast } = chosen;
      const status = expected(chosen);
      const sealed = offer !== 'none' && offer !== 'GREASE';
      if (serverVersion === 'TLSv1.2' && clientLeast === 'TLSv1.3') {
        assert.equal(server.failure?.why, 'version-not-supported');
        return;
      }
      outcomes.add(`${sealed} ${status}`);
      if (sealed && status !== 'accepted') {
        assert.equal(client.failure?.why, 'ech-rejected');
        assert.equal(client.failure?.retryConfigs !== undefined, status === 'rejected');
        assert.equal(server.failure?.detail, 'ech_required');
        assert.ok(!client.log.includes('open') && client.tickets.length === 0);
        assert.ok(server.session === undefined || server.session.serverName === 'public.example');
        return;
      }
      assert.deepEqual([client.failure, server.failure], [undefined, undefined]);
      assert.equal(server.session?.ech, status);
      assert.equal(client.session?.ech, sealed ? 'accepted' : offer === 'GREASE' ? 'grease' : 'not-offered');
      assert.equal(server.session?.serverName, serverName);
      assert.equal(client.session?.serverName, serverName);
    }),
    { numRuns: 250 },
  );
  assert.ok(outcomes.size >= 5, [...outcomes].join());
});

test('no bit of a sealed ClientHello can be changed so that it is still taken, and no name comes out', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat(7), async (position, bit) => {
      let changed = false;
      const { client, server } = await converse13({
        client: { ech: [HELD.config], serverName: 'secret.example' },
        server: { ech: [echKey(HELD)] },
        serverKeys,
        toServer: (bytes) => {
          if (changed) return [bytes];
          changed = true;
          const copy = bytes.slice();
          // Behind the headers of the record and of the message.
          const at = 9 + (position % (copy.length - 9));
          copy[at] = (copy[at] as number) ^ (1 << bit);
          return [copy];
        },
      });
      assert.notEqual(server.session?.ech, 'accepted');
      assert.notEqual(server.session?.serverName, 'secret.example');
      assert.ok(!client.log.includes('open'));
      assert.notEqual(server.failure?.kind, 'internal');
    }),
    { numRuns: 150 },
  );
});
