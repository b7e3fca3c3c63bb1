import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AFTER_ATTACKS } from '../../tests/support/attacks/after.ts';
import type { Attack, Attacks } from '../../tests/support/attacks/attack.ts';
import { ECH_ATTACKS } from '../../tests/support/attacks/ech.ts';
import { FLIGHT_ATTACKS } from '../../tests/support/attacks/flight.ts';
import { HELLO_ATTACKS } from '../../tests/support/attacks/hello.ts';
import { RECORD_ATTACKS } from '../../tests/support/attacks/records.ts';
import { converse, exchange } from '../../tests/support/conversation.ts';
import { FAILURES, type Failure, type Why } from '../core/failures.ts';

for (const attacks of [RECORD_ATTACKS, HELLO_ATTACKS, FLIGHT_ATTACKS, ECH_ATTACKS, AFTER_ATTACKS])
  for (const [name, attack] of Object.entries(attacks)) test(`${name}: ${attack.why}`, () => suffer(attack));

async function suffer({ why, script, config, verifier, afterwards }: Attack): Promise<void> {
  const conversation = await converse(script, { grease: false, ...config }, verifier);
  const { client, server } = conversation;
  if (afterwards !== undefined) {
    assert.equal(client.failure, undefined);
    afterwards(conversation);
    await exchange(conversation);
  }
  const failure = client.failure as Failure | undefined;
  assert.equal(failure?.why, why);
  assert.equal(failure?.kind, FAILURES[why].kind);
  assert.equal(client.connection.phase, 'failed');
  assert.equal(client.connection.finished, true);
  const { alert } = FAILURES[why];
  assert.deepEqual(server.alerts, alert === null ? [] : [{ level: 2, name: alert }]);
  assert.equal(client.log.at(-1), 'failed');
  assert.equal(client.log.filter((output) => output === 'failed').length, 1);
}

/** Raised elsewhere: by the certificate rooms, by a server, by ourselves. */
const NOT_BY_A_SERVER: readonly Why[] = [
  'bad-binder',
  'bad-ech-payload',
  'ech-config-unusable',
  'changed-client-hello',
  'client-certificate-missing',
  'duplicate-key-share',
  'pre-shared-key-not-last',
  'too-much-early-data',
  'extended-master-secret-missing',
  'inappropriate-fallback',
  'renegotiation-mismatch',
  'renegotiation-refused',
  'secure-renegotiation-missing',
  'unrecognized-name',
  'tls12-client-certificate-missing',
  'record-sequence-exhausted',
  'no-common-suite',
  'no-common-group',
  'no-common-signature-scheme',
  'no-common-alpn',
  'internal-error',
  'key-holder-gone',
  'key-holder-misbehaved',
  'key-holder-refused',
  'key-holder-timed-out',
  'aborted',
];

test('every way to fail that a server can cause has its attack', () => {
  const all: Attacks = { ...RECORD_ATTACKS, ...HELLO_ATTACKS, ...FLIGHT_ATTACKS, ...ECH_ATTACKS, ...AFTER_ATTACKS };
  const covered = new Set(Object.values(all).map(({ why }) => why));
  const missing = (Object.keys(FAILURES) as Why[]).filter(
    (why) => !covered.has(why) && !why.startsWith('certificate-') && !NOT_BY_A_SERVER.includes(why),
  );
  assert.deepEqual(missing, []);
});
