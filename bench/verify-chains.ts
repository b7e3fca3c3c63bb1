/** The chains of `verify.ts`: usual ones, and for each bound the dearest that it lets through. */
import type { Bytes } from '../src/core/bytes.ts';
import { LIMITS } from '../src/core/limits.ts';
import { nameConstraints, subjectAltName } from '../tests/support/certificate-extensions.ts';
import { authority, chainOf, rootOf, serverCertificate, type TestCertificate } from '../tests/support/certificates.ts';
import { oid, sequence, setOf, utf8String } from '../tests/support/der-writer.ts';
import type { KeyKind } from '../tests/support/keys.ts';

interface Chain {
  readonly chain: readonly TestCertificate[];
  readonly anchors: readonly TestCertificate[];
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
};

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
