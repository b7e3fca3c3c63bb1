import { describe, test } from 'node:test';
import {
  certificatePolicies,
  inhibitAnyPolicy,
  policyConstraints,
  policyMappings,
} from '../../tests/support/certificate-extensions.ts';
import { authority, chainOf, serverCertificate } from '../../tests/support/certificates.ts';
import { accepted, NAMES, rejected, verify } from '../../tests/support/verification.ts';
import type { Bytes } from '../core/bytes.ts';
import type { Verification } from './verify.ts';

type Extensions = Record<string, Bytes>;

const [GOLD, SILVER, OTHER, ANY] = ['1.2.3.1', '1.2.3.2', '1.2.3.3', '2.5.29.32.0'] as const;
const REQUIRE = policyConstraints({ requireExplicit: 0 });
const policies = (...names: string[]): Extensions => ({ policies: certificatePolicies(names) });

/** From the root's child to the leaf. `'again'` in a certificate's place: a self-issued one, like the one above it. */
function run(...path: readonly (Extensions | 'again')[]): Verification {
  let issuer = authority('Root');
  const authorities = path.slice(0, -1);
  for (const [index, extensions] of authorities.entries()) {
    const again = extensions === 'again';
    const own = again ? (authorities[index - 1] as Extensions) : (extensions as Extensions);
    issuer = authority('CA', { issuer, extensions: own, subject: again ? issuer.subject : `CA ${index}` });
  }
  return verify(chainOf(serverCertificate(issuer, NAMES, { extensions: path.at(-1) as Extensions })));
}

function refused(verification: Verification, who = 'CN=CA 0'): void {
  rejected(verification, 'certificate-not-conforming', new RegExp(`no policy in common, and ${who} demands one`));
}

describe('nobody demands a policy', () => {
  test('so none is needed, whatever the rest says', () => {
    accepted(run(policies(GOLD), policies(OTHER)));
    accepted(run({}, policies(OTHER)));
    const rest = { ...policies(GOLD), inhibit: inhibitAnyPolicy(0), none: policyConstraints({ inhibitMapping: 0 }) };
    accepted(run({ ...rest, map: policyMappings([[GOLD, SILVER]]) }, policies(ANY)));
  });
});

describe('a CA demands one', () => {
  test('which all have', () => {
    accepted(run({ ...policies(GOLD, SILVER), REQUIRE }, policies(OTHER, SILVER), policies(SILVER)));
    refused(run({ ...policies(GOLD, SILVER), REQUIRE }, policies(GOLD), policies(SILVER)));
    refused(run({ ...policies(GOLD), REQUIRE }, policies(GOLD), {}));
    refused(run({ ...policies(GOLD), REQUIRE }, {}, policies(GOLD)));
    refused(run({ REQUIRE }, policies(GOLD)));
  });
  test('anyPolicy is each that came from above', () => {
    accepted(run({ ...policies(ANY), REQUIRE }, policies(GOLD), policies(GOLD)));
    accepted(run({ ...policies(GOLD), REQUIRE }, policies(ANY), policies(GOLD)));
    refused(run({ ...policies(GOLD), REQUIRE }, policies(ANY), policies(SILVER)));
    accepted(run({ ...policies(GOLD), REQUIRE }, policies(ANY), policies(ANY)));
  });
  test('anyPolicy counts no longer where that is inhibited', () => {
    const inhibited = (skip: number) => ({ ...policies(GOLD), REQUIRE, inhibit: inhibitAnyPolicy(skip) });
    refused(run(inhibited(0), policies(ANY), policies(GOLD)));
    accepted(run(inhibited(1), policies(ANY), policies(GOLD)));
    refused(run(inhibited(1), policies(ANY), policies(ANY)));
    accepted(run(inhibited(0), policies(GOLD), policies(GOLD)));
  });
  test('for certificates further down only', () => {
    const later = (skip: number) => ({ ...policies(GOLD), later: policyConstraints({ requireExplicit: skip }) });
    accepted(run(later(3), {}, {}));
    accepted(run(later(2), policies(GOLD), policies(GOLD)));
    refused(run(later(1), policies(GOLD), {}));
    refused(run(later(2), {}, {}));
  });
  test('a leaf can demand it of itself', () => {
    refused(run({}, { ...policies(GOLD), REQUIRE }), 'CN=a\\.test');
    accepted(run(policies(GOLD), { ...policies(GOLD), REQUIRE }));
  });
  test('self-issued certificates are not counted, and may say anyPolicy', () => {
    const first = { ...policies(ANY), inhibit: inhibitAnyPolicy(0), REQUIRE };
    accepted(run(first, 'again', policies(GOLD)));
    refused(run(first, policies(ANY), policies(GOLD)));
  });
});

describe('mappings', () => {
  const mapped = (...pairs: [string, string][]) => ({ ...policies(GOLD), REQUIRE, map: policyMappings(pairs) });
  test('a policy goes on under its other names only', () => {
    accepted(run(mapped([GOLD, SILVER]), policies(SILVER)));
    refused(run(mapped([GOLD, SILVER]), policies(GOLD)));
    accepted(run(mapped([GOLD, SILVER], [GOLD, OTHER]), policies(OTHER)));
    refused(run(mapped([SILVER, OTHER]), policies(OTHER)));
    accepted(run(mapped([SILVER, OTHER]), policies(GOLD)));
  });
  test('of what anyPolicy stands for', () => {
    accepted(run({ ...policies(ANY), REQUIRE, map: policyMappings([[GOLD, SILVER]]) }, policies(SILVER)));
  });
  test('take the policy away where they are inhibited', () => {
    const top = (skip: number) => ({
      ...policies(GOLD),
      both: policyConstraints({ requireExplicit: 0, inhibitMapping: skip }),
    });
    const below = { ...policies(GOLD), map: policyMappings([[GOLD, SILVER]]) };
    refused(run(top(0), below, policies(SILVER)));
    refused(run(top(0), below, policies(GOLD)));
    accepted(run(top(1), below, policies(SILVER)));
  });
});
