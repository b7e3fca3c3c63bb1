import type { Bytes } from '../core/bytes.ts';
import { contextConstructed, contextPrimitive, type DerReader, TAG } from './der.ts';
import { type DistributionPoint, readDistributionPoints } from './distribution-points.ts';
import { type GeneralName, readGeneralName, readGeneralNames } from './general-names.ts';

/** The extensions that validation understands, RFC 5280 section 4.2, by the hexadecimal of their identifiers. */
export const EXTENSION = {
  subjectKeyIdentifier: '551d0e',
  keyUsage: '551d0f',
  subjectAltName: '551d11',
  basicConstraints: '551d13',
  nameConstraints: '551d1e',
  certificatePolicies: '551d20',
  policyMappings: '551d21',
  authorityKeyIdentifier: '551d23',
  policyConstraints: '551d24',
  extKeyUsage: '551d25',
  inhibitAnyPolicy: '551d36',
  cRLDistributionPoints: '551d1f',
  authorityInfoAccess: '2b06010505070101',
  tlsFeature: '2b06010505070118',
  ocspNoCheck: '2b0601050507300105',
} as const;

/** Bits of KeyUsage as {@link DerReader.namedBits} gives them. */
export const KEY_USAGE = {
  digitalSignature: 0x80000000 | 0,
  contentCommitment: 0x40000000,
  keyCertSign: 0x04000000,
  cRLSign: 0x02000000,
} as const;

/** Purposes of an extended key usage, RFC 5280 section 4.2.1.12. */
export const PURPOSE = {
  serverAuth: '2b06010505070301',
  clientAuth: '2b06010505070302',
  ocspSigning: '2b06010505070309',
  any: '551d2500',
} as const;

/** The TLS extension status_request, as a TLS feature (RFC 7633): must-staple. */
export const STATUS_REQUEST = 5;

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

/** As a policy: all of them, section 4.2.1.4. */
export const ANY_POLICY = '551d2000';

/** Section 4.2.1.5: what the issuer calls `from`, the subject calls `to`. */
export interface PolicyMapping {
  readonly from: string;
  readonly to: string;
}

/** Section 4.2.1.11: how many certificates further down an acceptable policy, or one that is not mapped, is demanded. */
export interface PolicyConstraints {
  readonly requireExplicitPolicy: number | undefined;
  readonly inhibitPolicyMapping: number | undefined;
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
  /** Object identifiers, hexadecimal. */
  readonly certificatePolicies?: readonly string[];
  readonly policyMappings?: readonly PolicyMapping[];
  readonly policyConstraints?: PolicyConstraints;
  /** How many certificates further down anyPolicy no longer counts. */
  readonly inhibitAnyPolicy?: number;
  /** RFC 7633: numbers of the TLS extensions that the server must answer if it is asked. */
  readonly tlsFeatures?: readonly number[];
  readonly cRLDistributionPoints?: readonly DistributionPoint[];
  /** All that are there: identifier (hexadecimal) to whether it is critical. */
  readonly critical: ReadonlyMap<string, boolean>;
  /** The first critical one that is not understood. */
  readonly unknownCritical: string | undefined;
}

/** Of a certificate of version 1 or 2, or without any. */
export const NO_EXTENSIONS: Extensions = { critical: new Map(), unknownCritical: undefined };

/** Reads those of a certificate. @throws DerError for every known one whose contents are not as they should be, and as below */
export function readExtensions(list: DerReader): Extensions {
  const found: Found = { critical: new Map(), unknownCritical: undefined };
  found.critical = readExtensionList(list, (id, isCritical) => {
    const read = KNOWN[id];
    if (isCritical && (read === undefined || READ_ONLY_FOR_FORM.has(id))) found.unknownCritical ??= id;
    return read === undefined ? undefined : (value) => read(value, found);
  });
  // Of the features only must-staple can be enforced here.
  if (
    found.critical.get(EXTENSION.tlsFeature) === true &&
    found.tlsFeatures?.some((number) => number !== STATUS_REQUEST)
  )
    found.unknownCritical ??= EXTENSION.tlsFeature;
  return found;
}

/** Reads the contents of one extension; the list makes sure that nothing is left of them. */
export type ReadExtension = (value: DerReader) => void;

/**
 * `Extensions`, wherever they stand: at least one, each once. `understand` is asked for the reader of each; what it gives none
 * for is passed over.
 * @returns all that are there: identifier (hexadecimal) to whether it is critical
 * @throws DerError
 */
export function readExtensionList(
  list: DerReader,
  understand: (id: string, isCritical: boolean) => ReadExtension | undefined,
): ReadonlyMap<string, boolean> {
  const critical = new Map<string, boolean>();
  if (list.empty) list.fail('empty');
  while (!list.empty) {
    const extension = list.enter(TAG.sequence);
    const id = extension.oid('extnID');
    const isCritical = extension.peekTag() === TAG.boolean;
    if (isCritical && !extension.boolean('critical')) extension.fail('critical: FALSE is the default, and left out');
    if (critical.has(id)) extension.fail('the same extension twice');
    critical.set(id, isCritical);
    const read = understand(id, isCritical);
    if (read === undefined) extension.contents(TAG.octetString, 'extnValue');
    else {
      const value = extension.enter(TAG.octetString, 'extnValue');
      read(value);
      value.finish();
    }
    extension.finish();
  }
  return critical;
}

/** Critical ones of these are unknown: they name places where something is to be had, and we fetch nothing. */
const READ_ONLY_FOR_FORM: ReadonlySet<string> = new Set([
  EXTENSION.authorityInfoAccess,
  EXTENSION.cRLDistributionPoints,
]);

type Found = { -readonly [Field in keyof Extensions]: Extensions[Field] };

/** All of these but {@link READ_ONLY_FOR_FORM} can be honoured when they are critical. */
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
  [EXTENSION.certificatePolicies]: (value, found) => {
    found.certificatePolicies = readPolicies(value.enter(TAG.sequence, 'certificatePolicies'));
  },
  [EXTENSION.policyMappings]: (value, found) => {
    found.policyMappings = readPolicyMappings(value.enter(TAG.sequence, 'policyMappings'));
  },
  [EXTENSION.inhibitAnyPolicy]: (value, found) => {
    found.inhibitAnyPolicy = value.smallInteger('inhibitAnyPolicy', SKIPPED_CERTIFICATES_MAXIMUM);
  },
  [EXTENSION.policyConstraints]: (value, found) => {
    found.policyConstraints = readPolicyConstraints(value.enter(TAG.sequence, 'policyConstraints'));
  },
  [EXTENSION.cRLDistributionPoints]: (value, found) => {
    found.cRLDistributionPoints = readDistributionPoints(value.enter(TAG.sequence, 'cRLDistributionPoints'));
  },
  [EXTENSION.tlsFeature]: (value, found) => {
    const list = value.enter(TAG.sequence, 'tlsFeature');
    const features: number[] = [];
    if (list.empty) list.fail('empty');
    while (!list.empty) features.push(list.smallInteger('', 0xffff));
    found.tlsFeatures = features;
  },
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

/** The value of the extension in certificates and in CRLs. @throws DerError */
export function readAuthorityKeyIdentifier(fields: DerReader): AuthorityKeyIdentifier {
  const [key, issuer, serial] = [contextPrimitive(0), contextConstructed(1), contextPrimitive(2)];
  const keyIdentifier = fields.peekTag() === key ? fields.contents(key, 'keyIdentifier') : undefined;
  if (fields.peekTag() === issuer) readGeneralNames(fields.enter(issuer, 'authorityCertIssuer'));
  if (fields.peekTag() === serial) fields.integer('authorityCertSerialNumber', serial);
  fields.finish();
  return { keyIdentifier };
}

/** Section 4.2.1.4: at least one, none twice. Qualifiers say something to people, nothing to us. */
function readPolicies(list: DerReader): string[] {
  const policies = new Set<string>();
  if (list.empty) list.fail('empty');
  while (!list.empty) {
    const information = list.enter(TAG.sequence);
    const id = information.oid('policyIdentifier');
    if (policies.has(id)) information.fail('the same policy twice');
    policies.add(id);
    if (!information.empty) readQualifiers(information.enter(TAG.sequence, 'policyQualifiers'));
    information.finish();
  }
  return [...policies];
}

/** Section 4.2.1.5: at least one, none to or from anyPolicy. */
function readPolicyMappings(list: DerReader): PolicyMapping[] {
  const mappings: PolicyMapping[] = [];
  if (list.empty) list.fail('empty');
  while (!list.empty) {
    const mapping = list.enter(TAG.sequence);
    const [from, to] = [mapping.oid('issuerDomainPolicy'), mapping.oid('subjectDomainPolicy')];
    mapping.finish();
    if (from === ANY_POLICY || to === ANY_POLICY) mapping.fail('anyPolicy cannot be mapped');
    mappings.push({ from, to });
  }
  return mappings;
}

function readQualifiers(list: DerReader): void {
  if (list.empty) list.fail('empty');
  while (!list.empty) {
    const qualifier = list.enter(TAG.sequence);
    qualifier.oid('policyQualifierId');
    qualifier.any('qualifier');
    qualifier.finish();
  }
}

/** SkipCerts; more than any chain has mean the same as that. */
const SKIPPED_CERTIFICATES_MAXIMUM = 0x7fffffff;

function readPolicyConstraints(fields: DerReader): PolicyConstraints {
  if (fields.empty) fields.fail('empty');
  const optional = (number: number, name: string): number | undefined =>
    fields.peekTag() === contextPrimitive(number)
      ? fields.smallInteger(name, SKIPPED_CERTIFICATES_MAXIMUM, contextPrimitive(number))
      : undefined;
  const constraints = {
    requireExplicitPolicy: optional(0, 'requireExplicitPolicy'),
    inhibitPolicyMapping: optional(1, 'inhibitPolicyMapping'),
  };
  fields.finish();
  return constraints;
}
