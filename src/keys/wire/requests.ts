import { ascii, type Bytes, latin1 } from '../../core/bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import type { ByteReader } from '../../core/reader.ts';
import { ByteWriter } from '../../core/writer.ts';
import { HPKE_AEADS, type HpkeAead, hpkeAeadByCodePoint } from '../../crypto/hpke.ts';
import type { SignatureScheme } from '../../crypto/provider.ts';
import { SIGNATURE_SCHEMES, signatureSchemeByCodePoint } from '../../crypto/signature-schemes.ts';
import type { SignedContent } from '../../crypto/signed-content.ts';
import { bad, messageReader, named } from './bad-message.ts';

/** What a session process asks the holder of the keys. `number` is its own, and comes back in the reply. */
export type Request =
  | {
      readonly request: 'sign';
      readonly number: number;
      /** Larger than in all requests to sign before, on this channel: below 2^53. */
      readonly handshake: number;
      readonly key: string;
      readonly scheme: SignatureScheme;
      readonly content: SignedContent;
    }
  | {
      readonly request: 'seal-ticket';
      readonly number: number;
      readonly purpose: SealedPurpose;
      readonly plaintext: Bytes;
    }
  | {
      readonly request: 'open-ticket';
      readonly number: number;
      readonly purpose: SealedPurpose;
      readonly ticket: Bytes;
    }
  /** RFC 9849: as the engine's effect of that name. */
  | {
      readonly request: 'open-ech';
      readonly number: number;
      readonly key: string;
      readonly aead: HpkeAead;
      readonly encapsulated: Bytes;
      readonly sequence: 0 | 1;
      readonly associatedData: Bytes;
      readonly payload: Bytes;
    };

/** What sealed bytes are for; one kind is never opened as the other. */
export type SealedPurpose = keyof typeof PURPOSE;

const KIND = { 'sign': 1, 'seal-ticket': 2, 'open-ticket': 3, 'open-ech': 4 } as const;
const PURPOSE = { ticket: 1, cookie: 2 } as const;
const CONTENT = { 'TLSv1.3 server': 1, 'TLSv1.3 client': 2, 'TLSv1.2 server': 3, 'TLSv1.2 client': 4 } as const;

const RANDOM_BYTES = 32;
/** SHA-256 and SHA-384: the hashes of TLS 1.3's suites. */
const TRANSCRIPT_HASH_BYTES: readonly number[] = [32, 48];

/** @throws RangeError for what has no place in its field, or makes a message above LIMITS.keyMessageBytes */
export function encodeRequest(request: Request): Bytes {
  const writer = new ByteWriter().u8(KIND[request.request]).u32(request.number);
  writeBody(writer, request);
  // The plaintext of a ticket is in it: secrets of a session.
  const message = writer.finishSecret();
  if (message.length > LIMITS.keyMessageBytes) throw new RangeError(`a request of ${message.length} bytes`);
  return message;
}

function writeBody(writer: ByteWriter, request: Request): void {
  switch (request.request) {
    case 'sign':
      writer.u32(Math.floor(request.handshake / 2 ** 32)).u32(request.handshake >>> 0);
      writer.vector8(ascii(request.key)).u16(SIGNATURE_SCHEMES[request.scheme].codePoint);
      writeContent(writer, request.content);
      return;
    case 'seal-ticket':
      writer.u8(PURPOSE[request.purpose]).vector16(request.plaintext);
      return;
    case 'open-ticket':
      writer.u8(PURPOSE[request.purpose]).vector16(request.ticket);
      return;
    case 'open-ech':
      writer.vector8(ascii(request.key)).u16(HPKE_AEADS[request.aead]).vector8(request.encapsulated);
      writer.u8(request.sequence).vector24(request.associatedData).vector16(request.payload);
  }
}

function writeContent(writer: ByteWriter, content: SignedContent): void {
  writer.u8(CONTENT[`${content.version} ${content.role}`]);
  if (content.version === 'TLSv1.3') writer.vector8(content.transcriptHash);
  else if (content.role === 'client') writer.vector24(content.handshakeMessages);
  else writer.bytes(content.clientRandom).bytes(content.serverRandom).vector16(content.parameters);
}

/** Views into `message`. @throws BadMessage for anything that {@link encodeRequest} does not write */
export function decodeRequest(message: Bytes): Request {
  if (message.length > LIMITS.keyMessageBytes) bad('its length');
  const reader = messageReader(message);
  const kind = named(KIND, reader.u8(), 'its kind');
  const request = readBody(kind, reader.u32(), reader);
  reader.end();
  return request;
}

function readBody(kind: Request['request'], number: number, reader: ByteReader): Request {
  switch (kind) {
    case 'sign': {
      const handshake = reader.u32() * 2 ** 32 + reader.u32();
      if (!Number.isSafeInteger(handshake)) bad('the number of the handshake');
      const key = keyName(reader.vector8());
      const scheme = signatureSchemeByCodePoint(reader.u16()) ?? bad('the signature scheme');
      return { request: kind, number, handshake, key, scheme, content: readContent(reader) };
    }
    case 'seal-ticket':
      return { request: kind, number, purpose: readPurpose(reader), plaintext: reader.vector16() };
    case 'open-ticket':
      return { request: kind, number, purpose: readPurpose(reader), ticket: reader.vector16() };
    case 'open-ech': {
      const key = keyName(reader.vector8());
      const aead = hpkeAeadByCodePoint(reader.u16()) ?? bad('the AEAD');
      const encapsulated = reader.vector8();
      const sequence = reader.u8();
      if (sequence !== 0 && sequence !== 1) bad('the sequence number');
      const associatedData = reader.vector24();
      return { request: kind, number, key, aead, encapsulated, sequence, associatedData, payload: reader.vector16() };
    }
  }
}

function readContent(reader: ByteReader): SignedContent {
  const form = named(CONTENT, reader.u8(), 'what is signed');
  switch (form) {
    case 'TLSv1.3 server':
    case 'TLSv1.3 client': {
      const transcriptHash = reader.vector8();
      if (!TRANSCRIPT_HASH_BYTES.includes(transcriptHash.length)) bad("the transcript hash's length");
      return { version: 'TLSv1.3', role: form === 'TLSv1.3 server' ? 'server' : 'client', transcriptHash };
    }
    case 'TLSv1.2 server': {
      const clientRandom = reader.bytes(RANDOM_BYTES);
      const serverRandom = reader.bytes(RANDOM_BYTES);
      return { version: 'TLSv1.2', role: 'server', clientRandom, serverRandom, parameters: reader.vector16() };
    }
    case 'TLSv1.2 client':
      return { version: 'TLSv1.2', role: 'client', handshakeMessages: reader.vector24() };
  }
}

function readPurpose(reader: ByteReader): SealedPurpose {
  return named(PURPOSE, reader.u8(), 'the purpose');
}

/** Visible US-ASCII, at least one character: fit for a log. */
function keyName(bytes: Bytes): string {
  const name = latin1(bytes);
  return /^[\x21-\x7e]+$/.test(name) ? name : bad("the key's name");
}
