import type { Bytes } from '../core/bytes.ts';
import { latin1 } from '../core/bytes.ts';
import { TlsError } from '../core/failures.ts';
import type { Budget } from './budget.ts';
import type { Certificate } from './certificate.ts';
import { attributes, comparableRelativeNames, EMAIL_ADDRESS, isEmptyName } from './distinguished-name.ts';
import type { NameConstraints } from './extensions.ts';
import type { GeneralName, GeneralNameKind } from './general-names.ts';
import { formatGeneralName, isDnsName } from './names.ts';

/**
 * RFC 5280 section 4.2.1.10, for one certificate below a CA with constraints. Every name that the certificate claims counts, not
 * only the one that we asked for; a name of a kind that is constrained and that we cannot compare is refused.
 * @throws TlsError `certificate-name-constraint`; the detail goes on from the name of the certificate
 */
export function checkNameConstraints(constraints: NameConstraints, certificate: Certificate, budget: Budget): void {
  const names = constrainedNames(certificate);
  budget.compareNames(names.length + constraints.permitted.length + constraints.excluded.length);
  for (const kind of new Set(names.map((name) => name.kind))) {
    const [claimed, permitted, excluded] = [names, constraints.permitted, constraints.excluded].map((list) =>
      list.filter((name) => name.kind === kind),
    ) as [GeneralName[], GeneralName[], GeneralName[]];
    const bases = permitted.length + excluded.length;
    if (bases === 0) continue;
    budget.compareNames(claimed.length * bases + weight(claimed) + weight(permitted) + weight(excluded));
    const compare = COMPARISONS[kind];
    if (compare === undefined) refuse(`has a name of a kind (${kind}) that is constrained and that we cannot compare`);
    else compare(claimed, permitted, excluded);
  }
}

/** To read a name costs as much as to compare one for each of these bytes, and a sender can make it as long as a certificate. */
const BYTES_PER_COMPARISON = 16;

function weight(names: readonly GeneralName[]): number {
  return names.reduce((total, { bytes }) => total + Math.floor(bytes.length / BYTES_PER_COMPARISON), 0);
}

/** How names of one kind compare with bases of subtrees. Readers throw for what is malformed: it is neither inside nor outside. */
interface Comparison<Name, Base> {
  readonly readName: (bytes: Bytes) => Name;
  readonly readBase: (bytes: Bytes) => Base;
  /** All hosts or mailboxes that the name stands for lie in the subtree. */
  readonly within: (name: Name, base: Base) => boolean;
  /** Some of them do; where a name stands for one thing, the same. */
  readonly touches: (name: Name, base: Base) => boolean;
}

/** Each name and base is read once, as there may be a hundred of either. */
function comparing<Name, Base>({ readName, readBase, within, touches }: Comparison<Name, Base>) {
  return (names: readonly GeneralName[], permitted: readonly GeneralName[], excluded: readonly GeneralName[]): void => {
    const [inside, outside] = [permitted, excluded].map((bases) => bases.map(({ bytes }) => readBase(bytes))) as [
      Base[],
      Base[],
    ];
    for (const general of names) {
      const name = readName(general.bytes);
      if (inside.length > 0 && !inside.some((base) => within(name, base)))
        refuse(`has the name ${formatGeneralName(general)}, which is not among those permitted`);
      if (outside.some((base) => touches(name, base)))
        refuse(`has the name ${formatGeneralName(general)}, which is excluded`);
    }
  };
}

const COMPARISONS: Readonly<Partial<Record<GeneralNameKind, ReturnType<typeof comparing>>>> = {
  dns: comparing({ readName: readDnsName, readBase: readDnsBase, within: isWithinDns, touches: touchesDns }),
  ip: comparing({ readName: readAddress, readBase: readNetwork, within: isInNetwork, touches: isInNetwork }),
  email: comparing({
    readName: readMailbox,
    readBase: readMailboxBase,
    within: isWithinMailbox,
    touches: isWithinMailbox,
  }),
  uri: comparing({ readName: readUriHost, readBase: readHostBase, within: isWithinHost, touches: isWithinHost }),
  directory: comparing({
    readName: comparableRelativeNames,
    readBase: comparableRelativeNames,
    within: beginsWith,
    touches: beginsWith,
  }),
};

/** The subject counts as a directory name, and its emailAddress where subjectAltName has no mailbox. */
function constrainedNames({ extensions, subject }: Certificate): GeneralName[] {
  const names = [...(extensions.subjectAltName ?? [])];
  if (isEmptyName(subject)) return names;
  if (!names.some(({ kind }) => kind === 'email')) {
    for (const { type, value } of attributes(subject))
      if (type === EMAIL_ADDRESS) names.push({ kind: 'email', bytes: value });
  }
  names.push({ kind: 'directory', bytes: subject });
  return names;
}

/** `parent`: what follows `*.`, for a wildcard. */
function readDnsName(bytes: Bytes): { readonly name: string; readonly parent: string | undefined } {
  const name = lower(bytes);
  const parent = name.startsWith('*.') ? name.slice(2) : undefined;
  if (!isDnsName(parent ?? name, 'no-wildcard')) malformed('dns', bytes);
  return { name, parent };
}

/** No leading period: RFC 5280 has that form for the hosts of URIs and mailboxes only. */
function readDnsBase(bytes: Bytes): string {
  const base = lower(bytes);
  if (base !== '' && !isDnsName(base, 'no-wildcard'))
    refuse(`falls under the constraint "${shown(bytes)}", which is not a domain name`);
  return base;
}

function isWithinDns({ name, parent = name }: ReturnType<typeof readDnsName>, base: string): boolean {
  return base === '' || parent === base || parent.endsWith(`.${base}`);
}

/** *.example.com stands for bar.example.com too (CVE-2025-61727). */
function touchesDns(name: ReturnType<typeof readDnsName>, base: string): boolean {
  return isWithinDns(name, base) || (name.parent !== undefined && base.slice(base.indexOf('.') + 1) === name.parent);
}

function readAddress(bytes: Bytes): Bytes {
  return bytes.length === 4 || bytes.length === 16 ? bytes : malformed('ip', bytes);
}

/** Address and mask. */
function readNetwork(bytes: Bytes): Bytes {
  if ((bytes.length !== 8 && bytes.length !== 32) || !isPrefixMask(bytes.subarray(bytes.length / 2)))
    refuse('falls under a constraint on addresses that is not a network');
  return bytes;
}

function isInNetwork(name: Bytes, network: Bytes): boolean {
  if (network.length !== 2 * name.length) return false;
  for (let index = 0; index < name.length; index++) {
    const difference = (name[index] as number) ^ (network[index] as number);
    if ((difference & (network[name.length + index] as number)) !== 0) return false;
  }
  return true;
}

interface Mailbox {
  readonly local: string;
  readonly host: string;
}

function readMailbox(bytes: Bytes): Mailbox {
  return parseMailbox(bytes) ?? malformed('email', bytes);
}

/** One mailbox, all mailboxes at one host, or, after a period, at all hosts in a domain. */
function readMailboxBase(bytes: Bytes): Mailbox | string {
  if (!latin1(bytes).includes('@')) return readHostBase(bytes);
  return parseMailbox(bytes) ?? refuse(`falls under the constraint "${shown(bytes)}", which is not a mailbox`);
}

function isWithinMailbox(name: Mailbox, base: Mailbox | string): boolean {
  if (typeof base === 'string') return isWithinHost(name.host, base);
  return name.local === base.local && name.host === base.host;
}

/** RFC 5280: a URI without a host, or with an address in its place, MUST be rejected. */
function readUriHost(bytes: Bytes): string {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(latin1(bytes))?.[1];
  const host = authority?.replace(/^.*@/, '').replace(/:\d*$/, '').toLowerCase();
  return host !== undefined && isDnsName(host, 'no-wildcard') ? host : malformed('uri', bytes);
}

/** A host, or after a period all hosts in a domain, or empty for all. */
function readHostBase(bytes: Bytes): string {
  const base = lower(bytes);
  if (base !== '' && !isDnsName(base.startsWith('.') ? base.slice(1) : base, 'no-wildcard'))
    refuse(`falls under the constraint "${shown(bytes)}", which is not a host`);
  return base;
}

function isWithinHost(host: string, base: string): boolean {
  return base === '' || (base.startsWith('.') ? host.endsWith(base) : host === base);
}

function beginsWith(name: readonly string[], base: readonly string[]): boolean {
  return base.every((part, index) => name[index] === part);
}

function isPrefixMask(mask: Bytes): boolean {
  let ended = false;
  for (const byte of mask) {
    if (ended && byte !== 0) return false;
    const inverted = ~byte & 0xff;
    if ((inverted & (inverted + 1)) !== 0) return false;
    ended ||= byte !== 0xff;
  }
  return true;
}

function parseMailbox(bytes: Bytes): Mailbox | undefined {
  const parts = latin1(bytes).split('@');
  const [local, host] = [parts[0] as string, parts[1]?.toLowerCase()];
  if (parts.length !== 2 || local === '' || host === undefined || !isDnsName(host, 'no-wildcard')) return undefined;
  return { local, host };
}

function lower(bytes: Bytes): string {
  return latin1(bytes).toLowerCase();
}

function shown(bytes: Bytes): string {
  return formatGeneralName({ kind: 'dns', bytes }).slice(4);
}

function malformed(kind: GeneralNameKind, bytes: Bytes): never {
  return refuse(`has the malformed name ${formatGeneralName({ kind, bytes })}, to which constraints apply`);
}

function refuse(what: string): never {
  throw new TlsError('certificate-name-constraint', what);
}
