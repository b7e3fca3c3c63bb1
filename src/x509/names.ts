import type { Bytes } from '../core/bytes.ts';
import { equal, hex, latin1 } from '../core/bytes.ts';
import { formatIpAddress, parseIpAddress } from '../core/ip-address.ts';
import { contextConstructed, DerError, DerReader, TAG } from './der.ts';
import { visible } from './distinguished-name.ts';
import type { GeneralName } from './general-names.ts';

/** RFC 9525 reference identifiers: what the caller means by "the right peer", fixed before the handshake. */
export type ReferenceIdentifier =
  | { readonly type: 'dns'; readonly name: string } // lower-case A-labels, no final dot
  | { readonly type: 'ip'; readonly address: Bytes } // 4 or 16 bytes
  | { readonly type: 'email'; readonly mailbox: string } // local-part@host, the host in lower case
  | { readonly type: 'srv'; readonly name: string } // _service.host, lower case
  | { readonly type: 'uri'; readonly uri: string } // scheme and host in lower case
  | { readonly type: 'spki-sha256'; readonly digest: Bytes }; // 32 bytes

/** The text is not a name of the kind that it should be; the message says why, for the person who typed it. */
export class InvalidIdentifier extends Error {
  override readonly name = 'InvalidIdentifier';
}

/** UTS 46 ToASCII, of the platform; the empty string for what has no A-labels. */
export type ToAscii = (name: string) => string;

/**
 * The value of `--name`: `dns:NAME`, `ip:ADDRESS`, `email:MAILBOX`, `srv:_SERVICE.NAME`, `uri:URI`, or `spki-sha256:DIGEST`. Without a
 * prefix, a host.
 * @throws InvalidIdentifier
 */
export function parseReferenceIdentifier(text: string, toAscii: ToAscii): ReferenceIdentifier {
  const colon = text.indexOf(':');
  const value = text.slice(colon + 1);
  switch (colon === -1 ? '' : text.slice(0, colon)) {
    case 'dns':
      return { type: 'dns', name: normaliseDnsName(value, toAscii) };
    case 'ip':
      return { type: 'ip', address: parseAddress(value) ?? invalid(`${quoted(value)} is not an IP address`) };
    case 'email':
      return { type: 'email', mailbox: normaliseMailbox(value, toAscii) };
    case 'srv':
      return { type: 'srv', name: normaliseService(value, toAscii) };
    case 'uri':
      return { type: 'uri', uri: normaliseUri(value, toAscii) };
    case 'spki-sha256':
      return { type: 'spki-sha256', digest: parseSpkiDigest(value) };
    default:
      if (colon > 0 && parseAddress(text) === undefined)
        invalid(
          `${quoted(text)} is none of dns:NAME, ip:ADDRESS, email:MAILBOX, srv:_SERVICE.NAME, uri:URI, spki-sha256:DIGEST`,
        );
      return hostReference(text, toAscii);
  }
}

/** What a user typed as the host to connect to: an address (IPv6 with or without brackets, a zone is dropped) or a name. @throws InvalidIdentifier */
export function hostReference(host: string, toAscii: ToAscii): ReferenceIdentifier {
  const address = parseAddress(host.replace(/%[^\]]*/, ''));
  return address === undefined ? { type: 'dns', name: normaliseDnsName(host, toAscii) } : { type: 'ip', address };
}

/** In the form of `--name`. */
export function formatReference(reference: ReferenceIdentifier): string {
  switch (reference.type) {
    case 'dns':
      return `dns:${reference.name}`;
    case 'ip':
      return `ip:${formatIpAddress(reference.address)}`;
    case 'email':
      return `email:${reference.mailbox}`;
    case 'srv':
      return `srv:${reference.name}`;
    case 'uri':
      return `uri:${reference.uri}`;
    case 'spki-sha256':
      return `spki-sha256:${hex(reference.digest)}`;
  }
}

/** Whether the certificate's name is that of `reference`. The common name is never looked at (RFC 9525 section 2). */
export function matches(presented: GeneralName, reference: ReferenceIdentifier): boolean {
  switch (reference.type) {
    case 'dns':
      return presented.kind === 'dns' && matchesDns(presented.bytes, reference.name);
    case 'ip':
      return presented.kind === 'ip' && equal(presented.bytes, reference.address);
    case 'email':
      return presented.kind === 'email' && matchesMailbox(latin1(presented.bytes), reference.mailbox);
    case 'srv':
      return presented.kind === 'other' && matchesService(presented.bytes, reference.name);
    case 'uri':
      return presented.kind === 'uri' && matchesUri(latin1(presented.bytes), reference.uri);
    case 'spki-sha256':
      return false;
  }
}

/**
 * A domain name as certificates may have it: labels of letters, digits, hyphens and, outside of the public profile, underscores.
 * `wildcard`: its first label is `*`, with at least two more behind it, so that it stays below one registered suffix.
 */
export function isDnsName(text: string, wildcard: 'wildcard-allowed' | 'no-wildcard'): boolean {
  if (text.length > 253) return false;
  const isWildcard = wildcard === 'wildcard-allowed' && text.startsWith('*.');
  const labels = (isWildcard ? text.slice(2) : text).split('.');
  if (isWildcard && labels.length < 2) return false;
  // RFC 3696 section 2: no top-level domain is all digits, so what ends in one is meant as an address.
  return labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) as string);
}

/** Names for people, in the form of `--name`; what is not fit for a terminal is escaped, and what is too long for one is cut off. */
export function formatGeneralName({ kind, bytes }: GeneralName): string {
  if (kind === 'ip')
    return `ip:${bytes.length === 4 || bytes.length === 16 ? formatIpAddress(bytes) : visible(hex(bytes))}`;
  if (kind === 'dns' || kind === 'email' || kind === 'uri') return `${kind}:${visible(latin1(bytes))}`;
  return kind;
}

const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i;

/** RFC 9525 section 6.3. `reference` is in lower case. */
function matchesDns(presented: Bytes, reference: string): boolean {
  const text = latin1(presented).toLowerCase();
  if (text === reference) return isDnsName(text, 'no-wildcard');
  if (!text.startsWith('*.')) return false;
  const dot = reference.indexOf('.');
  return dot !== -1 && text.slice(1) === reference.slice(dot) && isDnsName(text, 'wildcard-allowed');
}

/** RFC 5280 section 7.5: the local part exactly, the host without regard to case. */
function matchesMailbox(presented: string, reference: string): boolean {
  const at = presented.lastIndexOf('@');
  return presented.slice(0, at) + presented.slice(at).toLowerCase() === reference;
}

/** RFC 4985: `_service.name` in an otherName; no wildcard. What is no such value is no such name. */
function matchesService(presented: Bytes, reference: string): boolean {
  try {
    const other = DerReader.whole(presented, contextConstructed(0), 'otherName');
    if (other.oid('type-id') !== ID_ON_DNS_SRV) return false;
    const value = other.enter(contextConstructed(0), 'value');
    const name = latin1(value.contents(TAG.ia5String, 'SRVName'));
    value.finish();
    other.finish();
    return name.toLowerCase() === reference;
  } catch (error) {
    if (error instanceof DerError) return false;
    throw error;
  }
}

const ID_ON_DNS_SRV = '2b06010505070807';

/**
 * RFC 9525 section 6.5: scheme and host, where the reference has nothing else; the presented one may have more. A reference with
 * a path stands for just that URI, as those who put names into paths (SPIFFE) mean it.
 */
function matchesUri(presented: string, reference: string): boolean {
  const [own, wanted] = [splitUri(presented), splitUri(reference)];
  if (own === undefined || wanted === undefined) return false;
  if (wanted.rest === '') return own.scheme === wanted.scheme && own.host === wanted.host;
  const origin = presented.slice(0, presented.length - own.rest.length).toLowerCase();
  return own.rest === wanted.rest && origin === reference.slice(0, reference.length - wanted.rest.length);
}

/** RFC 3986: with `//` or, as in `sip:`, without; neither user nor port say who it is. */
function splitUri(uri: string): { scheme: string; host: string; rest: string } | undefined {
  const [, scheme, host, rest] =
    /^([a-z][a-z0-9+.-]*):(?:\/\/)?(?:[^/?#@]*@)?([^/?#@:]+)(?::\d*)?([/?#].*)?$/is.exec(uri) ?? [];
  if (scheme === undefined || host === undefined || !isDnsName(host, 'no-wildcard')) return undefined;
  return { scheme: scheme.toLowerCase(), host: host.toLowerCase(), rest: rest ?? '' };
}

function normaliseService(text: string, toAscii: ToAscii): string {
  const [, service, name] = /^(_[a-z0-9-]{1,62})\.(.+)$/i.exec(text) ?? [];
  if (service === undefined || name === undefined) return invalid(`${quoted(text)} is not of the form _SERVICE.NAME`);
  return `${service.toLowerCase()}.${normaliseDnsName(name, toAscii)}`;
}

function normaliseUri(text: string, toAscii: ToAscii): string {
  const [, scheme, slashes, host, rest] =
    /^([a-z][a-z0-9+.-]*):(\/\/)?([^/?#@:]+)([/?#][\x21-\x7e]*)?$/i.exec(text) ?? [];
  if (scheme === undefined || host === undefined)
    return invalid(`${quoted(text)} is not of the form SCHEME://HOST or SCHEME://HOST/PATH`);
  return `${scheme.toLowerCase()}:${slashes ?? ''}${normaliseDnsName(host, toAscii)}${rest ?? ''}`;
}

function normaliseDnsName(name: string, toAscii: ToAscii): string {
  const absolute = name.endsWith('.') ? name.slice(0, -1) : name;
  const ascii = /^[\x21-\x7e]*$/.test(absolute) ? absolute.toLowerCase() : toAscii(absolute);
  if (!isDnsName(ascii, 'no-wildcard')) invalid(`${quoted(name)} is not a host name`);
  return ascii;
}

function normaliseMailbox(mailbox: string, toAscii: ToAscii): string {
  const at = mailbox.lastIndexOf('@');
  if (at < 1 || !/^[\x21-\x3f\x41-\x7e]+$/.test(mailbox.slice(0, at))) invalid(`${quoted(mailbox)} is not a mailbox`);
  return `${mailbox.slice(0, at)}@${normaliseDnsName(mailbox.slice(at + 1), toAscii)}`;
}

function parseAddress(text: string): Bytes | undefined {
  return parseIpAddress(text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text) ?? undefined;
}

/**
 * The SHA-256 of a SubjectPublicKeyInfo: 32 bytes in hexadecimal (64 digits, colons allowed between bytes) or base64 (44 characters), as
 * `openssl dgst` and HPKP tools print it.
 * @throws InvalidIdentifier
 */
export function parseSpkiDigest(text: string): Bytes {
  const digits = text.replaceAll(':', '');
  if (/^[0-9a-fA-F]{64}$/.test(digits))
    return Uint8Array.from({ length: 32 }, (_, index) => Number.parseInt(digits.slice(2 * index, 2 * index + 2), 16));
  // 32 bytes end on four bits that say nothing, and must be zero.
  if (/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(text)) return decodeBase64(text.slice(0, 43));
  return invalid(`${quoted(text)} is not a SHA-256 digest in hexadecimal or base64`);
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function decodeBase64(digits: string): Bytes {
  const bytes = new Uint8Array(Math.floor((digits.length * 6) / 8));
  for (let index = 0; index < bytes.length; index++) {
    const [first, shift] = [Math.floor((index * 8) / 6), (index * 8) % 6];
    const pair = (BASE64.indexOf(digits[first] as string) << 6) | BASE64.indexOf(digits[first + 1] as string);
    bytes[index] = pair >> (4 - shift);
  }
  return bytes;
}

function quoted(text: string): string {
  return `"${visible(text.length > 100 ? `${text.slice(0, 100)}…` : text)}"`;
}

function invalid(message: string): never {
  throw new InvalidIdentifier(message);
}
