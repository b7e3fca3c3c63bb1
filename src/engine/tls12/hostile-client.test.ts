import { test } from 'node:test';
import { CLIENT_ATTACKS12 } from '../../../tests/support/attacks/tls12-client.ts';
import { suffer } from '../../../tests/support/tls12-attacks.ts';

for (const [name, attack] of Object.entries(CLIENT_ATTACKS12))
  test(`${name}: ${attack.why} to a server`, () => suffer({ victim: 'server', ...attack }));
