import type { Bytes } from '../core/bytes.ts';
import { contextConstructed, contextPrimitive, type DerReader } from './der.ts';
import { readName } from './distinguished-name.ts';
import { isAscii } from './unicode.ts';

/** RFC 5280 section 4.2.1.6. `bytes`: IA5 characters of dns, email and uri; the address of ip; the encoding of all others. */
export interface GeneralName {
  readonly kind: GeneralNameKind;
  readonly bytes: Bytes;
}

/** The alternatives of the CHOICE; the first, fourth, sixth and last are never compared with anything. */
export type GeneralNameKind = 'other' | 'email' | 'dns' | 'x400' | 'directory' | 'edi' | 'uri' | 'ip' | 'registered-id';

/** One or more GeneralNames up to the end of `reader`; their alphabets are checked, their syntax is the matcher's business. */
export function readGeneralNames(reader: DerReader): GeneralName[] {
  const names: GeneralName[] = [];
  if (reader.empty) reader.fail('empty');
  while (!reader.empty) names.push(readGeneralName(reader));
  return names;
}

/** One GeneralName. @throws DerError */
export function readGeneralName(reader: DerReader): GeneralName {
  const at = reader.offset;
  const tag = reader.peekTag();
  switch (tag) {
    case DNS:
    case EMAIL:
    case URI: {
      const bytes = reader.contents(tag);
      if (!isAscii(bytes)) reader.fail('a character outside IA5', at);
      return { kind: tag === DNS ? 'dns' : tag === EMAIL ? 'email' : 'uri', bytes };
    }
    case IP:
      return { kind: 'ip', bytes: reader.contents(tag) };
    case DIRECTORY: {
      const explicit = reader.enter(tag);
      const bytes = readName(explicit, 'directoryName');
      explicit.finish();
      return { kind: 'directory', bytes };
    }
    case contextConstructed(0):
      return { kind: 'other', bytes: reader.any() };
    case contextConstructed(3):
      return { kind: 'x400', bytes: reader.any() };
    case contextConstructed(5):
      return { kind: 'edi', bytes: reader.any() };
    case contextPrimitive(8):
      return { kind: 'registered-id', bytes: reader.element(tag) };
    default:
      return reader.fail('not a general name', at);
  }
}

const EMAIL = contextPrimitive(1);
const DNS = contextPrimitive(2);
const DIRECTORY = contextConstructed(4);
const URI = contextPrimitive(6);
const IP = contextPrimitive(7);
