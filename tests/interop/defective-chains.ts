import {
  basicConstraints,
  extendedKeyUsage,
  extension,
  keyUsage,
  nameConstraints,
  subjectAltName,
  subjectKeyIdentifier,
} from '../support/certificate-extensions.ts';
import {
  authority,
  type CertificateOptions,
  daysFromNow,
  serverCertificate,
  type TestCertificate,
} from '../support/certificates.ts';
import { integer, nullValue, octetString } from '../support/der-writer.ts';
import { testKey } from '../support/keys.ts';

/** A chain for a.test, some of whose certificates are as they should not be. */
export interface DefectiveChain {
  /** Leaf first, the root last. */
  readonly path: readonly TestCertificate[];
  /** `0 expired, 2 not a CA`: places from the leaf. */
  readonly defects: readonly string[];
}

type Place = 'leaf' | 'intermediate' | 'root';
type Options = CertificateOptions & { readonly pathLength?: number };

const odd = (name: string, value: ReturnType<typeof extension> | null): Options => ({ extensions: { [name]: value } });

/** What can be odd about a certificate. Some of it is a defect to nobody, and some to one implementation only. */
const ODDITIES: Readonly<Record<string, { readonly places: readonly Place[]; readonly options: () => Options }>> = {
  'expired': { places: ['leaf', 'intermediate', 'root'], options: () => ({ notAfter: daysFromNow(-0.5) }) },
  'not yet valid': { places: ['leaf', 'intermediate', 'root'], options: () => ({ notBefore: daysFromNow(1) }) },
  'signed by another key': { places: ['leaf', 'intermediate'], options: () => ({ signer: testKey('p256', 3000) }) },
  'signed with SHA-1': { places: ['leaf', 'intermediate'], options: () => ({ algorithm: 'ecdsa-sha1' }) },
  'unknown critical extension': {
    places: ['leaf', 'intermediate', 'root'],
    options: () => odd('odd', extension('1.2.3', nullValue(), true)),
  },
  'unknown extension': { places: ['leaf', 'intermediate'], options: () => odd('odd', extension('1.2.3', nullValue())) },
  'an extension twice': {
    places: ['leaf', 'intermediate'],
    options: () => odd('again', extension('2.5.29.14', octetString(Uint8Array.of(1)))),
  },
  'not a CA': { places: ['intermediate', 'root'], options: () => odd('basicConstraints', basicConstraints(false)) },
  'no basicConstraints': { places: ['leaf', 'intermediate', 'root'], options: () => odd('basicConstraints', null) },
  'a CA': { places: ['leaf'], options: () => odd('basicConstraints', basicConstraints(true)) },
  'no keyCertSign': { places: ['intermediate', 'root'], options: () => odd('keyUsage', keyUsage(['cRLSign'])) },
  'no keyUsage': { places: ['leaf', 'intermediate', 'root'], options: () => odd('keyUsage', null) },
  'only keyAgreement': { places: ['leaf'], options: () => odd('keyUsage', keyUsage(['keyAgreement'])) },
  'path length 0': { places: ['intermediate', 'root'], options: () => ({ pathLength: 0 }) },
  'for e-mail': {
    places: ['leaf', 'intermediate', 'root'],
    options: () => odd('extKeyUsage', extendedKeyUsage(['emailProtection'])),
  },
  'no extKeyUsage': { places: ['leaf'], options: () => odd('extKeyUsage', null) },
  'for servers': { places: ['intermediate'], options: () => odd('extKeyUsage', extendedKeyUsage(['serverAuth'])) },
  'name excluded': {
    places: ['intermediate', 'root'],
    options: () => odd('nc', nameConstraints({ excluded: { dns: ['test'] } })),
  },
  'name permitted': {
    places: ['intermediate', 'root'],
    options: () => odd('nc', nameConstraints({ permitted: { dns: ['a.test'] } })),
  },
  'another name permitted': {
    places: ['intermediate', 'root'],
    options: () => odd('nc', nameConstraints({ permitted: { dns: ['b.test'] } })),
  },
  'a wider name permitted': {
    places: ['intermediate', 'root'],
    options: () => odd('nc', nameConstraints({ permitted: { dns: ['test'] }, excluded: { dns: ['b.test'] } })),
  },
  'another name': { places: ['leaf'], options: () => odd('subjectAltName', subjectAltName({ dns: ['b.test'] })) },
  'a wildcard': { places: ['leaf'], options: () => odd('subjectAltName', subjectAltName({ dns: ['*.test'] })) },
  'no subjectAltName': { places: ['leaf'], options: () => odd('subjectAltName', null) },
  'RSA of 1024 bits': { places: ['leaf', 'intermediate', 'root'], options: () => ({ key: 'rsa-1024' }) },
  'RSA of 2048 bits': { places: ['leaf', 'intermediate', 'root'], options: () => ({ key: 'rsa-2048' }) },
  'P-224': { places: ['leaf', 'intermediate'], options: () => ({ key: 'p224' }) },
  'P-384': { places: ['leaf', 'intermediate'], options: () => ({ key: 'p384' }) },
  'no key identifiers': {
    places: ['leaf', 'intermediate'],
    options: () => ({ extensions: { subjectKeyIdentifier: null, authorityKeyIdentifier: null } }),
  },
  'another key identifier': {
    places: ['intermediate', 'root'],
    options: () => odd('subjectKeyIdentifier', subjectKeyIdentifier(Uint8Array.of(1))),
  },
  'negative serial number': { places: ['leaf', 'intermediate'], options: () => ({ serial: integer(-1n) }) },
  'serial number 0': { places: ['leaf', 'intermediate'], options: () => ({ serial: integer(0n) }) },
};

/** As many chains as `count`, the same for the same `seed`: one in four without any oddity, else one or two. */
export function defectiveChains(seed: number, count: number): DefectiveChain[] {
  const random = xorshift(seed);
  return Array.from({ length: count }, () => defectiveChain(random));
}

function defectiveChain(random: (below: number) => number): DefectiveChain {
  const last = 1 + random(3);
  const chosen = new Map<number, string[]>();
  const [names, oddities] = [Object.keys(ODDITIES), [0, 1, 1, 2][random(4)] as number];
  for (let number = 0; number < oddities; number++) {
    const place = random(last + 1);
    const fitting = names.filter((name) => ODDITIES[name]?.places.includes(kindOf(place, last)));
    chosen.set(place, [...(chosen.get(place) ?? []), fitting[random(fitting.length)] as string]);
  }
  const options = (place: number): Options => (chosen.get(place) ?? []).reduce(combined, {});
  let issuer = authority(`CA ${last}`, options(last));
  const above = [issuer];
  for (let place = last - 1; place > 0; place--) {
    issuer = authority(`CA ${place}`, { issuer, ...options(place) });
    above.unshift(issuer);
  }
  const leaf = serverCertificate(issuer, { dns: ['a.test'] }, options(0));
  const defects = [...chosen].flatMap(([place, own]) => own.map((name) => `${place} ${name}`));
  return { path: [leaf, ...above], defects };
}

function kindOf(place: number, last: number): Place {
  return place === 0 ? 'leaf' : place === last ? 'root' : 'intermediate';
}

function combined(options: Options, name: string): Options {
  const more = ODDITIES[name]?.options() ?? {};
  return { ...options, ...more, extensions: { ...options.extensions, ...more.extensions } };
}

/** Marsaglia's xorshift32: each number below the argument. */
function xorshift(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
