import { createHash } from 'node:crypto';
import type { Bytes } from '../../src/core/bytes.ts';
import { authorityKeyIdentifier, extension } from './certificate-extensions.ts';
import { daysFromNow, keyIdentifier, type TestCertificate } from './certificates.ts';
import {
  bitString,
  enumerated,
  explicit,
  generalizedTime,
  implicit,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  time,
} from './der-writer.ts';
import {
  algorithmIdentifier,
  pemBlock,
  type SignatureAlgorithm,
  signWith,
  type TestKey,
  usualAlgorithm,
} from './keys.ts';

/** Makes OCSP responses and CRLs for tests, right ones by default, each part replaceable. */

export interface OcspOptions {
  /** Whose key signs. Default: the issuer's. */
  readonly signer?: TestCertificate;
  readonly algorithm?: SignatureAlgorithm;
  /** In `certs`. Default: the signer's certificate, if it is not the issuer. */
  readonly certificates?: readonly TestCertificate[];
  /** Complete ResponderID. Default: by key. */
  readonly responder?: Bytes;
  readonly hash?: 'sha1' | 'sha256';
  /** The CA by which the CertID says that the certificate was issued. */
  readonly issuer?: TestCertificate;
  /** Complete INTEGER. */
  readonly serial?: Bytes;
  readonly status?: Bytes;
  readonly producedAt?: Date;
  readonly thisUpdate?: Date;
  /** `null` leaves it out. */
  readonly nextUpdate?: Date | null;
  /** Complete `Extension`s. */
  readonly singleExtensions?: readonly Bytes[];
  readonly responseExtensions?: readonly Bytes[];
  /** Further SingleResponses, in front. */
  readonly others?: readonly Bytes[];
  readonly signature?: Bytes;
}

export const GOOD = implicit(0, new Uint8Array(0));
export const UNKNOWN = implicit(2, new Uint8Array(0));

export function revoked(at: Date, reason?: number): Bytes {
  return explicit(1, generalizedTime(at), ...(reason === undefined ? [] : [explicit(0, enumerated(reason))]));
}

export const NONCE = extension('1.3.6.1.5.5.7.48.1.2', octetString(new Uint8Array(16).fill(7)));

/** A good answer for `certificate`, which must have an issuer. */
export function ocspResponse(certificate: TestCertificate, options: OcspOptions = {}): Bytes {
  const issuer = certificate.issuer as TestCertificate;
  const signer = options.signer ?? issuer;
  const algorithm = options.algorithm ?? usualAlgorithm(signer.key.kind);
  const certificates = options.certificates ?? (signer === issuer ? [] : [signer]);
  const data = sequence(
    options.responder ?? explicit(2, octetString(sha1(keyBits(signer.key)))),
    generalizedTime(options.producedAt ?? daysFromNow(-1)),
    sequence(...(options.others ?? []), singleResponse(certificate, options)),
    ...listed(1, options.responseExtensions),
  );
  const signature = options.signature ?? signWith(signer.key, algorithm, data);
  const certs = certificates.length === 0 ? [] : [explicit(0, sequence(...certificates.map(({ der }) => der)))];
  const basic = sequence(data, algorithmIdentifier(algorithm), bitString(signature), ...certs);
  return sequence(enumerated(0), explicit(0, sequence(oid('1.3.6.1.5.5.7.48.1.1'), octetString(basic))));
}

export function singleResponse(certificate: TestCertificate, options: OcspOptions = {}): Bytes {
  const issuer = options.issuer ?? (certificate.issuer as TestCertificate);
  const name = options.hash ?? 'sha1';
  const hash = (bytes: Bytes) => octetString(createHash(name).update(bytes).digest());
  const id = sequence(oid(name === 'sha1' ? '1.3.14.3.2.26' : '2.16.840.1.101.3.4.2.1'), nullValue());
  const { nextUpdate = daysFromNow(6) } = options;
  return sequence(
    sequence(id, hash(issuer.subject), hash(keyBits(issuer.key)), options.serial ?? certificate.serial),
    options.status ?? GOOD,
    generalizedTime(options.thisUpdate ?? daysFromNow(-1)),
    ...(nextUpdate === null ? [] : [explicit(0, generalizedTime(nextUpdate))]),
    ...listed(1, options.singleExtensions),
  );
}

/** OCSPResponseStatus alone: 1 malformedRequest, 2 internalError, 3 tryLater, 5 sigRequired, 6 unauthorized. */
export function ocspError(status: number): Bytes {
  return sequence(enumerated(status));
}

export interface CrlOptions {
  /** Default: the issuer's key. */
  readonly signer?: TestKey;
  readonly algorithm?: SignatureAlgorithm;
  readonly innerAlgorithm?: Bytes;
  /** Complete INTEGER; `null` leaves it out. */
  readonly version?: Bytes | null;
  readonly thisUpdate?: Date;
  readonly nextUpdate?: Date | null;
  /** By name; replaces or adds to the defaults, `null` removes. */
  readonly extensions?: Readonly<Record<string, Bytes | null>>;
  /** The whole list of entries, in place of one for each certificate. `null`: none. */
  readonly entries?: readonly Bytes[];
  readonly signature?: Bytes;
}

/** A complete CRL of `issuer` that lists `certificates`. */
export function revocationList(
  issuer: TestCertificate,
  certificates: readonly TestCertificate[],
  options: CrlOptions = {},
): Bytes {
  const signer = options.signer ?? issuer.key;
  const algorithm = options.algorithm ?? usualAlgorithm(signer.kind);
  const { nextUpdate = daysFromNow(6), version = integer(1) } = options;
  const entries = options.entries ?? certificates.map(({ serial }) => crlEntry(serial));
  const extensions = Object.values({
    authorityKeyIdentifier: authorityKeyIdentifier(keyIdentifier(issuer.key)),
    cRLNumber: extension('2.5.29.20', integer(1)),
    ...options.extensions,
  }).filter((value) => value !== null);
  const tbs = sequence(
    ...(version === null ? [] : [version]),
    options.innerAlgorithm ?? algorithmIdentifier(algorithm),
    issuer.subject,
    time(options.thisUpdate ?? daysFromNow(-1)),
    ...(nextUpdate === null ? [] : [time(nextUpdate)]),
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
    ...(extensions.length === 0 ? [] : [explicit(0, sequence(...extensions))]),
  );
  const signature = options.signature ?? signWith(signer, algorithm, tbs);
  return sequence(tbs, algorithmIdentifier(algorithm), bitString(signature));
}

/** `serial`: complete INTEGER; `extensions`: complete `Extension`s. */
export function crlEntry(serial: Bytes, extensions: readonly Bytes[] = [], at = daysFromNow(-1)): Bytes {
  return sequence(serial, time(at), ...(extensions.length === 0 ? [] : [sequence(...extensions)]));
}

export function reasonCode(reason: number): Bytes {
  return extension('2.5.29.21', enumerated(reason));
}

/** IssuingDistributionPoint; `fields`: its members, complete. */
export function issuingDistributionPoint(fields: readonly Bytes[], critical = true): Bytes {
  return extension('2.5.29.28', sequence(...fields), critical);
}

export function crlPem(der: Bytes): string {
  return pemBlock('X509 CRL', der);
}

function listed(number: number, extensions: readonly Bytes[] | undefined): Bytes[] {
  return extensions === undefined ? [] : [explicit(number, sequence(...extensions))];
}

function sha1(bytes: Bytes): Bytes {
  return new Uint8Array(createHash('sha1').update(bytes).digest());
}

/** The contents of the BIT STRING in a SubjectPublicKeyInfo. */
function keyBits({ kind, spki }: TestKey): Bytes {
  const from = KEY_BITS_FROM[kind];
  if (from === undefined) throw new RangeError(`where the bits of ${kind} begin is not known`);
  return spki.subarray(from);
}

const KEY_BITS_FROM: Readonly<Partial<Record<TestKey['kind'], number>>> = {
  'p256': 26,
  'p384': 23,
  'p521': 25,
  'ed25519': 12,
  'rsa-2048': 24,
};
