import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bytes } from '../../src/core/bytes.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  extendedKeyUsage,
  type GeneralNames,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from './certificate-extensions.ts';
import { bitString, explicit, integer, oid, sequence, setOf, time, utf8String } from './der-writer.ts';
import {
  algorithmIdentifier,
  type KeyKind,
  pemBlock,
  type SignatureAlgorithm,
  signWith,
  type TestKey,
  testKey,
  usualAlgorithm,
} from './keys.ts';

/**
 * A certificate builder for tests. The defaults make certificates that every verifier accepts; each part can be replaced
 * by bytes that no CA would issue.
 *
 *     const root = authority('Test Root');
 *     const issuing = authority('Test Issuing CA', { issuer: root });
 *     const leaf = serverCertificate(issuing, { dns: ['example.test'], ip: ['127.0.0.1'] });
 *     const files = writeServerFiles(folder, leaf);    // paths of PEM files for openssl, nginx, …
 *
 * Odd ones: `serverCertificate(issuing, { dns: ['example.test'] }, { notAfter: daysFromNow(-1) })`,
 * `{ extensions: { basicConstraints: null } }` (leaves it out), `{ extensions: { mine: extension('1.2.3', value, true) } }`,
 * `{ algorithm: 'rsa-sha1' }`, `{ signature: new Uint8Array(64) }`, `{ key: 'rsa-1024' }`, `{ tbs: (fields) => … }`.
 */
export interface TestCertificate {
  readonly der: Bytes;
  readonly pem: string;
  readonly key: TestKey;
  /** DER Name. */
  readonly subject: Bytes;
  /** Undefined: self-signed. */
  readonly issuer: TestCertificate | undefined;
  readonly serial: Bytes;
}

export interface CertificateOptions {
  /** A kind takes a key of that kind that no other certificate of this process has (of RSA, one of four in turn). Default: p256. */
  readonly key?: KeyKind | TestKey;
  /** Default: self-signed. */
  readonly issuer?: TestCertificate;
  /** DER Name, or text for a Name with only that common name. */
  readonly subject?: string | Bytes;
  readonly issuerName?: Bytes;
  /** Default: the issuer's key. */
  readonly signer?: TestKey;
  readonly algorithm?: SignatureAlgorithm;
  /** DER AlgorithmIdentifier inside and outside, when they are to differ from what was used. */
  readonly innerAlgorithm?: Bytes;
  readonly outerAlgorithm?: Bytes;
  /** The complete field, `null` to leave it out (version 1). */
  readonly version?: Bytes | null;
  /** Complete INTEGER. */
  readonly serial?: Bytes;
  /** Or a complete Time. */
  readonly notBefore?: Date | Bytes;
  readonly notAfter?: Date | Bytes;
  readonly spki?: Bytes;
  /** By name; replaces or adds to the defaults in that order, `null` removes. */
  readonly extensions?: Readonly<Record<string, Bytes | null>>;
  /** The members of TBSCertificate, to be changed before they are signed. */
  readonly tbs?: (fields: readonly Bytes[]) => readonly Bytes[];
  /** In place of the real signature. */
  readonly signature?: Bytes;
}

/** A CA: critical basicConstraints and keyUsage, key identifiers. Without `issuer`, a self-signed root. */
export function authority(
  name: string,
  options: CertificateOptions & { readonly pathLength?: number } = {},
): TestCertificate {
  return certificate({ subject: name, ...options }, (key) => ({
    basicConstraints: basicConstraints(true, options.pathLength),
    keyUsage: keyUsage(['keyCertSign', 'cRLSign']),
    ...keyIdentifiers(key, options.issuer),
  }));
}

/** An end-entity certificate for serverAuth. The subject's common name is the first DNS name, or "server". */
export function serverCertificate(
  issuer: TestCertificate | undefined,
  names: GeneralNames,
  options: CertificateOptions = {},
): TestCertificate {
  return endEntity(issuer, names, 'serverAuth', { subject: names.dns?.[0] ?? 'server', ...options });
}

export function clientCertificate(
  issuer: TestCertificate | undefined,
  names: GeneralNames,
  options: CertificateOptions = {},
): TestCertificate {
  return endEntity(issuer, names, 'clientAuth', { subject: 'client', ...options });
}

/** The lowest level: no default extensions. */
export function certificate(
  options: CertificateOptions,
  defaults: (key: TestKey) => Readonly<Record<string, Bytes | null>> = () => ({}),
): TestCertificate {
  const key = takeKey(options.key ?? 'p256');
  const { issuer } = options;
  const signer = options.signer ?? issuer?.key ?? key;
  const algorithm = options.algorithm ?? usualAlgorithm(signer.kind);
  const subject = typeof options.subject === 'string' ? commonName(options.subject) : (options.subject ?? sequence());
  const serial = options.serial ?? integer(BigInt(`0x7${randomBytes(15).toString('hex')}`));
  const extensions = Object.values({ ...defaults(key), ...options.extensions }).filter((value) => value !== null);
  const version = options.version === undefined ? explicit(0, integer(2)) : options.version;

  const fields = [
    ...(version === null ? [] : [version]),
    serial,
    options.innerAlgorithm ?? algorithmIdentifier(algorithm),
    options.issuerName ?? issuer?.subject ?? subject,
    sequence(timeField(options.notBefore ?? daysFromNow(-1)), timeField(options.notAfter ?? daysFromNow(30))),
    subject,
    options.spki ?? key.spki,
    ...(extensions.length === 0 ? [] : [explicit(3, sequence(...extensions))]),
  ];
  const tbs = sequence(...(options.tbs === undefined ? fields : options.tbs(fields)));
  const signature = options.signature ?? signWith(signer, algorithm, tbs);
  const der = sequence(tbs, options.outerAlgorithm ?? algorithmIdentifier(algorithm), bitString(signature));
  return { der, pem: pemBlock('CERTIFICATE', der), key, subject, issuer, serial };
}

/** Whole days before (negative) or after this moment. */
export function daysFromNow(days: number): Date {
  return new Date(Date.now() + days * 86_400_000);
}

export function commonName(name: string): Bytes {
  return distinguishedName([['2.5.4.3', utf8String(name)]]);
}

/** One attribute per RDN: pairs of dotted type and complete value. */
export function distinguishedName(attributes: readonly (readonly [string, Bytes])[]): Bytes {
  return sequence(...attributes.map(([type, value]) => setOf(sequence(oid(type), value))));
}

/** SHA-1 of the whole SubjectPublicKeyInfo: any function of the key will do (RFC 5280 section 4.2.1.2). */
export function keyIdentifier(key: TestKey): Bytes {
  return new Uint8Array(createHash('sha1').update(key.spki).digest());
}

/** The certificate and its issuers, without the self-signed root: what a server sends. */
export function chainOf(leaf: TestCertificate): TestCertificate[] {
  const chain = [leaf];
  for (let next = leaf.issuer; next?.issuer !== undefined; next = next.issuer) chain.push(next);
  return chain;
}

export function rootOf(leaf: TestCertificate): TestCertificate {
  return leaf.issuer === undefined ? leaf : rootOf(leaf.issuer);
}

export interface ServerFiles {
  /** The leaf and its intermediates, in order. */
  readonly chain: string;
  readonly leaf: string;
  /** PKCS#8, mode 0600. */
  readonly key: string;
  /** The root, for `--ca`. */
  readonly ca: string;
}

/** Writes PEM files into `folder` (made if it is not there) and returns their paths. */
export function writeServerFiles(folder: string, leaf: TestCertificate, prefix = 'server'): ServerFiles {
  mkdirSync(folder, { recursive: true });
  const write = (name: string, text: string): string => {
    const path = join(folder, `${prefix}-${name}.pem`);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  return {
    chain: write(
      'chain',
      chainOf(leaf)
        .map(({ pem }) => pem)
        .join(''),
    ),
    leaf: write('leaf', leaf.pem),
    key: write('key', leaf.key.privatePem),
    ca: write('ca', rootOf(leaf).pem),
  };
}

const taken = new Map<KeyKind, number>();

function takeKey(key: KeyKind | TestKey): TestKey {
  if (typeof key !== 'string') return key;
  // RSA keys take a tenth of a second each to make: four of a kind, in turn, are different enough.
  const number = taken.get(key) ?? 0;
  taken.set(key, number + 1);
  return testKey(key, key.startsWith('rsa') ? number % 4 : number);
}

function endEntity(
  issuer: TestCertificate | undefined,
  names: GeneralNames,
  purpose: 'serverAuth' | 'clientAuth',
  options: CertificateOptions,
): TestCertificate {
  return certificate({ ...(issuer === undefined ? {} : { issuer }), ...options }, (key) => ({
    basicConstraints: basicConstraints(false),
    keyUsage: keyUsage(['digitalSignature']),
    extKeyUsage: extendedKeyUsage([purpose]),
    subjectAltName: subjectAltName(names),
    ...keyIdentifiers(key, options.issuer ?? issuer),
  }));
}

function keyIdentifiers(key: TestKey, issuer: TestCertificate | undefined): Record<string, Bytes> {
  return {
    subjectKeyIdentifier: subjectKeyIdentifier(keyIdentifier(key)),
    authorityKeyIdentifier: authorityKeyIdentifier(keyIdentifier(issuer?.key ?? key)),
  };
}

function timeField(value: Date | Bytes): Bytes {
  return value instanceof Date ? time(value) : value;
}
