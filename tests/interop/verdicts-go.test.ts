import { test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { buildGoVerifier } from './builds.ts';
import { compareVerdicts, type Disagreement } from './verdicts.ts';

const KNOWN: Readonly<Record<string, Disagreement>> = {
  'a key that is for key agreement only': {
    they: 'accept',
    defect: /^0 only keyAgreement$/,
    says: /^certificate-wrong-purpose$/,
  },
  'P-224': { they: 'accept', defect: /P-224$/, says: /^certificate-unsupported-key$/ },
  'a short RSA key': { they: 'accept', defect: /RSA of 1024 bits$/, says: /^certificate-weak-key$/ },
  'a wildcard below a top-level domain': {
    they: 'accept',
    defect: /^0 a wildcard$/,
    says: /^certificate-name-mismatch$/,
  },
  'a negative serial number': { they: 'refuse', defect: /negative serial number$/, says: /negative serial number/ },
};

test("random chains: the same verdict as Go's crypto/x509, but for what is known", () => {
  const verifier = buildGoVerifier();
  compareVerdicts((chains) => {
    const lines = chains.map(({ path }) =>
      [path.at(-1), ...path.slice(0, -1)].map((each) => Buffer.from(each?.der ?? []).toString('base64')).join(' '),
    );
    const output = execFileSync(verifier, { input: `${lines.join('\n')}\n`, maxBuffer: 2 ** 24 }).toString();
    return output.split('\n').slice(0, -1);
  }, KNOWN);
}, 240_000);
