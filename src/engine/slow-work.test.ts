import assert from 'node:assert/strict';
import { test } from 'node:test';
import { carry, type Pair } from '../../tests/support/carry.ts';
import { acceptAnyCertificate } from '../../tests/support/connection-driver.ts';
import { heldCredential, pair13 } from '../../tests/support/pair13.ts';
import { softwareKeys } from '../../tests/support/software-keys.ts';
import { ascii, latin1 } from '../core/bytes.ts';
import { nodeCrypto } from '../crypto-node/provider.ts';
import { type KeyHolder, performEffect } from './answer.ts';
import type { Effect, EffectId, ProtocolVersion, Ticket } from './connection.ts';
import { ConnectionMisuse } from './engine.ts';

/** Does what it is given whenever it likes, the last perhaps first: another process, with many connections to serve. */
class Desk {
  readonly #open: (() => void)[] = [];
  most = 0;
  #seed = 1;

  later<T>(work: () => T): Promise<Awaited<T>> {
    return new Promise((resolve) => {
      this.#open.push(() => resolve(work() as Awaited<T>));
      this.most = Math.max(this.most, this.#open.length);
    });
  }

  /** Until nobody waits any more. */
  async work(everybody: Promise<unknown>): Promise<void> {
    let done = false;
    void everybody.then(() => {
      done = true;
    });
    while (!done) {
      // All that can go on does, until it waits here again.
      for (let turn = 0; turn < 50; turn++) await Promise.resolve();
      this.#seed = (this.#seed * 1_103_515_245 + 12_345) % 2 ** 31;
      const [next] = this.#open.splice(this.#seed % Math.max(1, this.#open.length), 1);
      if (next === undefined) await new Promise((resolve) => setImmediate(resolve));
      next?.();
    }
  }

  holder(keys: KeyHolder): KeyHolder {
    return {
      choose: (question) => this.later(() => keys.choose(question)),
      sign: (effect) => this.later(() => keys.sign(effect)),
      sealTicket: (effect) => this.later(() => keys.sealTicket(effect)),
      openTicket: (effect) => this.later(() => keys.openTicket(effect)),
      openEch: (effect) => this.later(() => keys.openEch(effect)),
    };
  }
}

const SERVER_KEYS = softwareKeys([heldCredential()]);
const CLIENT_KEYS = softwareKeys([heldCredential('ed25519', 'client')]);

/** With each kind of slow work in it, but for the cookie's where `statelessRetry` is off. */
function pairAt(desk: Desk, version: ProtocolVersion, statelessRetry: boolean, session: Ticket | null = null): Pair {
  const versions = { minVersion: version, maxVersion: version };
  return pair13({
    client: { ...versions, keepTickets: true, session, ...(statelessRetry ? { keyShareGroups: [] } : {}) },
    server: { ...versions, clientCertificate: 'required', ticketLifetimeSeconds: 3600, statelessRetry },
    clientKeys: desk.holder(CLIENT_KEYS),
    serverKeys: desk.holder(SERVER_KEYS),
    clientVerifier: (...chain) => desk.later(() => acceptAnyCertificate(...chain)),
    serverVerifier: (...chain) => desk.later(() => acceptAnyCertificate(...chain)),
  });
}

async function run(pair: Pair): Promise<void> {
  await pair.server.start();
  await pair.client.start();
  await carry(pair);
  pair.client.connection.send(ascii('there'));
  await carry(pair);
}

test('work that is done later, in any order, for many connections at once: each gets its own', async () => {
  const desk = new Desk();
  const kinds = [...new Array<null>(12)].map((_, index) => (index % 2 === 0 ? 'TLSv1.3' : 'TLSv1.2'));
  const first = kinds.map((version, index) => pairAt(desk, version, version === 'TLSv1.3' && index % 4 === 0));
  await desk.work(Promise.all(first.map(run)));
  assert.ok(desk.most >= kinds.length, `${desk.most} at once`);
  const again = first.map(({ client }, index) =>
    pairAt(desk, kinds[index] as ProtocolVersion, false, client.tickets[0] ?? null),
  );
  await desk.work(Promise.all(again.map(run)));
  for (const [resumed, pairs] of [first, again].entries())
    for (const [index, { client, server }] of pairs.entries()) {
      assert.deepEqual([client.failure, server.failure], [undefined, undefined]);
      assert.equal(client.session?.version, kinds[index]);
      assert.deepEqual([client.session?.resumed, server.session?.resumed], [resumed === 1, resumed === 1]);
      assert.equal(server.session?.peer?.subject, 'CN=client');
      assert.equal(latin1(server.takePlaintext()), 'there');
    }
  const done = new Set([...first, ...again].flatMap(({ client, server }) => [...client.effects, ...server.effects]));
  const slow = ['verify-certificate', 'choose-certificate', 'sign', 'seal-ticket', 'open-ticket'];
  for (const kind of slow)
    assert.ok(
      [...done].some(({ effect }) => effect === kind),
      kind,
    );
});

test('a second answer, and one to an effect of earlier or later, are refused: each kind, both roles', async () => {
  const refusedOf = new Set<string>();
  for (const version of ['TLSv1.3', 'TLSv1.2'] as const)
    for (const role of ['client', 'server'] as const) {
      const pair = pairAt(new Desk(), version, version === 'TLSv1.3');
      const { client, server } = pair;
      const ids: EffectId[] = [];
      // Done by hand on this side: the answers of the software keys, at once.
      const settle = async (side: typeof client, keys: KeyHolder): Promise<void> => {
        for (let output = side.connection.next(); output !== undefined; output = side.connection.next()) {
          if (output.output === 'failed') side.failure = output.failure;
          if (output.output === 'network') pending.set(side, [...(pending.get(side) ?? []), output.bytes]);
          if (output.output !== 'effect') continue;
          const answer = await performEffect(output.effect as Effect, nodeCrypto, acceptAnyCertificate, keys);
          const early = (output.id + 1) as EffectId;
          const wrong = side === pair[role] ? [...ids, early] : [];
          for (const id of wrong) assert.throws(() => side.connection.answer(id, answer), ConnectionMisuse);
          side.connection.answer(output.id, answer);
          if (side !== pair[role]) continue;
          assert.throws(() => side.connection.answer(output.id, answer), ConnectionMisuse);
          ids.push(output.id);
          refusedOf.add(output.effect.effect);
        }
      };
      const pending = new Map<typeof client, Uint8Array[]>();
      server.connection.start();
      client.connection.start();
      for (let turn = 0; turn < 12; turn++) {
        await settle(client, CLIENT_KEYS);
        await settle(server, SERVER_KEYS);
        for (const [from, to, keys] of [
          [client, server, SERVER_KEYS],
          [server, client, CLIENT_KEYS],
        ] as const) {
          const sent = pending.get(from) ?? [];
          pending.delete(from);
          for (const bytes of sent)
            for (let rest = bytes; rest.length > 0; ) {
              rest = rest.subarray(to.connection.receive(rest));
              await settle(to, keys);
            }
        }
      }
      assert.deepEqual([client.connection.phase, server.connection.phase], ['open', 'open']);
      assert.deepEqual([client.failure, server.failure], [undefined, undefined]);
    }
  const kinds = [
    'agree',
    'respond',
    'verify-certificate',
    'verify-signature',
    'choose-certificate',
    'sign',
    'seal-ticket',
  ];
  for (const kind of [...kinds, 'open-ticket']) assert.ok(refusedOf.has(kind), kind);
});

test('an answer that comes when the connection has ended changes nothing any more', async () => {
  const { client, server } = pairAt(new Desk(), 'TLSv1.3', false);
  server.connection.start();
  await client.start();
  server.connection.receive(client.takeNetwork());
  const question = server.connection.next();
  assert.ok(question?.output === 'effect' && question.effect.effect === 'choose-certificate');
  const answer = await SERVER_KEYS.choose(question.effect);
  server.connection.abort();
  const last = [];
  for (let output = server.connection.next(); output !== undefined; output = server.connection.next())
    last.push(output.output);
  assert.equal(last.at(-1), 'failed');
  try {
    server.connection.answer(question.id, answer);
  } catch (error) {
    assert.ok(error instanceof ConnectionMisuse);
  }
  assert.equal(server.connection.next(), undefined);
  assert.equal(server.connection.phase, 'failed');
});
