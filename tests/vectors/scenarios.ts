import type { Scenario } from './scenario.ts';
import { ECH_SCENARIOS } from './scenarios/ech.ts';
import { FAILURE_SCENARIOS } from './scenarios/failures.ts';
import { TLS12_SCENARIOS } from './scenarios/tls12.ts';
import { TLS13_SCENARIOS } from './scenarios/tls13.ts';

/** All that is recorded, by the behaviour that it pins. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  ...TLS13_SCENARIOS,
  ...TLS12_SCENARIOS,
  ...FAILURE_SCENARIOS,
  ...ECH_SCENARIOS,
};
