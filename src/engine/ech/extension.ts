import type { Bytes } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { ByteWriter } from '../../core/writer.ts';
import { decodeWhole, malformed, readItems } from '../codec/decode.ts';
import type { HpkeSuite } from './config.ts';

/** encrypted_client_hello in a ClientHello (RFC 9849 section 5). */
export type EchClientHello = EchClientHelloOuter | { readonly type: 'inner' };

/** In what goes over the network: a ClientHello within a ClientHello. */
export interface EchClientHelloOuter {
  readonly type: 'outer';
  readonly suite: HpkeSuite;
  readonly configId: number;
  /** Empty in the answer to a HelloRetryRequest. */
  readonly encapsulated: Bytes;
  /** Ciphertext and tag. When decoded a view, by which its place in the message is found. */
  readonly payload: Bytes;
}

/** The marker of a ClientHello that came out of another. */
export const ECH_INNER: Bytes = Uint8Array.of(1);

/** How long a confirmation in a HelloRetryRequest is, and that in a ServerHello (sections 5 and 7.2). */
export const CONFIRMATION_BYTES = 8;

/** RFC 9849 section 5. */
export function encodeEchClientHello(hello: EchClientHello): Bytes {
  if (hello.type === 'inner') return ECH_INNER;
  const { suite, configId, encapsulated, payload } = hello;
  return new ByteWriter(payload.length + 64)
    .u8(OUTER)
    .u16(suite.kdf)
    .u16(suite.aead)
    .u8(configId)
    .vector16(encapsulated)
    .vector16(payload)
    .finish();
}

/** @throws TlsError decode-error, and illegal-parameter for a type that is none (section 7) */
export function decodeEchClientHello(body: Bytes): EchClientHello {
  return decodeWhole('encrypted_client_hello', body, (reader): EchClientHello => {
    const type = reader.u8();
    if (type === INNER) return { type: 'inner' };
    if (type !== OUTER) throw new TlsError('illegal-parameter', `encrypted_client_hello of type ${type}`);
    const suite = { kdf: reader.u16(), aead: reader.u16() };
    const configId = reader.u8();
    const encapsulated = reader.vector16();
    const payload = reader.vector16();
    if (payload.length === 0) malformed('encrypted_client_hello');
    return { type: 'outer', suite, configId, encapsulated, payload };
  });
}

const OUTER = 0;
const INNER = 1;

/** In a HelloRetryRequest (section 5). */
export function decodeEchConfirmation(body: Bytes): Bytes {
  if (body.length !== CONFIRMATION_BYTES) malformed('encrypted_client_hello');
  return body;
}

/** Section 5.1: `ExtensionType OuterExtensions<2..254>`, the types of what stands in the outer ClientHello. */
export function encodeOuterExtensions(types: readonly number[]): Bytes {
  return new ByteWriter()
    .vector8((list) => {
      for (const type of types) list.u16(type);
    })
    .finish();
}

/** At least one; that they can be referred to is not checked here. */
export function decodeOuterExtensions(body: Bytes): readonly number[] {
  return decodeWhole('ech_outer_extensions', body, (reader) => {
    const types = readItems(reader, reader.vector8(), (item) => item.u16());
    if (types.length === 0) malformed('ech_outer_extensions');
    return types;
  });
}

/**
 * `message` with zeros in place of `part`, which is a view of the same memory: what is authenticated of an outer ClientHello
 * (section 5.2), and what a confirmation is computed of (section 7.2.1).
 */
export function withoutPart(message: Bytes, part: Bytes): Bytes {
  const start = part.byteOffset - message.byteOffset;
  if (part.buffer !== message.buffer || start < 0 || start + part.length > message.length)
    throw new TlsError('internal-error', 'not a part of the message');
  return message.slice().fill(0, start, start + part.length);
}
