import type { Bytes } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import type { ByteReader } from '../../core/reader.ts';
import { ByteWriter } from '../../core/writer.ts';
import { decodeWhole, malformed, readItems } from './decode.ts';
import { EXTENSION } from './registry.ts';

/** An extension block in the order of the wire, by code point: no two of a kind (RFC 8446 section 4.2). Bodies are views. */
export type Extensions = ReadonlyMap<number, Bytes>;

/**
 * `Extension extensions<0..2^16-1>`
 * @param duplicate what two of a kind are: the RFC names no alert, and BoringSSL, whose tests we pass, sends decode_error for
 * both hellos and EncryptedExtensions, illegal_parameter for all others
 * @throws TlsError decode-error, duplicate-extension
 */
export function readExtensions(
  reader: ByteReader,
  duplicate: 'duplicate-extension' | 'decode-error' = 'duplicate-extension',
): Extensions {
  const extensions = new Map<number, Bytes>();
  const block = reader.nested(reader.vector16());
  while (block.remaining > 0) {
    const code = block.u16();
    const body = block.vector16();
    if (extensions.has(code)) throw new TlsError(duplicate, `${extensionName(code)} twice`);
    extensions.set(code, body);
  }
  return extensions;
}

/** `Extension extensions<0..2^16-1>`, in the map's order. */
export function writeExtensions(writer: ByteWriter, extensions: Extensions): void {
  writer.vector16((block) => {
    for (const [code, body] of extensions) block.u16(code).vector16(body);
  });
}

/**
 * Holds a block against what may stand in it. RFC 8446 section 4.2 wants unsupported_extension for a response that was not asked
 * for, and illegal_parameter for a known extension in the wrong message; BoringSSL and rustls answer both with
 * unsupported_extension, and so do we.
 * @param allowed code points that belong into this message
 * @param requested whether we asked for that extension
 */
export function requireRequested(
  message: string,
  extensions: Extensions,
  allowed: readonly number[],
  requested: (code: number) => boolean,
): void {
  for (const code of extensions.keys()) {
    const named = `${extensionName(code)} in ${message}`;
    if (!requested(code)) throw new TlsError('unsolicited-extension', named);
    if (!allowed.includes(code)) throw new TlsError('misplaced-extension', named);
  }
}

/** The registry's name, or the number. */
export function extensionName(code: number): string {
  return NAME_BY_CODE.get(code) ?? `extension ${code}`;
}

const NAME_BY_CODE = new Map<number, string>(Object.entries(EXTENSION).map(([name, code]) => [code, name]));

// Bodies, both directions. Decoders throw TlsError decode-error.

/** RFC 6066 section 3, one name of type host_name; a server's acknowledgement is empty. */
export function encodeServerName(name: Bytes): Bytes {
  return new ByteWriter().vector16((list) => list.u8(HOST_NAME).vector16(name)).finish();
}

/** The one host_name of a ClientHello. */
export function decodeServerName(body: Bytes): Bytes {
  return decodeWhole('server_name', body, (reader) => {
    const list = reader.nested(reader.vector16());
    if (list.u8() !== HOST_NAME) malformed('server_name');
    const name = list.vector16();
    list.end();
    if (name.length === 0) malformed('server_name');
    return name;
  });
}

const HOST_NAME = 0;

/** RFC 7301 section 3.1. The server's answer has exactly one. */
export function encodeProtocolNames(names: readonly Bytes[]): Bytes {
  return new ByteWriter()
    .vector16((list) => {
      for (const name of names) list.vector8(name);
    })
    .finish();
}

/** At least one name, none empty. */
export function decodeProtocolNames(body: Bytes): readonly Bytes[] {
  return decodeWhole('application_layer_protocol_negotiation', body, (reader) => {
    const names = readItems(reader, reader.vector16(), (item) => item.vector8());
    if (names.length === 0 || names.some((name) => name.length === 0))
      malformed('application_layer_protocol_negotiation');
    return names;
  });
}

/** supported_groups and signature_algorithms(_cert): `uint16 list<2..2^16-2>` */
export function encodeCodePoints(codes: readonly number[]): Bytes {
  return new ByteWriter().vector16(u16s(codes)).finish();
}

/** At least one. @param name of the extension, for the failure */
export function decodeCodePoints(name: string, body: Bytes): readonly number[] {
  return decodeWhole(name, body, (reader) => nonEmptyU16s(name, reader, reader.vector16()));
}

/** supported_versions in ClientHello (RFC 8446 section 4.2.1), compress_certificate (RFC 8879 section 3): `uint16 list<2..254>` */
export function encodeShortCodePoints(codes: readonly number[]): Bytes {
  return new ByteWriter().vector8(u16s(codes)).finish();
}

/** At least one. @param name of the extension, for the failure */
export function decodeShortCodePoints(name: string, body: Bytes): readonly number[] {
  return decodeWhole(name, body, (reader) => nonEmptyU16s(name, reader, reader.vector8()));
}

/** supported_versions in ServerHello, key_share in HelloRetryRequest, pre_shared_key in ServerHello, record_size_limit (RFC 8449). */
export function encodeU16(value: number): Bytes {
  return Uint8Array.of(value >>> 8, value);
}

/** @param name of the extension, for the failure */
export function decodeU16(name: string, body: Bytes): number {
  return decodeWhole(name, body, (reader) => reader.u16());
}

/** early_data in NewSessionTicket: max_early_data_size, in bytes (RFC 8446 section 4.2.10). */
export function decodeU32(name: string, body: Bytes): number {
  return decodeWhole(name, body, (reader) => reader.u32());
}

/** early_data in NewSessionTicket. */
export function encodeU32(value: number): Bytes {
  return new ByteWriter(4).u32(value).finish();
}

/** An extension that is only there or not. */
export function decodeEmpty(name: string, body: Bytes): void {
  if (body.length !== 0) malformed(name);
}

/** RFC 8446 section 4.2.2. */
export function encodeCookie(cookie: Bytes): Bytes {
  return new ByteWriter().vector16(cookie).finish();
}

/** Not empty. */
export function decodeCookie(body: Bytes): Bytes {
  return decodeWhole('cookie', body, (reader) => {
    const cookie = reader.vector16();
    if (cookie.length === 0) malformed('cookie');
    return cookie;
  });
}

/** RFC 8446 section 4.2.8. `group` is a code point. */
export interface KeyShareEntry {
  readonly group: number;
  readonly share: Bytes;
}

/** In ServerHello: one entry. */
export function encodeKeyShareEntry(entry: KeyShareEntry): Bytes {
  return new ByteWriter().u16(entry.group).vector16(entry.share).finish();
}

/** The share is not empty; its length is for the group to say. */
export function decodeKeyShareEntry(body: Bytes): KeyShareEntry {
  return decodeWhole('key_share', body, readKeyShareEntry);
}

/** In ClientHello: none to many. */
export function encodeKeyShares(entries: readonly KeyShareEntry[]): Bytes {
  return new ByteWriter(2048)
    .vector16((list) => {
      for (const { group, share } of entries) list.u16(group).vector16(share);
    })
    .finish();
}

/** The shares may be none, and of groups that we do not know; duplicates are not noticed here. */
export function decodeKeyShares(body: Bytes): readonly KeyShareEntry[] {
  return decodeWhole('key_share', body, (reader) => readItems(reader, reader.vector16(), readKeyShareEntry));
}

function readKeyShareEntry(reader: ByteReader): KeyShareEntry {
  const group = reader.u16();
  const share = reader.vector16();
  if (share.length === 0) malformed('key_share');
  return { group, share };
}

/** RFC 8446 section 4.2.9: `PskKeyExchangeMode ke_modes<1..255>` */
export function encodePskModes(modes: readonly number[]): Bytes {
  return new ByteWriter().vector8(Uint8Array.from(modes)).finish();
}

/** At least one. */
export function decodePskModes(body: Bytes): readonly number[] {
  return decodeWhole('psk_key_exchange_modes', body, (reader) => {
    const modes = reader.vector8();
    if (modes.length === 0) malformed('psk_key_exchange_modes');
    return [...modes];
  });
}

/** RFC 8446 section 4.2.4: DER names. */
export function encodeAuthorities(names: readonly Bytes[]): Bytes {
  return new ByteWriter()
    .vector16((list) => {
      for (const name of names) list.vector16(name);
    })
    .finish();
}

/** At least one name, none empty; what is within is not looked at. */
export function decodeAuthorities(body: Bytes): readonly Bytes[] {
  return decodeWhole('certificate_authorities', body, (reader) => {
    const names = readItems(reader, reader.vector16(), (item) => item.vector16());
    if (names.length === 0 || names.some((name) => name.length === 0)) malformed('certificate_authorities');
    return names;
  });
}

/** RFC 6066 section 8: a request for OCSP without responder ids or extensions. */
export const OCSP_REQUEST: Bytes = Uint8Array.of(1, 0, 0, 0, 0);

/** Whether the client asks for OCSP, of whichever responder; other kinds of status are unknown. */
export function decodeOcspRequest(body: Bytes): boolean {
  return decodeWhole('status_request', body, (reader) => {
    if (reader.u8() !== OCSP) {
      reader.rest();
      return false;
    }
    reader.vector16();
    reader.vector16();
    return true;
  });
}

/** RFC 6066 section 8, in a CertificateEntry (RFC 8446 section 4.4.2.1): `CertificateStatus` */
export function encodeOcspResponse(response: Bytes): Bytes {
  return new ByteWriter(response.length + 4).u8(OCSP).vector24(response).finish();
}

/** DER, not looked at. */
export function decodeOcspResponse(body: Bytes): Bytes {
  return decodeWhole('status_request', body, (reader) => {
    if (reader.u8() !== OCSP) malformed('status_request');
    const response = reader.vector24();
    if (response.length === 0) malformed('status_request');
    return response;
  });
}

const OCSP = 1;

function u16s(codes: readonly number[]): (writer: ByteWriter) => void {
  return (writer) => {
    for (const code of codes) writer.u16(code);
  };
}

function nonEmptyU16s(name: string, reader: ByteReader, vector: Bytes): readonly number[] {
  if (vector.length === 0) malformed(name);
  return readItems(reader, vector, (item) => item.u16());
}
