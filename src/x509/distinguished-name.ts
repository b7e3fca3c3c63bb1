import type { Bytes } from '../core/bytes.ts';
import { latin1 } from '../core/bytes.ts';
import { DerReader, dottedOid, TAG } from './der.ts';
import { decodeBmp, decodeUniversal, decodeUtf8, encodeUtf8, isAscii } from './unicode.ts';

/**
 * One attribute of an X.501 Name. Two names are the same only if their encodings are: RFC 5280 section 7.1 allows a looser comparison, but
 * section 4.1.2.4 has a CA write its own subject and its children's issuer alike, and every public one does.
 */
export interface Attribute {
  /** As {@link DerReader.oid} gives it. */
  readonly type: string;
  readonly tag: number;
  readonly value: Bytes;
}

/** Types of attributes, as {@link DerReader.oid} gives them. */
export const COMMON_NAME = '550403';
export const EMAIL_ADDRESS = '2a864886f70d010901';

/** Reads one Name, checking structure, order and the alphabets of its strings. @returns its encoding. */
export function readName(reader: DerReader, name: string): Bytes {
  const names = reader.enter(TAG.sequence, name);
  while (!names.empty) readRelativeName(names);
  return names.encoding;
}

/** An empty SEQUENCE. */
export function isEmptyName(name: Bytes): boolean {
  return name.length === 2;
}

/**
 * One string for each relative distinguished name, most general first, equal when RFC 5280 section 7.1 has the names equal:
 * whatever the string type, without regard to case and to how many spaces there are.
 */
export function comparableRelativeNames(name: Bytes): string[] {
  return relativeNames(name).map((part) => part.map(comparableAttribute).sort().join('+'));
}

/** All attributes of all relative distinguished names, most general first. @throws DerError */
export function attributes(name: Bytes): Attribute[] {
  return relativeNames(name).flat();
}

/**
 * RFC 4514, for people to read: the most specific part first, everything that is not plainly visible written as `\` and
 * hexadecimal digits, at most {@link DISPLAY_CHARACTERS} characters. Never throws: what is no Name is called malformed.
 */
export function formatName(name: Bytes): string {
  let parts: Attribute[][];
  try {
    parts = relativeNames(name);
  } catch {
    return '(malformed name)';
  }
  const text = formatParts(parts, visible);
  return text.length <= DISPLAY_CHARACTERS ? text : `${text.slice(0, DISPLAY_CHARACTERS)}…`;
}

/** The same of whatever length: to compare with, as no two names look alike but for the types of their values. @throws DerError */
export function completeName(name: Bytes): string {
  return formatParts(relativeNames(name), withoutInvisible);
}

function formatParts(parts: Attribute[][], show: (text: string) => string): string {
  return parts
    .reverse()
    .map((part) => part.map((attribute) => formatAttribute(attribute, show)).join('+'))
    .join(',');
}

/**
 * Text from a certificate, fit for a terminal: control, format and unassigned characters, and surrogates, as `\` and hexadecimal;
 * cut off after {@link DISPLAY_CHARACTERS}, as a message that fills the pipe of standard error would wait there for its reader.
 */
export function visible(text: string): string {
  if (text.length <= DISPLAY_CHARACTERS && isGraphic(text)) return text;
  let shown = '';
  for (const character of text) {
    if (shown.length >= DISPLAY_CHARACTERS) return `${shown}…`;
    shown += INVISIBLE.test(character) ? escaped(character) : character;
  }
  return shown;
}

/** ASCII that can be seen, which most text is: no need to compile the expression below. */
function isGraphic(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}

const DISPLAY_CHARACTERS = 300;
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/u;

const SHORT_NAMES: Readonly<Record<string, string>> = {
  '550403': 'CN',
  '550406': 'C',
  '550407': 'L',
  '550408': 'ST',
  '550409': 'STREET',
  '55040a': 'O',
  '55040b': 'OU',
  '0992268993f22c640119': 'DC',
  '0992268993f22c640101': 'UID',
};

function readRelativeName(names: DerReader): void {
  const set = names.enter(TAG.set);
  let previous: Bytes | undefined;
  if (set.empty) set.fail('empty');
  while (!set.empty) {
    const attribute = set.enter(TAG.sequence);
    attribute.oid('type');
    readAttributeValue(attribute);
    attribute.finish();
    const encoding = attribute.encoding;
    if (previous !== undefined && !inOrder(previous, encoding)) set.fail('set out of order');
    previous = encoding;
  }
}

function relativeNames(name: Bytes): Attribute[][] {
  const names = DerReader.whole(name, TAG.sequence, 'name');
  const parts: Attribute[][] = [];
  while (!names.empty) {
    const set = names.enter(TAG.set);
    const part: Attribute[] = [];
    while (!set.empty) {
      const attribute = set.enter(TAG.sequence);
      const type = attribute.oid('type');
      const tag = attribute.peekTag();
      part.push({ type, tag, value: attribute.contents(tag, 'value') });
      attribute.finish();
    }
    parts.push(part);
  }
  return parts;
}

/** X.690 section 11.6: ascending, the shorter one padded with zeros; equal values are not a set. */
function inOrder(a: Bytes, b: Bytes): boolean {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function readAttributeValue(attribute: DerReader): void {
  const at = attribute.offset;
  const tag = attribute.peekTag();
  const alphabet = ALPHABETS[tag];
  if (alphabet === undefined) {
    attribute.any('value');
    return;
  }
  if (!alphabet(attribute.contents(tag, 'value')))
    attribute.fail('characters that its string type does not have', at, 'value');
}

const ALPHABETS: Readonly<Record<number, (value: Bytes) => boolean>> = {
  [TAG.printableString]: isPrintable,
  [TAG.numericString]: (value) => value.every((byte) => byte === 0x20 || (byte >= 0x30 && byte <= 0x39)),
  [TAG.ia5String]: isAscii,
  [TAG.utf8String]: (value) => isAscii(value) || decodeUtf8(value) !== undefined,
  [TAG.bmpString]: (value) => decodeBmp(value) !== undefined,
  [TAG.universalString]: (value) => decodeUniversal(value) !== undefined,
};

/** X.680 table 10: letters, digits, space and '()+,-./:=? */
function isPrintable(value: Bytes): boolean {
  for (let index = 0; index < value.length; index++) if (PRINTABLE[value[index] as number] === 0) return false;
  return true;
}

const PRINTABLE = new Uint8Array(256);
for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?")
  PRINTABLE[character.charCodeAt(0)] = 1;

function comparableAttribute({ type, tag, value }: Attribute): string {
  const text = attributeText(tag, value);
  const folded = text?.normalize('NFKC').toLowerCase().trim().replace(/\s+/g, ' ');
  return `${type}=${folded === undefined ? `#${tag}.${value.join('.')}` : JSON.stringify(folded)}`;
}

function formatAttribute({ type, tag, value }: Attribute, show: (text: string) => string): string {
  const short = SHORT_NAMES[type];
  const text = attributeText(tag, value);
  if (text === undefined) return `${short ?? dottedOid(type)}=#${[...value].map(hexByte).join('')}`;
  return `${short ?? dottedOid(type)}=${show(escapeSpecial(text))}`;
}

function attributeText(tag: number, value: Bytes): string | undefined {
  switch (tag) {
    case TAG.utf8String:
      return decodeUtf8(value);
    case TAG.bmpString:
      return decodeBmp(value);
    case TAG.universalString:
      return decodeUniversal(value);
    case TAG.printableString:
    case TAG.ia5String:
    case TAG.numericString:
    case TAG.teletexString: // In practice Latin-1.
      return latin1(value);
    default:
      return undefined;
  }
}

/** RFC 4514 section 2.4. */
function escapeSpecial(text: string): string {
  return text.replace(/[",+;<>\\]/g, '\\$&').replace(/^[ #]| $/g, '\\$&');
}

function withoutInvisible(text: string): string {
  return [...text].map((character) => (INVISIBLE.test(character) ? escaped(character) : character)).join('');
}

function escaped(character: string): string {
  return encodeUtf8(character.codePointAt(0) as number)
    .map((byte) => `\\${hexByte(byte)}`)
    .join('');
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
