import { test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { scratchPath } from '../support/scratch.ts';
import type { DefectiveChain } from './defective-chains.ts';
import { compareVerdicts } from './verdicts.ts';

const [CA, UNTRUSTED, LEAF] = ['ca', 'untrusted', 'leaf'].map((name) => scratchPath(name)) as [string, string, string];

/** Security level 2 is that of Debian's libssl in a connection. */
const VERIFY = ['verify', '-purpose', 'sslserver', '-verify_hostname', 'a.test', '-auth_level', '2'];

function openssl({ path }: DefectiveChain): string {
  const [leaf, ...above] = path.map(({ pem }) => pem);
  writeFileSync(CA, above.at(-1) as string);
  writeFileSync(UNTRUSTED, above.slice(0, -1).join('') || (leaf as string));
  writeFileSync(LEAF, leaf as string);
  const { status, stdout, stderr } = spawnSync('openssl', [...VERIFY, '-CAfile', CA, '-untrusted', UNTRUSTED, LEAF]);
  return status === 0 ? 'OK' : `${stdout}${stderr}`.replace(/\n/g, ' ');
}

test('random chains: the same verdict as OpenSSL, but for what is known', () => {
  compareVerdicts((chains) => chains.map(openssl), {
    'a key that is for key agreement only': {
      they: 'accept',
      defect: /^0 only keyAgreement$/,
      says: /^certificate-wrong-purpose$/,
    },
    'P-224': { they: 'accept', defect: /P-224$/, says: /^certificate-unsupported-key$/ },
    'a CA without basicConstraints': {
      they: 'accept',
      defect: /^[1-9] no basicConstraints$/,
      says: /^certificate-issuer-not-a-ca$/,
    },
    // A second key identifier is the only one where another oddity took away the first.
    'an issuer with another key identifier': {
      they: 'refuse',
      defect: /(?:another key identifier|an extension twice)$/,
      says: /unable to get (?:local )?issuer certificate|self.signed certificate in certificate chain/,
    },
    'the common name': { they: 'accept', defect: /^0 no subjectAltName$/, says: /^certificate-name-mismatch$/ },
  });
}, 240_000);
