/** The measured process of `verify.ts`: one chain, one store. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readRevocationLists } from '../src/certs/revocation-lists.ts';
import { TrustStore } from '../src/certs/trust-store.ts';
import { type Bytes, equal } from '../src/core/bytes.ts';
import { nodeCrypto } from '../src/crypto-node/provider.ts';
import { verifyCertificate } from '../src/x509/verify.ts';

export interface MeasureInput {
  /** DER in base64, leaf first. */
  readonly chain: readonly string[];
  /** An OCSP response, as well. */
  readonly staple: string | null;
  /** A file. */
  readonly crl: string | null;
  /** A PEM file; the system's store is opened too. */
  readonly ca: string;
  readonly cache: string;
}

export interface Measures {
  readonly openUs: number;
  readonly coldUs: number;
  readonly warmUs: number;
  readonly signaturesUs: number;
  readonly nodeUs: number;
  readonly outcome: string;
}

const WARM_RUNS = 50;
const WARM_MS = 200;

const input = JSON.parse(readFileSync(process.argv[2] as string, 'utf8')) as MeasureInput;
const chain = input.chain.map((der) => Uint8Array.fromBase64(der));
const ocspResponse = input.staple === null ? undefined : Uint8Array.fromBase64(input.staple);
const now = Date.now() / 1000;
/** What was checked, so that it can be checked again without anything around it. */
const signatures: Parameters<typeof nodeCrypto.verify>[] = [];

const [{ store, lists }, openUs] = timed(() => ({
  store: TrustStore.open({ ca: [input.ca], system: true, environment: { XDG_CACHE_HOME: input.cache } }),
  lists: input.crl === null ? [] : readRevocationLists(input.crl),
}));
const [verification, coldUs] = timed(() => verify(nodeCrypto));
verify({
  signatureSchemes: nodeCrypto.signatureSchemes,
  hash: (algorithm, message) => nodeCrypto.hash(algorithm, message),
  sha1: (message) => nodeCrypto.sha1(message),
  verify: (...parameters) => {
    signatures.push(parameters);
    return nodeCrypto.verify(...parameters);
  },
});
const measures: Measures = {
  openUs,
  coldUs,
  warmUs: warm(() => verify(nodeCrypto)),
  signaturesUs: warm(() => {
    for (const parameters of signatures) nodeCrypto.verify(...parameters);
  }),
  nodeUs: verification.ok
    ? warm(() => verifyByNode([...chain, verification.path.certificates.at(-1)?.der as Bytes]))
    : 0,
  outcome: verification.ok ? 'accepted' : verification.failure.why,
};
console.log(JSON.stringify(measures));

function verify(crypto: Parameters<typeof verifyCertificate>[0]['crypto']): ReturnType<typeof verifyCertificate> {
  const references = { identifiers: [{ type: 'dns', name: 'a.test' }] } as const;
  const revocation = { policy: 'soft', lists } as const;
  const request = {
    chain,
    anchors: store,
    now,
    purpose: 'server',
    references,
    revocation,
    ocspResponse,
    crypto,
  } as const;
  return verifyCertificate(request);
}

/** The chain is known and in order here: no path to find, no constraints, no key usage. */
function verifyByNode(ders: readonly Bytes[]): boolean {
  const path = ders
    .filter((der, index) => index === 0 || !equal(der, ders[index - 1] as Bytes))
    .map((der) => new X509Certificate(der));
  const isValid = ({ validFrom, validTo }: X509Certificate): boolean =>
    Date.parse(validFrom) / 1000 <= now && now <= Date.parse(validTo) / 1000;
  return (
    path[0]?.checkHost('a.test') !== undefined &&
    path.every((certificate, index) => {
      const issuer = path[index + 1];
      const isIssued =
        issuer === undefined || (certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey) && issuer.ca);
      return isValid(certificate) && isIssued;
    })
  );
}

function timed<Result>(action: () => Result): [Result, number] {
  const start = process.cpuUsage();
  const result = action();
  const { user, system } = process.cpuUsage(start);
  return [result, user + system];
}

function warm(action: () => unknown): number {
  const end = performance.now() + WARM_MS;
  let [runs, microseconds] = [0, 0];
  while (runs < WARM_RUNS && performance.now() < end) {
    microseconds += timed(action)[1];
    runs++;
  }
  return microseconds / runs;
}
