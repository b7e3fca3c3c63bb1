import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { carry, type Pair, type Way } from '../../tests/support/carry.ts';
import type { ConnectionDriver } from '../../tests/support/connection-driver.ts';
import { heldCredential, pair13 } from '../../tests/support/pair13.ts';
import { softwareKeys } from '../../tests/support/software-keys.ts';
import { ascii, type Bytes, concat, latin1 } from '../core/bytes.ts';
import { FAILURES } from '../core/failures.ts';
import { LIMITS } from '../core/limits.ts';
import { nodeCrypto } from '../crypto-node/provider.ts';
import { defaultSuites, defaultTls12Suites } from './config.ts';
import type { Ticket } from './connection.ts';
import { padToMultipleOf } from './record/outgoing.ts';

const NAMES = ['a.test', 'b.test', 'c.test'] as const;
/** A key for each name, and one for all. */
const SERVER_KEYS = [
  { ...heldCredential('p256', 'a.test'), names: ['a.test'] },
  { ...heldCredential('ed25519', 'b.test'), names: ['b.test', 'c.test'] },
  { ...heldCredential('rsa-2048', 'c.test'), names: ['c.test'] },
];
const CLIENT_KEYS = [heldCredential('p256', 'client'), heldCredential('ed25519', 'client')];

const some = <T>(items: readonly T[], minLength = 1) => fc.shuffledSubarray([...items], { minLength });
const versions = fc.constantFrom(
  { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const,
  { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' } as const,
  { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' } as const,
  { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const,
);
const GROUPS = ['x25519', 'secp256r1', 'secp384r1'] as const;
/** With one at least that is good in both versions. */
const schemes = some(['ecdsa_secp256r1_sha256', 'ed25519', 'rsa_pss_rsae_sha256'] as const);
const both = {
  versions,
  suites: some(defaultSuites(nodeCrypto)),
  tls12Suites: some(defaultTls12Suites(nodeCrypto)),
  groups: some(GROUPS, 2),
  alpn: fc.oneof(fc.constant([]), some(['h2', 'http/1.1', 'x'])),
  recordSizeLimit: fc.option(fc.integer({ min: 64, max: LIMITS.plaintextBytes + 1 })),
  maxFragment: fc.integer({ min: 1, max: LIMITS.plaintextBytes }),
  recordsPerKey: fc.integer({ min: 2, max: 50 }),
  padded: fc.option(fc.integer({ min: 2, max: 300 })),
  grease: fc.boolean(),
  policy: fc.constantFrom('', '', '', '', 'other'),
};
const client = fc.record({
  ...both,
  shares: fc.nat(1),
  schemes,
  serverName: fc.constantFrom(null, ...NAMES),
  requestOcsp: fc.boolean(),
  certified: fc.boolean(),
});
const server = fc.record({
  ...both,
  clientCertificate: fc.constantFrom('none', 'none', 'optional', 'required'),
  statelessRetry: fc.boolean(),
  ticketLifetimeSeconds: fc.constantFrom(0, 60, 60, 60),
  ticketCount: fc.constantFrom(0, 1, 1, 2, 3),
});
type ClientOptions = typeof client extends fc.Arbitrary<infer T> ? T : never;
type ServerOptions = typeof server extends fc.Arbitrary<infer T> ? T : never;

const TICKET_KEY = new Uint8Array(32).fill(1);

async function meet(
  { versions: ours, padded, schemes: accepted, shares, policy, certified, ...mine }: ClientOptions,
  { versions: theirs, padded: theirPadding, policy: theirPolicy, ...yours }: ServerOptions,
  session: Ticket | null,
  pieceBytes: number,
): Promise<Pair> {
  const cut = (bytes: Bytes): Bytes[] => {
    const pieces: Bytes[] = [];
    for (let offset = 0; offset < bytes.length; offset += pieceBytes)
      pieces.push(bytes.subarray(offset, offset + pieceBytes));
    return pieces;
  };
  const sides = {
    client: {
      ...mine,
      ...ours,
      keyShareGroups: mine.groups.slice(0, shares),
      signatureSchemes: accepted,
      certificateSignatureSchemes: accepted,
      padding: padded === null ? null : padToMultipleOf(padded),
      certificatePolicy: policy,
      keepTickets: true,
      session,
    },
    server: {
      ...yours,
      ...theirs,
      padding: theirPadding === null ? null : padToMultipleOf(theirPadding),
      certificatePolicy: theirPolicy,
    },
    clientKeys: softwareKeys(certified ? CLIENT_KEYS : []),
    serverKeys: softwareKeys(SERVER_KEYS, TICKET_KEY),
    toServer: cut,
    toClient: cut,
  };
  const pair = pair13(sides);
  await pair.server.start();
  await pair.client.start();
  await carry(pair, sides);
  if (pair.client.failure === undefined && pair.server.failure === undefined) await talk(pair, sides);
  return pair;
}

/** What is said arrives, and both close. */
async function talk(pair: Pair, sides: Way): Promise<void> {
  const { client: a, server: b } = pair;
  for (const text of ['there', 'and there', 'and back']) a.connection.send(ascii(text));
  b.connection.send(ascii('hello'));
  await carry(pair, sides);
  assert.deepEqual([latin1(b.takePlaintext()), latin1(a.takePlaintext())], ['thereand thereand back', 'hello']);
  const context = ascii('c');
  const exported = [a, b].map(({ connection }) => connection.exportKeyingMaterial('EXPORTER-x', context, 20));
  assert.deepEqual(exported[0], exported[1]);
  a.connection.closeWrite();
  await carry(pair, sides);
  b.connection.closeWrite();
  await carry(pair, sides);
  assert.deepEqual(
    [a.connection.finished, b.connection.finished, a.peerClosed, b.peerClosed],
    [true, true, true, true],
  );
}

/** Both are well and know the same, or one has failed and the other has its alert. */
function requireAgreement({ client: a, server: b }: Pair): 'agreed' | 'refused' {
  if (a.failure === undefined && b.failure === undefined) {
    const facts = ({ session }: ConnectionDriver) => {
      assert.ok(session !== undefined, 'neither open nor failed');
      // Each knows its peer, and what that one signed with.
      const { peer: _peer, signatureScheme: _scheme, ...shared } = session;
      return shared;
    };
    assert.deepEqual(facts(a), facts(b));
    return 'agreed';
  }
  const [found, told] = a.failure?.why === 'alert-received' ? [b, a] : [a, b];
  const why = found.failure?.why;
  assert.ok(why !== undefined && why !== 'alert-received' && found.failure?.kind !== 'internal', `${why}`);
  assert.deepEqual([told.failure?.why, told.failure?.detail], ['alert-received', FAILURES[why].alert]);
  return 'refused';
}

test('whatever both ends want, now and when they meet again, they agree on it, or both fail with one alert', async () => {
  const count = { agreed: 0, refused: 0, resumed: 0, retried: 0, retriedAndResumed: 0 };
  const run = async (ours: ClientOptions, theirs: ServerOptions, later: ServerOptions, pieceBytes: number) => {
    const first = await meet(ours, theirs, null, pieceBytes);
    count[requireAgreement(first)] += 1;
    const session = first.client.tickets.at(-1) ?? null;
    // The same server again, or one whose mind has changed.
    const second = await meet(
      ours,
      pieceBytes % 2 === 0 ? theirs : { ...later, ticketLifetimeSeconds: 60 },
      session,
      pieceBytes,
    );
    count[requireAgreement(second)] += 1;
    for (const { client: end } of [first, second]) {
      const { resumed = false, helloRetryRequest = false } = end.session ?? {};
      if (resumed) count.resumed += 1;
      if (helloRetryRequest) count.retried += 1;
      if (resumed && helloRetryRequest) count.retriedAndResumed += 1;
    }
  };
  await fc.assert(fc.asyncProperty(client, server, server, fc.integer({ min: 1, max: 4000 }), run), {
    numRuns: 150,
    seed: 20_261_121,
  });
  for (const [what, times] of Object.entries(count))
    assert.ok(times > 2, `${what}: ${times}, of ${JSON.stringify(count)}`);
});

test('a message cut over records of any size, and records joined as they come, make no difference', async () => {
  const sizes = fc.integer({ min: 1, max: 600 });
  const run = async (clientFragment: number, serverFragment: number, pieceBytes: number) => {
    const keys = softwareKeys([heldCredential('p256', 'client')]);
    const join = (size: number) => {
      let held: Bytes = new Uint8Array(0);
      // What comes is held until there is so much; the last part goes on by itself.
      return (bytes: Bytes): readonly Bytes[] => {
        held = concat(held, bytes);
        const whole = held.length - (held.length % size);
        const [now, rest] = [held.subarray(0, whole), held.subarray(whole)];
        held = new Uint8Array(0);
        return [now, rest].filter(({ length }) => length > 0);
      };
    };
    const sides = {
      client: { maxFragment: clientFragment },
      server: { maxFragment: serverFragment, clientCertificate: 'required' as const },
      clientKeys: keys,
      toServer: join(pieceBytes),
      toClient: join(pieceBytes),
    };
    const pair = pair13(sides);
    await pair.server.start();
    await pair.client.start();
    await carry(pair, sides);
    assert.equal(requireAgreement(pair), 'agreed');
  };
  await fc.assert(fc.asyncProperty(sizes, sizes, sizes, run), { numRuns: 40, seed: 20_261_121 });
});
