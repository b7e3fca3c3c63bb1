import assert from 'node:assert/strict';
import { test } from 'node:test';
import { converse13, heldCredential } from '../../tests/support/pair13.ts';
import { softwareKeys } from '../../tests/support/software-keys.ts';
import { WatchingCrypto } from '../../tests/support/watching-crypto.ts';
import { record } from '../../tests/vectors/scenario.ts';
import { SCENARIOS } from '../../tests/vectors/scenarios.ts';
import { type Bytes, EMPTY, equal, hex } from '../core/bytes.ts';

/** Of an open connection: traffic secrets of both directions, exporter, resumption; TLS 1.2 has its master secret. */
const SECRETS_WHILE_OPEN = { 'TLSv1.3': 4, 'TLSv1.2': 1 } as const;

for (const [name, scenario] of Object.entries(SCENARIOS))
  test(`${name}: secrets are overwritten as soon as nothing needs them`, async () => {
    let cryptos = { client: new WatchingCrypto(), server: new WatchingCrypto() };
    /** What a client was given belongs to its caller, who may offer it again. */
    const tickets = new Set<Bytes>();
    const left = (role: 'client' | 'server') => cryptos[role].left().filter((secret) => !tickets.has(secret));
    await record(name, scenario, {
      crypto: (role) => {
        cryptos = { ...cryptos, [role]: new WatchingCrypto() };
        return cryptos[role];
      },
      opened: (role) => assert.ok(left(role).length <= 4, `${left(role).length} secrets when ${role} is open`),
      watch: (stage) => {
        for (const role of ['client', 'server'] as const) {
          const { connection, session } = stage[role];
          if (session !== undefined) {
            assert.ok(cryptos[role].secrets.size > 2, `${cryptos[role].secrets.size} secrets seen`);
            assert.ok(left(role).length <= SECRETS_WHILE_OPEN[session.version], `${left(role).length} secrets`);
          }
          if (!connection.finished && connection.phase !== 'idle') connection.abort();
          assert.deepEqual(left(role).map(hex), [], `${role}, ${connection.phase}`);
          for (const effect of stage[role].effects)
            if (effect.effect === 'seal-ticket') assert.ok(isZero(effect.plaintext), 'the state of a session');
        }
        for (const { resumptionSecret } of stage.client.tickets) tickets.add(resumptionSecret);
      },
    });
  });

for (const version of ['TLSv1.3', 'TLSv1.2'] as const)
  test(`${version}: the secret in a ticket that does not fit is overwritten, and so is what its keeper opened`, async () => {
    const keys = softwareKeys([heldCredential()]);
    const opened: Bytes[] = [];
    const serverKeys: typeof keys = {
      ...keys,
      openTicket: async (effect) => {
        const answer = await keys.openTicket(effect);
        if (answer.answer === 'ticket-opened' && answer.plaintext !== null) opened.push(answer.plaintext);
        return answer;
      },
    };
    const sides = { client: { minVersion: version, maxVersion: version, keepTickets: true }, serverKeys };
    const server = { minVersion: version, maxVersion: version, ticketLifetimeSeconds: 60 };
    const [session = null] = (await converse13({ ...sides, server })).client.tickets;
    assert.ok(session !== null);
    const copies = new CopiesOf(session.resumptionSecret);
    const client = { ...sides.client, session };
    const again = await converse13({ ...sides, client, server: { ...server, certificatePolicy: 'other' } }).finally(
      () => copies.stop(),
    );
    assert.equal(again.server.session?.resumed, false);
    assert.deepEqual([opened.length, copies.made.length], [1, 1]);
    assert.ok([...opened, ...copies.made].every(isZero));
  });

/** Whatever is cut out of other bytes with these in it. */
class CopiesOf {
  readonly made: Bytes[] = [];
  readonly #slice = Uint8Array.prototype.slice;

  constructor(secret: Bytes) {
    const { made } = this;
    const slice = this.#slice;
    Uint8Array.prototype.slice = function (this: Uint8Array<ArrayBuffer>, start, end) {
      const copy = slice.call(this, start, end);
      if (equal(copy, secret)) made.push(copy);
      return copy;
    };
  }

  stop(): void {
    Uint8Array.prototype.slice = this.#slice;
  }
}

test('a secret that stays is noticed', () => {
  const crypto = new WatchingCrypto();
  const key = new Uint8Array(32).fill(1);
  const material = new Uint8Array(32).fill(2);
  crypto.hmac('sha256', key, material);
  assert.deepEqual(crypto.left(), [key, material]);
  key.fill(0);
  assert.deepEqual(crypto.left(), [material]);
  crypto.hmac('sha256', key, crypto.hash('sha256', EMPTY));
  crypto.aead('aes-128-gcm', material.subarray(0, 16));
  assert.equal(crypto.left().length, 2);
});

function isZero(bytes: Bytes): boolean {
  return bytes.every((byte) => byte === 0);
}
