import type { Bytes } from '../core/bytes.ts';
import { contextConstructed, contextPrimitive, type DerReader, TAG } from './der.ts';
import { type GeneralName, readGeneralName, readGeneralNames } from './general-names.ts';

/** The extensions that validation understands, RFC 5280 section 4.2, by the hexadecimal of their identifiers. */
export const EXTENSION = {
  subjectKeyIdentifier: '551d0e',
  keyUsage: '551d0f',
  subjectAltName: '551d11',
  basicConstraints: '551d13',
  nameConstraints: '551d1e',
  certificatePolicies: '551d20',
  authorityKeyIdentifier: '551d23',
  policyConstraints: '551d24',
  extKeyUsage: '551d25',
  inhibitAnyPolicy: '551d36',
  authorityInfoAccess: '2b06010505070101',
} as const;

/** Bits of KeyUsage as {@link DerReader.namedBits} gives them. */
export const KEY_USAGE = {
  digitalSignature: 0x80000000 | 0,
  keyCertSign: 0x04000000,
} as const;

/** Purposes of an extended key usage, RFC 5280 section 4.2.1.12. */
export const PURPOSE = {
  serverAuth: '2b06010505070301',
  clientAuth: '2b06010505070302',
  any: '551d2500',
} as const;

/** Section 4.2.1.9. */
export interface BasicConstraints {
  readonly ca: boolean;
  /** How many intermediates may follow that are not self-issued. */
  readonly pathLength: number | undefined;
}

/** Section 4.2.1.10: the bases of the subtrees. */
export interface NameConstraints {
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

/** Section 4.2.1.1. */
export interface AuthorityKeyIdentifier {
  readonly keyIdentifier: Bytes | undefined;
}

/** Each field is undefined where the certificate has no such extension. */
export interface Extensions {
  readonly basicConstraints?: BasicConstraints;
  readonly keyUsage?: number;
  /** Object identifiers, hexadecimal. */
  readonly extKeyUsage?: readonly string[];
  readonly subjectAltName?: readonly GeneralName[];
  readonly nameConstraints?: NameConstraints;
  readonly subjectKeyIdentifier?: Bytes;
  readonly authorityKeyIdentifier?: AuthorityKeyIdentifier;
  /** All that are there: identifier (hexadecimal) to whether it is critical. */
  readonly critical: ReadonlyMap<string, boolean>;
  /** The first critical one that is not understood. */
  readonly unknownCritical: string | undefined;
}

/** Of a certificate of version 1 or 2, or without any. */
export const NO_EXTENSIONS: Extensions = { critical: new Map(), unknownCritical: undefined };

/** Reads `Extensions`, each once. @throws DerError for a duplicate and for every known one whose contents are not as they should be. */
export function readExtensions(list: DerReader): Extensions {
  const critical = new Map<string, boolean>();
  const found: Found = { critical, unknownCritical: undefined };
  if (list.empty) list.fail('empty');
  while (!list.empty) {
    const extension = list.enter(TAG.sequence);
    const id = extension.oid('extnID');
    const isCritical = extension.peekTag() === TAG.boolean;
    if (isCritical && !extension.boolean('critical')) extension.fail('critical: FALSE is the default, and left out');
    if (critical.has(id)) extension.fail('the same extension twice');
    critical.set(id, isCritical);
    const read = KNOWN[id];
    if (read === undefined) extension.contents(TAG.octetString, 'extnValue');
    else {
      const value = extension.enter(TAG.octetString, 'extnValue');
      read(value, found);
      value.finish();
    }
    if (isCritical && (read === undefined || id === EXTENSION.authorityInfoAccess)) found.unknownCritical ??= id;
    extension.finish();
  }
  return found;
}

type Found = { -readonly [Field in keyof Extensions]: Extensions[Field] };

/** All of these but authorityInfoAccess, which is read for its form alone, can be honoured when they are critical. */
const KNOWN: Readonly<Record<string, (value: DerReader, found: Found) => void>> = {
  [EXTENSION.basicConstraints]: (value, found) => {
    found.basicConstraints = readBasicConstraints(value.enter(TAG.sequence, 'basicConstraints'));
  },
  [EXTENSION.keyUsage]: (value, found) => {
    found.keyUsage = value.namedBits('keyUsage');
    if (found.keyUsage === 0) value.fail('no bit set');
  },
  [EXTENSION.extKeyUsage]: (value, found) => {
    const list = value.enter(TAG.sequence, 'extKeyUsage');
    const purposes: string[] = [];
    if (list.empty) list.fail('empty');
    while (!list.empty) purposes.push(list.oid());
    found.extKeyUsage = purposes;
  },
  [EXTENSION.subjectAltName]: (value, found) => {
    found.subjectAltName = readGeneralNames(value.enter(TAG.sequence, 'subjectAltName'));
  },
  [EXTENSION.nameConstraints]: (value, found) => {
    found.nameConstraints = readNameConstraints(value.enter(TAG.sequence, 'nameConstraints'));
  },
  [EXTENSION.subjectKeyIdentifier]: (value, found) => {
    found.subjectKeyIdentifier = value.contents(TAG.octetString, 'subjectKeyIdentifier');
  },
  [EXTENSION.authorityKeyIdentifier]: (value, found) => {
    found.authorityKeyIdentifier = readAuthorityKeyIdentifier(value.enter(TAG.sequence, 'authorityKeyIdentifier'));
  },
  // We ask for no policy, and refuse policyConstraints, the one extension that could (RFC 5280 section 6.1.1 (c) and (e)).
  [EXTENSION.certificatePolicies]: (value) => void value.any('certificatePolicies'),
  [EXTENSION.inhibitAnyPolicy]: (value) => void value.integer('inhibitAnyPolicy'),
  [EXTENSION.authorityInfoAccess]: (value) => {
    const descriptions = value.enter(TAG.sequence, 'authorityInfoAccess');
    if (descriptions.empty) descriptions.fail('empty');
    while (!descriptions.empty) {
      const description = descriptions.enter(TAG.sequence);
      description.oid('accessMethod');
      readGeneralName(description);
      description.finish();
    }
  },
};

function readBasicConstraints(fields: DerReader): BasicConstraints {
  // An explicit FALSE breaks X.690 section 11.5, yet certificates in use have it, and it says nothing that could be misread.
  const ca = fields.peekTag() === TAG.boolean && fields.boolean('cA');
  const pathLength = fields.empty ? undefined : fields.smallInteger('pathLenConstraint', 0x7fffffff);
  if (pathLength !== undefined && !ca) fields.fail('a path length without cA');
  fields.finish();
  return { ca, pathLength };
}

function readNameConstraints(fields: DerReader): NameConstraints {
  if (fields.empty) fields.fail('empty');
  const permitted = readSubtrees(fields, 0, 'permittedSubtrees');
  const excluded = readSubtrees(fields, 1, 'excludedSubtrees');
  fields.finish();
  return { permitted, excluded };
}

function readSubtrees(fields: DerReader, number: number, name: string): GeneralName[] {
  const bases: GeneralName[] = [];
  if (fields.peekTag() !== contextConstructed(number)) return bases;
  const subtrees = fields.enter(contextConstructed(number), name);
  if (subtrees.empty) subtrees.fail('empty');
  while (!subtrees.empty) {
    // RFC 5280 section 4.2.1.10: minimum is 0, which DER leaves out, and maximum is absent.
    const subtree = subtrees.enter(TAG.sequence);
    bases.push(readGeneralName(subtree));
    subtree.finish();
  }
  return bases;
}

function readAuthorityKeyIdentifier(fields: DerReader): AuthorityKeyIdentifier {
  const [key, issuer, serial] = [contextPrimitive(0), contextConstructed(1), contextPrimitive(2)];
  const keyIdentifier = fields.peekTag() === key ? fields.contents(key, 'keyIdentifier') : undefined;
  if (fields.peekTag() === issuer) readGeneralNames(fields.enter(issuer, 'authorityCertIssuer'));
  if (fields.peekTag() === serial) fields.integer('authorityCertSerialNumber', serial);
  fields.finish();
  return { keyIdentifier };
}
