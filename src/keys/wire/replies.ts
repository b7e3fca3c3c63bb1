import type { Bytes } from '../../core/bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import type { ByteReader } from '../../core/reader.ts';
import { ByteWriter } from '../../core/writer.ts';
import { bad, messageReader, named } from './bad-message.ts';

/** What the holder of the keys answers; `number` is that of the request. */
export type Reply =
  | { readonly reply: 'signed'; readonly number: number; readonly signature: Bytes }
  | { readonly reply: 'sealed'; readonly number: number; readonly ticket: Bytes }
  /** Null for what was not sealed here for that purpose, is too old, or was used before. */
  | { readonly reply: 'opened'; readonly number: number; readonly plaintext: Bytes | null }
  /** The EncodedClientHelloInner; null if it was not sealed for that key. */
  | { readonly reply: 'ech-opened'; readonly number: number; readonly encodedInner: Bytes | null }
  | { readonly reply: 'refused'; readonly number: number; readonly why: Refusal };

/**
 * Why the holder does not do what was asked well. What is asked badly has no reply: the channel ends.
 * `too-many`: more in a second than this client may. `unavailable`: a key or a device that should be there is not. `too-large`: what
 * would come out does not fit into its field.
 */
export type Refusal = keyof typeof REFUSAL;

const KIND = { 'signed': 0x81, 'sealed': 0x82, 'opened': 0x83, 'ech-opened': 0x84, 'refused': 0xff } as const;
const REFUSAL = { 'too-many': 1, 'unavailable': 2, 'too-large': 3 } as const;

/** @throws RangeError for what has no place in its field */
export function encodeReply(reply: Reply): Bytes {
  const writer = new ByteWriter().u8(KIND[reply.reply]).u32(reply.number);
  switch (reply.reply) {
    case 'signed':
      writer.vector16(reply.signature);
      break;
    case 'sealed':
      writer.vector16(reply.ticket);
      break;
    case 'opened':
      writeOptional(writer, reply.plaintext);
      break;
    case 'ech-opened':
      writeOptional(writer, reply.encodedInner);
      break;
    case 'refused':
      writer.u8(REFUSAL[reply.why]);
  }
  return writer.finishSecret();
}

/** Views into `message`. @throws BadMessage for anything that {@link encodeReply} does not write */
export function decodeReply(message: Bytes): Reply {
  if (message.length > LIMITS.keyMessageBytes) bad('its length');
  const reader = messageReader(message);
  const kind = named(KIND, reader.u8(), 'its kind');
  const reply = readBody(kind, reader.u32(), reader);
  reader.end();
  return reply;
}

function readBody(kind: Reply['reply'], number: number, reader: ByteReader): Reply {
  switch (kind) {
    case 'signed':
      return { reply: kind, number, signature: reader.vector16() };
    case 'sealed':
      return { reply: kind, number, ticket: reader.vector16() };
    case 'opened':
      return { reply: kind, number, plaintext: readOptional(reader) };
    case 'ech-opened':
      return { reply: kind, number, encodedInner: readOptional(reader) };
    case 'refused':
      return { reply: kind, number, why: named(REFUSAL, reader.u8(), 'the refusal') };
  }
}

function writeOptional(writer: ByteWriter, bytes: Bytes | null): void {
  if (bytes === null) writer.u8(0);
  else writer.u8(1).vector16(bytes);
}

function readOptional(reader: ByteReader): Bytes | null {
  const there = reader.u8();
  if (there > 1) bad('whether there is something');
  return there === 0 ? null : reader.vector16();
}
