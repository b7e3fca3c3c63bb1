import type { Bytes } from '../core/bytes.ts';
import { equal, hex, latin1 } from '../core/bytes.ts';
import { TlsError } from '../core/failures.ts';
import { formatIpAddress } from '../core/ip-address.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { Certificate } from './certificate.ts';
import { completeName, visible } from './distinguished-name.ts';
import type { GeneralName } from './general-names.ts';
import { InvalidIdentifier, isDnsName, parseReferenceIdentifier, parseSpkiDigest } from './names.ts';

/** One thing that makes a client welcome, once its chain is verified. */
export type ClientRule =
  | { readonly type: 'any' } // whoever has a certificate from a trusted CA
  | { readonly type: 'ca'; readonly digest: Bytes } // SHA-256 of the SubjectPublicKeyInfo of a CA that its path goes through
  | { readonly type: 'dns'; readonly pattern: string } // lower case; `*.` in front: all names below
  | { readonly type: 'email'; readonly pattern: string } // `*` for the local part: all mailboxes at that host
  | { readonly type: 'uri'; readonly pattern: string } // `/*` at its end: all below that path
  | { readonly type: 'ip'; readonly address: Bytes }
  | { readonly type: 'spki-sha256'; readonly digest: Bytes } // of its own key
  | { readonly type: 'subject'; readonly name: string }; // as `completeName` has it

/** Which clients a server wants: without a rule, none. */
export interface Welcome {
  /** `all`: each of the rules must hold. */
  readonly match: 'any' | 'all';
  readonly rules: readonly ClientRule[];
}

/**
 * Decides whether the client whose path this is (leaf first, trust anchor last) is welcome.
 * @returns the rules that hold
 * @throws TlsError `certificate-not-welcome`; the detail goes on from the name of the certificate
 */
export function checkWelcome(
  path: readonly [Certificate, ...Certificate[]],
  { match, rules }: Welcome,
  crypto: Pick<CryptoProvider, 'hash'>,
): readonly ClientRule[] {
  if (rules.length === 0)
    throw new TlsError('certificate-not-welcome', 'is not welcome: nobody is, as no rule says who');
  const holding = rules.filter((rule) => holds(rule, path, crypto));
  if (match === 'any' && holding.length > 0) return holding;
  const failing = rules.filter((rule) => !holding.includes(rule));
  if (failing.length === 0) return holding;
  const wanted = failing
    .slice(0, SHOWN)
    .map(formatClientRule)
    .join(match === 'any' ? ' or ' : ' and ');
  const more = failing.length > SHOWN ? ` and ${failing.length - SHOWN} more` : '';
  throw new TlsError('certificate-not-welcome', `is verified, and not welcome: it is not ${wanted}${more}`);
}

/**
 * `any`, `ca:spki-sha256:DIGEST`, `dns:NAME`, `dns:*.NAME`, `email:MAILBOX`, `email:*@HOST`, `uri:URI`, `uri:URI/*`, `ip:ADDRESS`,
 * `spki-sha256:DIGEST`, `subject:NAME` (RFC 4514, most specific part first).
 * @throws InvalidIdentifier
 */
export function parseClientRule(text: string, toAscii: (name: string) => string): ClientRule {
  if (text === 'any') return { type: 'any' };
  const [, type = '', value = ''] = /^([a-z0-9-]+):(.*)$/s.exec(text) ?? [];
  switch (type) {
    case 'ca':
      if (value.startsWith('spki-sha256:'))
        return { type, digest: parseSpkiDigest(value.slice('spki-sha256:'.length)) };
      break;
    case 'spki-sha256':
      return { type, digest: parseSpkiDigest(value) };
    case 'subject':
      if (value !== '') return { type, name: value };
      break;
    case 'dns':
    case 'email':
      return { type, pattern: parsePattern(type, value, toAscii) };
    case 'uri': {
      const isPrefix = value.endsWith('/*');
      const uri = isPrefix ? value.slice(0, -1) : value;
      if (!/^[a-z][a-z0-9+.-]*:[\x21-\x29\x2b-\x7e]+$/.test(uri)) break;
      return { type, pattern: value };
    }
    case 'ip': {
      const reference = parseReferenceIdentifier(text, toAscii);
      if (reference.type === 'ip') return reference;
    }
  }
  throw new InvalidIdentifier(`"${visible(text)}" says of no client whether it is welcome: ${FORMS}`);
}

/** In the form of {@link parseClientRule}. */
export function formatClientRule(rule: ClientRule): string {
  switch (rule.type) {
    case 'any':
      return 'any';
    case 'ca':
      return `ca:spki-sha256:${hex(rule.digest)}`;
    case 'spki-sha256':
      return `spki-sha256:${hex(rule.digest)}`;
    case 'ip':
      return `ip:${formatIpAddress(rule.address)}`;
    case 'subject':
      return `subject:${visible(rule.name)}`;
    default:
      return `${rule.type}:${visible(rule.pattern)}`;
  }
}

const SHOWN = 5;
const FORMS =
  'any, ca:spki-sha256:DIGEST, dns:NAME, dns:*.NAME, email:MAILBOX, email:*@HOST, uri:URI, uri:URI/*, ip:ADDRESS, spki-sha256:DIGEST, subject:NAME';

function holds(
  rule: ClientRule,
  [leaf, ...authorities]: readonly [Certificate, ...Certificate[]],
  crypto: Pick<CryptoProvider, 'hash'>,
): boolean {
  const has = (digest: Bytes, { spki }: Certificate): boolean => equal(digest, crypto.hash('sha256', spki));
  switch (rule.type) {
    case 'any':
      return true;
    case 'ca':
      return authorities.some((authority) => has(rule.digest, authority));
    case 'spki-sha256':
      return has(rule.digest, leaf);
    case 'subject':
      return completeName(leaf.subject) === rule.name;
    default:
      return (leaf.extensions.subjectAltName ?? []).some((name) => fits(name, rule));
  }
}

function fits(
  { kind, bytes }: GeneralName,
  rule: Extract<ClientRule, { type: 'dns' | 'email' | 'uri' | 'ip' }>,
): boolean {
  if (kind !== rule.type) return false;
  if (rule.type === 'ip') return equal(bytes, rule.address);
  const name = latin1(bytes);
  switch (rule.type) {
    case 'dns':
      return fitsDns(name.toLowerCase(), rule.pattern);
    case 'email':
      return fitsMailbox(name, rule.pattern);
    case 'uri':
      return rule.pattern.endsWith('/*') ? isBelow(name, rule.pattern.slice(0, -1)) : name === rule.pattern;
  }
}

/** What the client claims is a name and not a pattern: a wildcard of its own fits nothing. */
function fitsDns(name: string, pattern: string): boolean {
  if (!isDnsName(name, 'no-wildcard')) return false;
  return pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) : name === pattern;
}

function fitsMailbox(name: string, pattern: string): boolean {
  const at = name.lastIndexOf('@');
  const host = name.slice(at).toLowerCase();
  if (at < 1 || name.indexOf('@') !== at) return false;
  return pattern.startsWith('*@') ? host === pattern.slice(1) : name.slice(0, at) + host === pattern;
}

/** Nothing that a reader of paths could take for a step upwards: dots, escapes, empty segments, queries. */
function isBelow(uri: string, prefix: string): boolean {
  if (!uri.startsWith(prefix)) return false;
  const segments = uri.slice(prefix.length).split('/');
  return segments.every((segment) => /^[A-Za-z0-9._~!$&'()*+,;=:@-]+$/.test(segment) && !/^\.+$/.test(segment));
}

/** Written like a reference, but for the star. */
function parsePattern(type: 'dns' | 'email', text: string, toAscii: (name: string) => string): string {
  const star = type === 'dns' ? '*.' : '*@';
  if (!text.startsWith(star)) return nameOf(parseReferenceIdentifier(`${type}:${text}`, toAscii));
  return star + nameOf(parseReferenceIdentifier(`dns:${text.slice(2)}`, toAscii));
}

function nameOf(reference: ReturnType<typeof parseReferenceIdentifier>): string {
  if (reference.type === 'dns') return reference.name;
  return reference.type === 'email' ? reference.mailbox : '';
}
