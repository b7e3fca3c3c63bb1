import { test } from 'node:test';
import {
  ECHO,
  FLIGHT_ATTACKS12,
  HELLO_ATTACKS12,
  OPEN_ATTACKS12,
  RENEGOTIATIONS,
} from '../../../tests/support/attacks/tls12-server.ts';
import { suffer } from '../../../tests/support/tls12-attacks.ts';

for (const attacks of [HELLO_ATTACKS12, FLIGHT_ATTACKS12, RENEGOTIATIONS, OPEN_ATTACKS12])
  for (const [name, attack] of Object.entries(attacks)) test(`${name}: ${attack.why}`, () => suffer(attack));

test('an echo of a session id that stands for no session: illegal-parameter', () => suffer(ECHO));
