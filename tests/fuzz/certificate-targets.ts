import { certificateAt } from '../../src/certs/anchor-index.ts';
import { CERTIFICATE, decodeBlock, findBlocks, PemError } from '../../src/certs/pem.ts';
import type { Source } from '../../src/certs/sources.ts';
import { type Bytes, concat, equal } from '../../src/core/bytes.ts';
import { TlsError } from '../../src/core/failures.ts';
import { NodeCrypto, nodeCrypto } from '../../src/crypto-node/provider.ts';
import { Certificate, subjectOf } from '../../src/x509/certificate.ts';
import { DerError, DerReader } from '../../src/x509/der.ts';
import { formatName } from '../../src/x509/distinguished-name.ts';
import { examineChain } from '../../src/x509/examination.ts';
import { readPublicKey } from '../../src/x509/public-key.ts';
import { verifyCertificate } from '../../src/x509/verify.ts';
import { nameConstraints } from '../support/certificate-extensions.ts';
import { authority, commonName, serverCertificate } from '../support/certificates.ts';
import { tlv } from '../support/der-writer.ts';
import type { Target } from './target.ts';

const NAMES = {
  dns: ['a.test', '*.b.test'],
  ip: ['127.0.0.1', '::1'],
  email: ['a@b.test'],
  uri: ['https://a.test/'],
  directory: [commonName('a')],
};
const CONSTRAINTS = { permitted: { dns: ['test'], uri: ['.test', 'a.test'] }, excluded: { email: ['evil.test'] } };

const ROOT = authority('tlsify fuzz root', { extensions: { nc: nameConstraints(CONSTRAINTS) } });
const ISSUING = authority('tlsify fuzz issuing', { issuer: ROOT, pathLength: 0 });
const LEAF = serverCertificate(ISSUING, NAMES);
const STORE = Buffer.from(
  `# a store\n${LEAF.pem}# ${Buffer.from(ROOT.der).toString('base64')}\n${ROOT.key.privatePem}${ROOT.pem}`,
);
const SOURCE: Source = { path: 'store', bytes: STORE, identity: '', origin: 'explicit' };

export const CERTIFICATE_TARGETS: Readonly<Record<string, Target>> = {
  'DER: what is read is the only encoding of it': {
    seeds: [LEAF.der, ROOT.der, Uint8Array.of(0x30, 0x80), Uint8Array.of(0x04, 0x81, 0x01, 0x00)],
    runs: 20_000,
    run: (input) =>
      reads([DerError], () => {
        if (!equal(encode(DerReader.over(input, 'value')), input)) throw new Error('read otherwise than it is written');
      }),
  },
  'certificates': {
    seeds: [LEAF.der, ISSUING.der, ROOT.der],
    runs: 20_000,
    run: (input) =>
      reads([DerError, TlsError], () => {
        const certificate = new Certificate(input);
        if (!equal(subjectOf(input), certificate.subject)) throw new Error('two subjects');
        if (/[\p{Cc}\p{Cf}]/u.test(formatName(certificate.subject))) throw new Error('unfit for a terminal');
        readPublicKey(certificate.spki);
      }),
  },
  'chains: nothing but the real leaf is accepted': {
    seeds: [LEAF.der],
    runs: 5_000,
    run: (input) => isAcceptedOnlyIf(equal(input, LEAF.der), [input, ISSUING.der]),
  },
  'chains: nothing but the real intermediate leads to the root': {
    seeds: [ISSUING.der],
    runs: 5_000,
    run: (input) => isAcceptedOnlyIf(equal(input, ISSUING.der), [LEAF.der, input]),
  },
  'chains behind signatures that are all taken for good': {
    seeds: [LEAF.der, ISSUING.der, ROOT.der],
    runs: 5_000,
    run: (input) => {
      for (const chain of [
        [input, ISSUING.der],
        [LEAF.der, input],
        [LEAF.der, ISSUING.der, input],
      ])
        isJudged(chain);
    },
  },
  'PEM files': {
    seeds: [STORE, Buffer.from(ROOT.pem), Buffer.from(ROOT.pem.replaceAll('\n', '\r\n'))],
    runs: 20_000,
    run: (input) =>
      reads([PemError], () => {
        const file = Buffer.from(input);
        for (const block of findBlocks(file, CERTIFICATE)) {
          const der = decodeBlock(file, block, CERTIFICATE);
          const text = file.toString('latin1', block.from, block.to).replace(/\s/g, '');
          if (der !== undefined && Buffer.from(der).toString('base64') !== text)
            throw new Error('decoded to something else');
        }
      }),
  },
  'positions in a store: none makes a certificate of what is not one': {
    seeds: findBlocks(STORE, CERTIFICATE).map(({ from, to }) => new Uint8Array(Uint32Array.of(from, to).buffer)),
    runs: 20_000,
    run: (input) => {
      const [from = 0, to = 0] = new Uint32Array(concat(input, new Uint8Array(8)).slice(0, 8).buffer);
      const found = certificateAt(SOURCE, from, to);
      if (found !== undefined && !equal(found.der, LEAF.der) && !equal(found.der, ROOT.der))
        throw new Error('a forged one');
    },
  },
};

/** Verifies below the root; the answer must be the one expected, and there must be one. */
function isAcceptedOnlyIf(expected: boolean, chain: readonly Bytes[]): void {
  const { ok } = verifyCertificate({
    chain,
    anchors: { bySubject: (subject) => (equal(subject, ROOT.subject) ? [{ der: ROOT.der, profile: 'public' }] : []) },
    now: Date.now() / 1000,
    purpose: 'server',
    references: { identifiers: [{ type: 'dns', name: 'a.test' }] },
    revocation: { policy: 'soft', lists: [] },
    crypto: nodeCrypto,
  });
  if (ok !== expected) throw new Error(ok ? 'accepted' : 'rejected');
}

class BelievingCrypto extends NodeCrypto {
  override verify(): boolean {
    return true;
  }
}

/** As if all was signed by whom it names: a verdict, and no exception. */
function isJudged(chain: readonly Bytes[]): void {
  const { verdict, verification, certificates, remarks } = examineChain({
    chain,
    anchors: { bySubject: (subject) => (equal(subject, ROOT.subject) ? [{ der: ROOT.der, profile: 'private' }] : []) },
    now: Date.now() / 1000,
    purpose: 'server',
    references: {
      identifiers: [
        { type: 'dns', name: 'a.test' },
        { type: 'ip', address: Uint8Array.of(127, 0, 0, 1) },
      ],
    },
    crypto: new BelievingCrypto(),
    revocation: { policy: 'hard', lists: [] },
    warnSeconds: 0,
  });
  if (!verification.ok && verification.failure.kind !== 'certificate-rejected')
    throw new Error(verification.failure.why);
  if ((verdict === 'rejected') === verification.ok) throw new Error('the examination is of another opinion');
  const said = [...remarks, ...certificates.flatMap((each) => each.remarks)];
  if (!verification.ok && !said.some(({ severity }) => severity === 'error')) throw new Error('no error is shown');
  if (said.some(({ detail }) => /[\p{Cc}\p{Cf}]/u.test(detail))) throw new Error('unfit for a terminal');
}

function reads(allowed: readonly (new (...parameters: never[]) => Error)[], read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!allowed.some((kind) => error instanceof kind)) throw error;
  }
}

function encode(reader: DerReader): Bytes {
  const parts: Bytes[] = [];
  while (!reader.empty) {
    const tag = reader.peekTag();
    parts.push(tlv(tag, (tag & 0x20) === 0 ? reader.contents(tag) : encode(reader.enter(tag))));
  }
  return concat(...parts);
}
