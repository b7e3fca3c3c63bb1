import type { Bytes } from '../../src/core/bytes.ts';
import { ascii } from '../../src/core/bytes.ts';
import { boolean, explicit, implicit, integer, namedBits, octetString, oid, sequence } from './der-writer.ts';

/** Each function writes one complete `Extension` (RFC 5280 section 4.2). */

export function extension(id: string, value: Bytes, critical = false): Bytes {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

export function basicConstraints(ca: boolean, pathLength?: number, critical = true): Bytes {
  const fields = [...(ca ? [boolean(true)] : []), ...(pathLength === undefined ? [] : [integer(pathLength)])];
  return extension('2.5.29.19', sequence(...fields), critical);
}

const KEY_USAGE_BITS = {
  digitalSignature: 0,
  contentCommitment: 1,
  keyEncipherment: 2,
  dataEncipherment: 3,
  keyAgreement: 4,
  keyCertSign: 5,
  cRLSign: 6,
  encipherOnly: 7,
  decipherOnly: 8,
} as const;

export type KeyUsageName = keyof typeof KEY_USAGE_BITS;

export function keyUsage(usages: readonly KeyUsageName[], critical = true): Bytes {
  return extension('2.5.29.15', namedBits(usages.map((usage) => KEY_USAGE_BITS[usage])), critical);
}

export const PURPOSE = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
  any: '2.5.29.37.0',
} as const;

/** `purposes`: names of {@link PURPOSE}, or dotted object identifiers. */
export function extendedKeyUsage(purposes: readonly string[], critical = false): Bytes {
  const ids = purposes.map((purpose) => oid(PURPOSE[purpose as keyof typeof PURPOSE] ?? purpose));
  return extension('2.5.29.37', sequence(...ids), critical);
}

/** What a subjectAltName or a name constraint may list; `raw` is a complete GeneralName. */
export interface GeneralNames {
  readonly dns?: readonly string[];
  /** Text (`192.0.2.1`, `::1`) or bytes; in name constraints address and mask bytes together. */
  readonly ip?: readonly (string | Bytes)[];
  readonly email?: readonly string[];
  readonly uri?: readonly string[];
  /** A DER Name. */
  readonly directory?: readonly Bytes[];
  readonly raw?: readonly Bytes[];
}

export function generalNames(names: GeneralNames): Bytes[] {
  return [
    ...(names.email ?? []).map((name) => implicit(1, ascii(name))),
    ...(names.dns ?? []).map((name) => implicit(2, ascii(name))),
    ...(names.directory ?? []).map((name) => explicit(4, name)),
    ...(names.uri ?? []).map((name) => implicit(6, ascii(name))),
    ...(names.ip ?? []).map((address) => implicit(7, typeof address === 'string' ? ipBytes(address) : address)),
    ...(names.raw ?? []),
  ];
}

export function subjectAltName(names: GeneralNames, critical = false): Bytes {
  return extension('2.5.29.17', sequence(...generalNames(names)), critical);
}

export function nameConstraints(
  constraints: { readonly permitted?: GeneralNames; readonly excluded?: GeneralNames },
  critical = true,
): Bytes {
  const subtrees = (number: number, names: GeneralNames | undefined): Bytes[] => {
    const bases = generalNames(names ?? {});
    return bases.length === 0 ? [] : [explicit(number, ...bases.map((base) => sequence(base)))];
  };
  return extension(
    '2.5.29.30',
    sequence(...subtrees(0, constraints.permitted), ...subtrees(1, constraints.excluded)),
    critical,
  );
}

export function subjectKeyIdentifier(keyId: Bytes, critical = false): Bytes {
  return extension('2.5.29.14', octetString(keyId), critical);
}

export function authorityKeyIdentifier(keyId: Bytes, critical = false): Bytes {
  return extension('2.5.29.35', sequence(implicit(0, keyId)), critical);
}

export function certificatePolicies(policies: readonly string[], critical = false): Bytes {
  return extension('2.5.29.32', sequence(...policies.map((policy) => sequence(oid(policy)))), critical);
}

/** RFC 7633 must-staple: features 5 (status_request). */
export function tlsFeature(features: readonly number[], critical = false): Bytes {
  return extension('1.3.6.1.5.5.7.1.24', sequence(...features.map(integer)), critical);
}

/** id-ad-ocsp at `uri`. */
export function authorityInfoAccess(uri: string, critical = false): Bytes {
  return extension(
    '1.3.6.1.5.5.7.1.1',
    sequence(sequence(oid('1.3.6.1.5.5.7.48.1'), implicit(6, ascii(uri)))),
    critical,
  );
}

/** Network order. @throws RangeError for text that is no address. */
export function ipBytes(text: string): Bytes {
  if (!text.includes(':')) {
    const octets = text.split('.').map(Number);
    if (octets.length !== 4 || octets.some((octet) => !(octet >= 0 && octet <= 255))) throw new RangeError(text);
    return Uint8Array.from(octets);
  }
  const [head = '', tail] = text.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const [before, after] = [words(head), words(tail ?? '')];
  const missing = 8 - before.length - after.length;
  if (missing < 0 || (tail === undefined && missing !== 0)) throw new RangeError(text);
  const all = [...before, ...new Array<number>(missing).fill(0), ...after];
  return Uint8Array.from(all.flatMap((word) => [word >> 8, word & 0xff]));
}

/** Pairs of what the issuer calls a policy and what the subject calls it. */
export function policyMappings(pairs: readonly (readonly [string, string])[], critical = true): Bytes {
  return extension('2.5.29.33', sequence(...pairs.map(([from, to]) => sequence(oid(from), oid(to)))), critical);
}

export function policyConstraints(
  { requireExplicit, inhibitMapping }: { readonly requireExplicit?: number; readonly inhibitMapping?: number },
  critical = true,
): Bytes {
  const count = (tag: number, value: number | undefined): Bytes[] =>
    value === undefined ? [] : [implicit(tag, integer(value).subarray(2))];
  return extension('2.5.29.36', sequence(...count(0, requireExplicit), ...count(1, inhibitMapping)), critical);
}

export function inhibitAnyPolicy(skip: number, critical = true): Bytes {
  return extension('2.5.29.54', integer(skip), critical);
}
