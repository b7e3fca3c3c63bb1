import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { carry, inPieces } from '../../../tests/support/carry.ts';
import { serverCertificate } from '../../../tests/support/certificates.ts';
import { softwareKeys } from '../../../tests/support/software-keys.ts';
import { ALL_TLS12_SUITES, converse12, pairOf } from '../../../tests/support/tls12.ts';
import { ascii, concat, latin1 } from '../../core/bytes.ts';
import { FAILURES } from '../../core/failures.ts';
import { LIMITS } from '../../core/limits.ts';
import { nodeCrypto } from '../../crypto-node/provider.ts';

const HELD = (['p256', 'p384', 'ed25519', 'rsa-2048'] as const).map((kind) => {
  const { der, key } = serverCertificate(undefined, { dns: ['localhost'] }, { key: kind });
  return { chain: [der], privatePem: key.privatePem };
});

const subset = <T>(items: readonly T[], minLength = 1) => fc.shuffledSubarray([...items], { minLength });
const groups = subset(['x25519', 'secp256r1', 'secp384r1'] as const);
/** With one at least that is good in both versions. */
const schemes = subset(
  nodeCrypto.signatureSchemes.filter((scheme) => /^(ecdsa|ed25519|rsa_(pss_rsae|pkcs1))/.test(scheme)),
).filter((chosen) => chosen.some((scheme) => !scheme.startsWith('rsa_pkcs1')));
const versions = fc.constantFrom(
  { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const,
  { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' } as const,
  { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const,
);
const limit = fc.option(fc.integer({ min: 64, max: LIMITS.plaintextBytes + 1 }));

const client = fc.record({
  versions,
  tls12Suites: subset(ALL_TLS12_SUITES),
  groups,
  signatureSchemes: schemes,
  alpn: subset(['a', 'b', 'c'], 0),
  requestOcsp: fc.boolean(),
  recordSizeLimit: limit,
  keepTickets: fc.boolean(),
  grease: fc.boolean(),
});
const server = fc.record({
  versions,
  tls12Suites: subset(ALL_TLS12_SUITES),
  groups,
  signatureSchemes: schemes,
  alpn: subset(['a', 'b', 'c'], 0),
  clientCertificate: fc.constantFrom('none', 'optional', 'required'),
  recordSizeLimit: limit,
  ticketLifetimeSeconds: fc.constantFrom(0, 7200),
});

test('whatever both sides want, they agree on it, or both fail with the alert of one failure', async () => {
  let agreed = 0;
  let refused = 0;
  const run = async (
    ours: typeof client extends fc.Arbitrary<infer T> ? T : never,
    theirs: typeof server extends fc.Arbitrary<infer T> ? T : never,
    held: typeof HELD,
    pieceBytes: number,
  ) => {
    const keyShareGroups = ours.groups.slice(0, 1);
    const pair = await converse12({
      client: { ...ours, ...ours.versions, keyShareGroups, certificateSignatureSchemes: ours.signatureSchemes },
      server: { ...theirs, ...theirs.versions, certificateSignatureSchemes: theirs.signatureSchemes },
      serverKeys: softwareKeys(held),
      clientKeys: softwareKeys([...held].reverse()),
      pieceBytes,
    });
    const { client: a, server: b } = pair;
    if (a.failure === undefined && b.failure === undefined) {
      agreed += 1;
      const { peer: _p, signatureScheme: _s, ...seen } = a.session as NonNullable<typeof a.session>;
      const { peer: _q, signatureScheme: _t, ...seenThere } = b.session as NonNullable<typeof b.session>;
      assert.deepEqual(seen, seenThere);
      a.connection.send(ascii('there'));
      b.connection.send(ascii('and back'));
      await carry(pair, inPieces(pieceBytes));
      assert.deepEqual([latin1(b.takePlaintext()), latin1(a.takePlaintext())], ['there', 'and back']);
      return;
    }
    refused += 1;
    const [found, told] = a.failure?.why === 'alert-received' ? [b, a] : [a, b];
    assert.equal(told.failure?.why, 'alert-received');
    const why = found.failure?.why;
    assert.ok(why !== undefined && why !== 'alert-received' && why !== 'internal-error', `${why}`);
    assert.equal(told.failure?.detail, FAILURES[why].alert);
  };
  await fc.assert(fc.asyncProperty(client, server, subset(HELD), fc.integer({ min: 1, max: 3000 }), run), {
    numRuns: 120,
  });
  assert.ok(agreed > 10 && refused > 10, `${agreed} agreed, ${refused} refused`);
});

test('every flipped bit on the way ends the handshake or the connection', async () => {
  const keys = softwareKeys(HELD.slice(0, 1));
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat(7), fc.boolean(), async (position, bit, toServer) => {
      const pair = pairOf({ serverKeys: keys });
      await pair.server.start();
      await pair.client.start();
      let at = position % 900;
      for (;;) {
        const up = pair.client.takeNetwork();
        const down = pair.server.takeNetwork();
        if (up.length === 0 && down.length === 0) break;
        const hurt = toServer ? up : down;
        if (at < hurt.length) hurt[at] = (hurt[at] as number) ^ (1 << bit);
        at -= hurt.length;
        if (at < 0) at = Number.POSITIVE_INFINITY;
        await pair.server.receive(concat(up));
        await pair.client.receive(concat(down));
      }
      const { client, server } = pair;
      if (client.failure !== undefined || server.failure !== undefined) return;
      // A length that grew waits for more; the minor version of a record that is not protected means nothing.
      if (client.session === undefined || server.session === undefined) return;
      client.connection.send(ascii('there'));
      await carry(pair);
      assert.equal(latin1(server.takePlaintext()), 'there');
    }),
    { numRuns: 200 },
  );
});
