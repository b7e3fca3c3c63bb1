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
 * @throws TlsError `certificate-name-constraint`; the caller says which certificates these are
 */
export function checkNameConstraints(constraints: NameConstraints, certificate: Certificate, budget: Budget): void {
  const names = constrainedNames(certificate);
  const kinds = new Set(names.map(({ kind }) => kind));
  budget.compareNames(names.length + constraints.permitted.length + constraints.excluded.length);
  for (const kind of kinds) {
    const permitted = constraints.permitted.filter((base) => base.kind === kind);
    const excluded = constraints.excluded.filter((base) => base.kind === kind);
    if (permitted.length + excluded.length === 0) continue;
    const compare = COMPARISONS[kind];
    if (compare === undefined)
      throw refusal(`has a name of a kind (${kind}) that is constrained and that we cannot compare`);
    for (const name of names) {
      if (name.kind !== kind) continue;
      budget.compareNames(permitted.length + excluded.length);
      if (permitted.length > 0 && !permitted.some((base) => compare(name.bytes, base.bytes, 'within')))
        refuse(`has the name ${formatGeneralName(name)}, which is not among those permitted`);
      if (excluded.some((base) => compare(name.bytes, base.bytes, 'touches')))
        refuse(`has the name ${formatGeneralName(name)}, which is excluded`);
    }
  }
}

/**
 * `within`: every host or mailbox that `name` stands for lies in the subtree of `base`. `touches`: any of them does. They differ
 * for wildcards. Names and bases that are malformed throw: what cannot be compared is neither inside nor outside.
 */
type Comparison = (name: Bytes, base: Bytes, question: 'within' | 'touches') => boolean;

const COMPARISONS: Readonly<Partial<Record<GeneralNameKind, Comparison>>> = {
  dns: compareDns,
  ip: compareIp,
  email: compareEmail,
  uri: compareUri,
  directory: compareDirectory,
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

function compareDns(nameBytes: Bytes, baseBytes: Bytes, question: 'within' | 'touches'): boolean {
  const name = lower(nameBytes);
  const base = lower(baseBytes);
  if (base === '') return true;
  // No leading period either: RFC 5280 has that form for hosts of URIs and mailboxes only.
  if (!isDnsName(base, 'no-wildcard'))
    refuse(`falls under the constraint "${shown(baseBytes)}", which is not a domain name`);
  if (name.startsWith('*.')) {
    const parent = name.slice(2);
    if (!isDnsName(parent, 'no-wildcard')) malformed('dns', nameBytes);
    if (isSubdomain(parent, base)) return true;
    // *.example.com stands for bar.example.com too (CVE-2025-61727).
    return question === 'touches' && base.slice(base.indexOf('.') + 1) === parent;
  }
  if (!isDnsName(name, 'no-wildcard')) malformed('dns', nameBytes);
  return isSubdomain(name, base);
}

/** Address and mask, of the same family as the name. */
function compareIp(name: Bytes, base: Bytes): boolean {
  if (name.length !== 4 && name.length !== 16) malformed('ip', name);
  if ((base.length !== 8 && base.length !== 32) || !isPrefixMask(base.subarray(base.length / 2)))
    refuse('falls under a constraint on addresses that is not a network');
  if (base.length !== 2 * name.length) return false;
  for (let index = 0; index < name.length; index++) {
    const difference = (name[index] as number) ^ (base[index] as number);
    if ((difference & (base[name.length + index] as number)) !== 0) return false;
  }
  return true;
}

/** A base is one mailbox, all mailboxes at one host, or, after a period, at all hosts in a domain. */
function compareEmail(nameBytes: Bytes, baseBytes: Bytes): boolean {
  const name = parseMailbox(nameBytes) ?? malformed('email', nameBytes);
  const base = latin1(baseBytes);
  if (base === '') return true;
  if (!base.includes('@')) return isHostWithin(name.host, base.toLowerCase(), baseBytes);
  const mailbox =
    parseMailbox(baseBytes) ?? refuse(`falls under the constraint "${shown(baseBytes)}", which is not a mailbox`);
  return name.local === mailbox.local && name.host === mailbox.host;
}

function compareUri(nameBytes: Bytes, baseBytes: Bytes): boolean {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(latin1(nameBytes))?.[1];
  const host = authority?.replace(/^.*@/, '').replace(/:\d*$/, '').toLowerCase();
  // RFC 5280: without a host, or with an address in its place, it MUST be rejected.
  if (host === undefined || !isDnsName(host, 'no-wildcard')) return malformed('uri', nameBytes);
  const base = lower(baseBytes);
  return base === '' || isHostWithin(host, base, baseBytes);
}

/** The base's relative names begin the name's. */
function compareDirectory(name: Bytes, base: Bytes): boolean {
  const [parts, wanted] = [comparableRelativeNames(name), comparableRelativeNames(base)];
  return wanted.every((part, index) => parts[index] === part);
}

function isHostWithin(host: string, base: string, baseBytes: Bytes): boolean {
  const domain = base.startsWith('.') ? base.slice(1) : base;
  if (!isDnsName(domain, 'no-wildcard'))
    refuse(`falls under the constraint "${shown(baseBytes)}", which is not a host`);
  return base.startsWith('.') ? host.endsWith(base) : host === base;
}

function isSubdomain(name: string, base: string): boolean {
  return name === base || name.endsWith(`.${base}`);
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

function parseMailbox(bytes: Bytes): { local: string; host: string } | undefined {
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
  throw refusal(what);
}

function refusal(what: string): TlsError {
  return new TlsError('certificate-name-constraint', what);
}
