import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Bytes, equal } from '../../src/core/bytes.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import { Certificate, subjectOf } from '../../src/x509/certificate.ts';
import { DerError } from '../../src/x509/der.ts';
import { parseReferenceIdentifier, type ReferenceIdentifier } from '../../src/x509/names.ts';
import type { TrustAnchor, TrustAnchors } from '../../src/x509/path.ts';
import { RevocationList } from '../../src/x509/revocation/crl.ts';
import type { Revocation } from '../../src/x509/revocation/revocation.ts';
import { type Verification, verifyCertificate } from '../../src/x509/verify.ts';
import { EXCEPTIONS } from './limbo-exceptions.ts';

/**
 * C2SP's x509-limbo through the public interface, its anchors taken for public CAs: `npm run test:limbo -- FILE [-v]`. Prints every
 * disagreement that is not in {@link EXCEPTIONS} and every exception that is none, with `-v` each case; the last line counts, and
 * so does build/test-results/limbo.json. Exit code 0 only if nothing failed.
 */

interface Case {
  readonly id: string;
  readonly features: readonly string[];
  readonly description: string;
  readonly validation_kind: 'SERVER' | 'CLIENT';
  readonly trusted_certs: readonly string[];
  readonly untrusted_intermediates: readonly string[];
  readonly peer_certificate: string;
  readonly validation_time: string | null;
  readonly expected_result: 'SUCCESS' | 'FAILURE';
  readonly expected_peer_name: PeerName | null;
  readonly expected_peer_names: readonly PeerName[];
  readonly max_chain_depth: number | null;
  readonly crls: readonly string[];
}

interface PeerName {
  readonly kind: 'DNS' | 'IP' | 'RFC822';
  readonly value: string;
}

const [file, option] = process.argv.slice(2);
if (file === undefined) {
  console.error('usage: limbo.ts FILE [-v]');
  process.exit(64);
}
const { testcases } = JSON.parse(readFileSync(file, 'utf8')) as { testcases: readonly Case[] };

const verdicts = testcases.map((testcase) => ({ id: testcase.id, ...judge(testcase) }));
for (const id of Object.keys(EXCEPTIONS))
  if (!testcases.some((testcase) => testcase.id === id))
    verdicts.push({ id, says: 'is an exception, and no case', verdict: 'wrong' });

for (const { id, says, verdict } of verdicts)
  if (verdict === 'wrong' || option === '-v') console.log(`${verdict}: ${id}: ${says}`);
const [agreed, excepted, failed] = (['agrees', 'excepted', 'wrong'] as const).map(
  (kind) => verdicts.filter(({ verdict }) => verdict === kind).length,
) as [number, number, number];
console.log(`${agreed} agree, ${excepted} are exceptions with a reason, ${failed} are wrong`);
console.log(`${agreed + excepted} passed, ${failed} failed`);
const results = resolve(import.meta.dirname, '../../build/test-results');
mkdirSync(results, { recursive: true });
writeFileSync(resolve(results, 'limbo.json'), JSON.stringify({ passed: agreed + excepted, failed }));
process.exitCode = failed === 0 ? 0 : 1;

interface Verdict {
  readonly verdict: 'agrees' | 'excepted' | 'wrong';
  readonly says: string;
}

function judge(testcase: Case): Verdict {
  const exception = EXCEPTIONS[testcase.id];
  try {
    const [expected, result] = [testcase.expected_result === 'SUCCESS', run(testcase, 'public')];
    const says = result.ok ? 'accepted' : `${result.failure.why}: ${result.failure.detail}`;
    if (result.ok === expected)
      return exception === undefined
        ? { verdict: 'agrees', says }
        : { verdict: 'wrong', says: `an exception, yet it agrees: ${says}` };
    if (exception?.agreesAsPrivate === true && run(testcase, 'private').ok !== expected)
      return { verdict: 'wrong', says: `disagrees with the private profile too: ${says}` };
    return { verdict: exception === undefined ? 'wrong' : 'excepted', says };
  } catch (error) {
    return { verdict: 'wrong', says: `threw ${error}` };
  }
}

function run(testcase: Case, profile: TrustAnchor['profile']): Verification {
  const leaf = decode(testcase.peer_certificate);
  return verifyCertificate({
    chain: [leaf, ...testcase.untrusted_intermediates.map(decode)],
    anchors: anchorsOf(testcase.trusted_certs.map(decode), profile),
    now: testcase.validation_time === null ? Date.now() / 1000 : Date.parse(testcase.validation_time) / 1000,
    purpose: testcase.validation_kind === 'SERVER' ? 'server' : 'client',
    references: { identifiers: referencesOf(testcase, leaf) },
    revocation: revocationOf(testcase),
    crypto: nodeCrypto,
    ...(testcase.max_chain_depth === null ? {} : { maximumIntermediates: testcase.max_chain_depth }),
  });
}

function anchorsOf(ders: readonly Bytes[], profile: TrustAnchor['profile']): TrustAnchors {
  const anchors = ders.map((der) => ({ der, profile }));
  return { bySubject: (subject) => anchors.filter(({ der }) => equal(subjectOf(der), subject)) };
}

/** A case with lists is about what they say; a list that cannot be used says nothing, which is an answer too. */
function revocationOf({ crls }: Case): Revocation {
  const lists = crls.flatMap((pem) => {
    try {
      return [new RevocationList(decode(pem))];
    } catch (error) {
      if (error instanceof DerError) return [];
      throw error;
    }
  });
  return { policy: crls.length > 0 ? 'hard' : 'soft', lists };
}

/** Where a case has no name to check, the key says who the peer is: nothing is verified without a reference. */
function referencesOf(testcase: Case, leaf: Bytes): readonly ReferenceIdentifier[] {
  const names = [testcase.expected_peer_name, ...testcase.expected_peer_names].filter((name) => name !== null);
  if (names.length === 0) return [{ type: 'spki-sha256', digest: nodeCrypto.hash('sha256', spkiOf(leaf)) }];
  return names.map(({ kind, value }) => {
    const type = { DNS: 'dns', IP: 'ip', RFC822: 'email' }[kind];
    return parseReferenceIdentifier(`${type}:${value}`, () => '');
  });
}

function spkiOf(leaf: Bytes): Bytes {
  return new Certificate(leaf).spki;
}

/** Not the strict reader of stores: some certificates are larger than any that it would take. */
function decode(pem: string): Bytes {
  return Uint8Array.fromBase64(pem.replace(/-----[A-Z0-9 ]+-----/g, ''));
}
