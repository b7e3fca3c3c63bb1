/** The chains of `verify.ts`: usual ones, and for each bound the dearest that it lets through. */
import type { Bytes } from '../src/core/bytes.ts';
import { LIMITS } from '../src/core/limits.ts';
import { keyUsage, nameConstraints, subjectAltName } from '../tests/support/certificate-extensions.ts';
import { authority, chainOf, rootOf, serverCertificate, type TestCertificate } from '../tests/support/certificates.ts';
import { explicit, integer, oid, sequence, setOf, utf8String } from '../tests/support/der-writer.ts';
import type { KeyKind } from '../tests/support/keys.ts';
import { crlEntry, ocspResponse, revocationList, singleResponse } from '../tests/support/revocation.ts';

interface Chain {
  readonly chain: readonly TestCertificate[];
  readonly anchors: readonly TestCertificate[];
  /** Stapled to the leaf. */
  readonly ocspResponse?: Bytes;
  /** Of the user, read before the network is: the cost of that counts with the store's. */
  readonly revocationList?: Bytes;
}

const NAMES = { dns: ['a.test'] };

export const CHAINS: Readonly<Record<string, () => Chain>> = {
  'leaf, intermediate and root of P-256': () => usual('p256'),
  'leaf, intermediate and root of RSA-2048': () => usual('rsa-2048'),
  'leaf, intermediate and root of P-384': () => usual('p384'),
  'nine intermediates of one name, whose issuer is missing': () => {
    const same = Array.from({ length: LIMITS.chainCertificates - 1 }, () =>
      authority('Same', { issuer: authority('Same'), extensions: { authorityKeyIdentifier: null } }),
    );
    const leaf = serverCertificate(same[0], NAMES, { extensions: { authorityKeyIdentifier: null } });
    return { chain: [leaf, ...same], anchors: [authority('Root')] };
  },
  'anchors of one name, P-521, more than signatures may be checked': () => {
    const anchors = Array.from({ length: LIMITS.pathSignatures + 8 }, () => authority('Same', { key: 'p521' }));
    const leaf = serverCertificate(authority('Same', { key: 'p521' }), NAMES, {
      extensions: { authorityKeyIdentifier: null },
    });
    return { chain: [leaf], anchors };
  },
  'as many names and constraints as may be compared': () => {
    const side = Math.floor(Math.sqrt(LIMITS.nameComparisons)) - 3;
    const many = (suffix: string): string[] => Array.from({ length: side }, (_, index) => `${label(index)}.${suffix}`);
    const excluded = { dns: many('excluded.test') };
    const issuing = authority('Issuing', {
      issuer: authority('Root'),
      extensions: { nc: nameConstraints({ excluded }) },
    });
    return below(issuing, { dns: ['a.test', ...many('names.test')] });
  },
  'ten certificates, each of as many values as may be read': () => {
    let issuer = authority('Root');
    for (let count = 1; count < LIMITS.chainCertificates; count++)
      issuer = authority('', { issuer, subject: longName(`CA ${count}`, Math.floor(LIMITS.derElements / 8) - 12) });
    return below(issuer, NAMES);
  },
  'a leaf of as many names as may be read, none of them the right one': () => {
    const dns = Array.from({ length: LIMITS.derElements - 100 }, (_, index) => `${index}.b.test`);
    return below(authority('Root'), NAMES, subjectAltName({ dns }));
  },
  'a stapled OCSP response, good': () => {
    const { chain, anchors } = below(responding('p256'), NAMES);
    return { chain, anchors, ocspResponse: ocspResponse(chain[0] as TestCertificate) };
  },
  'an OCSP response with as many certificates as may be, P-521, none of which has signed it': () => {
    const issuer = responding('p521');
    const { chain, anchors } = below(issuer, NAMES);
    const certificates = Array.from({ length: LIMITS.ocspCertificates }, () =>
      authority('', { subject: issuer.subject, issuer, key: 'p521' }),
    );
    const responder = explicit(1, issuer.subject);
    const signer = authority('Another', { key: 'p521' });
    return {
      chain,
      anchors,
      ocspResponse: ocspResponse(chain[0] as TestCertificate, { signer, certificates, responder }),
    };
  },
  'an OCSP response about as many certificates as may be read': () => {
    const { chain, anchors } = below(responding('p256'), NAMES);
    const leaf = chain[0] as TestCertificate;
    const others = Array.from({ length: Math.floor(LIMITS.derElements / 14) }, () => singleResponse(leaf));
    return { chain, anchors, ocspResponse: ocspResponse(leaf, { others }) };
  },
  'a CRL of 50,000 entries, none of them the one': () => {
    const { chain, anchors } = below(responding('p256'), NAMES);
    const entries = Array.from({ length: 50_000 }, (_, index) => crlEntry(integer(BigInt(index + 1))));
    const issuer = chain[0]?.issuer as TestCertificate;
    return { chain, anchors, revocationList: revocationList(issuer, [], { entries }) };
  },
};

/** An issuing CA that signs OCSP responses as well. */
function responding(key: KeyKind): TestCertificate {
  const usage = keyUsage(['digitalSignature', 'keyCertSign', 'cRLSign']);
  return authority('Issuing', { key, issuer: authority('Root', { key }), extensions: { keyUsage: usage } });
}

function usual(key: KeyKind): Chain {
  return below(authority('Issuing', { key, issuer: authority('Root', { key }) }), NAMES);
}

function below(issuer: TestCertificate, names: { dns: string[] }, san?: Bytes): Chain {
  const leaf = serverCertificate(issuer, names, san === undefined ? {} : { extensions: { subjectAltName: san } });
  return { chain: chainOf(leaf), anchors: [rootOf(leaf)] };
}

/** The longest of labels, which take the longest to compare. */
function label(index: number): string {
  return `${String(index).padStart(8, '0')}${'x'.repeat(55)}`;
}

/** Each attribute takes four values of DER, in the subject here and in the issuer of the next one. */
function longName(name: string, attributes: number): Bytes {
  const part = (text: string): Bytes => setOf(sequence(oid('2.5.4.3'), utf8String(text)));
  return sequence(...Array.from({ length: attributes }, (_, index) => part(`${name} ${index}`)));
}
