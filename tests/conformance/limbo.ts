import { readFileSync } from 'node:fs';
import { type Bytes, equal } from '../../src/core/bytes.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import { Certificate, subjectOf } from '../../src/x509/certificate.ts';
import { parseReferenceIdentifier, type ReferenceIdentifier } from '../../src/x509/names.ts';
import type { TrustAnchor, TrustAnchors } from '../../src/x509/path.ts';
import { type Verification, verifyCertificate } from '../../src/x509/verify.ts';
import { EXCEPTIONS } from './limbo-exceptions.ts';

/**
 * C2SP's x509-limbo through the public interface, its anchors taken for public CAs: `bun tests/conformance/limbo.ts FILE` prints
 * every disagreement that is not in {@link EXCEPTIONS}, and every exception that is none. Exit code 0 only if there are neither.
 * `-v` prints each case with its outcome.
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

let agreed = 0;
let excepted = 0;
const wrong: string[] = [];
for (const testcase of testcases) {
  const result = run(testcase, 'public');
  const outcome = result.ok ? 'accepted' : `${result.failure.why}: ${result.failure.detail}`;
  const agrees = result.ok === (testcase.expected_result === 'SUCCESS');
  const exception = EXCEPTIONS[testcase.id];
  if (option === '-v')
    console.log(`${agrees ? ' ' : exception === undefined ? '!' : '~'} ${testcase.id}\n      ${outcome}`);
  if (agrees) agreed++;
  if (agrees && exception !== undefined) wrong.push(`${testcase.id}: an exception, yet it agrees (${outcome})`);
  if (!agrees && exception !== undefined) excepted++;
  if (exception?.agreesAsPrivate === true && run(testcase, 'private').ok !== (testcase.expected_result === 'SUCCESS'))
    wrong.push(`${testcase.id}: disagrees with the private profile too`);
  if (!agrees && exception === undefined)
    wrong.push(`${testcase.id}: expected ${testcase.expected_result}, ${outcome}`);
}
for (const id of Object.keys(EXCEPTIONS))
  if (!testcases.some((testcase) => testcase.id === id)) wrong.push(`${id}: an exception for a case that is not there`);

for (const line of wrong) console.error(line);
console.log(
  `${testcases.length} cases: ${agreed} agree, ${excepted} are exceptions with a reason, ${wrong.length} are wrong`,
);
process.exit(wrong.length === 0 ? 0 : 1);

function run(testcase: Case, profile: TrustAnchor['profile']): Verification {
  const leaf = decode(testcase.peer_certificate);
  return verifyCertificate({
    chain: [leaf, ...testcase.untrusted_intermediates.map(decode)],
    anchors: anchorsOf(testcase.trusted_certs.map(decode), profile),
    now: testcase.validation_time === null ? Date.now() / 1000 : Date.parse(testcase.validation_time) / 1000,
    purpose: testcase.validation_kind === 'SERVER' ? 'server' : 'client',
    references: { identifiers: referencesOf(testcase, leaf) },
    crypto: nodeCrypto,
    ...(testcase.max_chain_depth === null ? {} : { maximumIntermediates: testcase.max_chain_depth }),
  });
}

function anchorsOf(ders: readonly Bytes[], profile: TrustAnchor['profile']): TrustAnchors {
  const anchors = ders.map((der) => ({ der, profile }));
  return { bySubject: (subject) => anchors.filter(({ der }) => equal(subjectOf(der), subject)) };
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
  return Uint8Array.fromBase64(pem.replace(/-----[A-Z ]+-----/g, ''));
}
