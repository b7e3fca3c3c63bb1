import { expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import type { Bytes } from '../../src/core/bytes.ts';
import {
  certificatePolicies,
  inhibitAnyPolicy,
  policyConstraints,
  policyMappings,
} from '../support/certificate-extensions.ts';
import { authority, chainOf, rootOf, serverCertificate } from '../support/certificates.ts';
import { scratchPath } from '../support/scratch.ts';
import { NAMES, verify } from '../support/verification.ts';

/** What one certificate says about policies. */
const POLICIES = ['1.2.3.1', '1.2.3.2', '2.5.29.32.0'];
const SAYS = fc.record({
  policies: fc.subarray(POLICIES),
  mapping: fc.option(fc.constantFrom<[string, string]>(['1.2.3.1', '1.2.3.2'], ['1.2.3.2', '1.2.3.1'])),
  requireExplicit: fc.option(fc.nat(2)),
  inhibitMapping: fc.option(fc.nat(2)),
  inhibitAny: fc.option(fc.nat(2)),
  selfIssued: fc.boolean(),
});

/** Without a policy that it asks for, OpenSSL accepts none: any policy is what RFC 5280 section 6.1.1 (c) has for that. */
const VERIFY = ['verify', '-policy_check', '-policy', '2.5.29.32.0'];

type Says = typeof SAYS extends fc.Arbitrary<infer Value> ? Value : never;

function extensionsOf({ policies, mapping, requireExplicit, inhibitMapping, inhibitAny }: Says, isCa: boolean) {
  const extensions: Record<string, Bytes> = {};
  if (policies.length > 0) extensions.policies = certificatePolicies(policies);
  // Of what it does not name itself, OpenSSL maps what anyPolicy stood for even where anyPolicy is inhibited: docs/verification.md.
  if (isCa && mapping !== null && policies.includes(mapping[0])) extensions.mapping = policyMappings([mapping]);
  if (isCa && inhibitAny !== null) extensions.inhibitAny = inhibitAnyPolicy(inhibitAny);
  const constraints = {
    ...(requireExplicit === null ? {} : { requireExplicit }),
    ...(inhibitMapping === null ? {} : { inhibitMapping }),
  };
  if (isCa && Object.keys(constraints).length > 0) extensions.constraints = policyConstraints(constraints);
  return extensions;
}

test('policies, mappings and constraints at random: the same verdict as OpenSSL (-policy_check)', () => {
  const [ca, untrusted, leafPath] = ['ca', 'untrusted', 'leaf'].map(scratchPath) as [string, string, string];
  const verdicts = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(fc.array(SAYS, { minLength: 2, maxLength: 4 }), (path) => {
      let issuer = authority('Root');
      for (const [index, says] of path.slice(0, -1).entries()) {
        const subject = says.selfIssued && index > 0 ? issuer.subject : `CA ${index}`;
        issuer = authority('CA', { issuer, subject, extensions: extensionsOf(says, true) });
      }
      const leaf = serverCertificate(issuer, NAMES, { extensions: extensionsOf(path.at(-1) as Says, false) });
      writeFileSync(ca, rootOf(leaf).pem);
      const rest = chainOf(leaf).slice(1);
      writeFileSync(untrusted, rest.map(({ pem }) => pem).join(''));
      writeFileSync(leafPath, leaf.pem);
      const theirs = spawnSync('openssl', [...VERIFY, '-CAfile', ca, '-untrusted', untrusted, leafPath]);
      expect(String(theirs.stdout) + String(theirs.stderr)).toMatch(/: OK\n|no explicit policy/);
      const ours = verify(chainOf(leaf));
      if (ours.ok !== (theirs.status === 0))
        throw new Error(`we ${ours.ok ? 'accept' : 'refuse'}, OpenSSL says: ${theirs.stdout}${theirs.stderr}`);
      verdicts[ours.ok ? 'accepted' : 'refused']++;
    }),
    { numRuns: 300 },
  );
  expect(Math.min(verdicts.accepted, verdicts.refused)).toBeGreaterThan(10);
}, 120_000);
