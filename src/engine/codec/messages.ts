import { type Bytes, equal } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import type { ByteReader } from '../../core/reader.ts';
import { ByteWriter } from '../../core/writer.ts';
import { decodeWhole, malformed, readItems } from './decode.ts';
import { type Extensions, readExtensions, writeExtensions } from './extensions.ts';
import { HANDSHAKE_TYPE, type HandshakeType, HELLO_RETRY_REQUEST_RANDOM } from './registry.ts';

// RFC 8446 section 4. Each `encode…` yields the whole message with its four-byte header, as the transcript wants it; each
// `decode…` takes the body alone and throws TlsError decode-error. Decoded byte strings are views of that body.

/** `Handshake`: type, 24-bit length, body. */
export function handshakeMessage(type: HandshakeType, write: (body: ByteWriter) => void): Bytes {
  return new ByteWriter(512).u8(type).vector24(write).finish();
}

/** RFC 8446 section 4.1.2. */
export interface ClientHello {
  readonly legacyVersion: number;
  readonly random: Bytes;
  readonly sessionId: Bytes;
  readonly cipherSuites: readonly number[];
  readonly compressionMethods: Bytes;
  readonly extensions: Extensions;
}

/** With an extension block, even if it is empty. */
export function encodeClientHello(hello: ClientHello): Bytes {
  return handshakeMessage(HANDSHAKE_TYPE.client_hello, (body) => {
    body.u16(hello.legacyVersion).bytes(hello.random).vector8(hello.sessionId);
    body.vector16((list) => {
      for (const suite of hello.cipherSuites) list.u16(suite);
    });
    body.vector8(hello.compressionMethods);
    writeExtensions(body, hello.extensions);
  });
}

/** A ClientHello of TLS 1.2 may end before the extensions. */
export function decodeClientHello(body: Bytes): ClientHello {
  return decodeWhole('ClientHello', body, readClientHello);
}

/** As {@link decodeClientHello}, of what more may follow. */
export function readClientHello(reader: ByteReader): ClientHello {
  const legacyVersion = reader.u16();
  const random = reader.bytes(32);
  const sessionId = reader.vector8();
  const cipherSuites = readItems(reader, reader.vector16(), (item) => item.u16());
  const compressionMethods = reader.vector8();
  const extensions = reader.remaining === 0 ? NO_EXTENSIONS : readExtensions(reader, 'decode-error');
  if (sessionId.length > 32 || cipherSuites.length === 0 || compressionMethods.length === 0) malformed('ClientHello');
  return { legacyVersion, random, sessionId, cipherSuites, compressionMethods, extensions };
}

/** RFC 8446 section 4.1.3; a HelloRetryRequest (4.1.4) is one with a certain random. `cipherSuite` is a code point. */
export interface ServerHello {
  readonly legacyVersion: number;
  readonly random: Bytes;
  readonly sessionId: Bytes;
  readonly cipherSuite: number;
  readonly compressionMethod: number;
  readonly extensions: Extensions;
}

/** With an extension block, even if it is empty. */
export function encodeServerHello(hello: ServerHello): Bytes {
  return handshakeMessage(HANDSHAKE_TYPE.server_hello, (body) => {
    body.u16(hello.legacyVersion).bytes(hello.random).vector8(hello.sessionId);
    body.u16(hello.cipherSuite).u8(hello.compressionMethod);
    writeExtensions(body, hello.extensions);
  });
}

/** A ServerHello of TLS 1.2 may end before the extensions. */
export function decodeServerHello(body: Bytes): ServerHello {
  return decodeWhole('ServerHello', body, (reader) => {
    const legacyVersion = reader.u16();
    const random = reader.bytes(32);
    const sessionId = reader.vector8();
    const cipherSuite = reader.u16();
    const compressionMethod = reader.u8();
    const duplicate = equal(random, HELLO_RETRY_REQUEST_RANDOM) ? 'duplicate-extension' : 'decode-error';
    const extensions = reader.remaining === 0 ? NO_EXTENSIONS : readExtensions(reader, duplicate);
    if (sessionId.length > 32) malformed('ServerHello');
    return { legacyVersion, random, sessionId, cipherSuite, compressionMethod, extensions };
  });
}

const NO_EXTENSIONS: Extensions = new Map();

/** By its random (RFC 8446 section 4.1.3). */
export function isHelloRetryRequest(hello: ServerHello): boolean {
  return equal(hello.random, HELLO_RETRY_REQUEST_RANDOM);
}

/** RFC 8446 section 4.3.1. */
export function encodeEncryptedExtensions(extensions: Extensions): Bytes {
  return handshakeMessage(HANDSHAKE_TYPE.encrypted_extensions, (body) => writeExtensions(body, extensions));
}

/** The block alone. */
export function decodeEncryptedExtensions(body: Bytes): Extensions {
  return decodeWhole('EncryptedExtensions', body, (reader) => readExtensions(reader, 'decode-error'));
}

/** RFC 8446 section 4.3.2. */
export interface CertificateRequest {
  readonly context: Bytes;
  readonly extensions: Extensions;
}

/** TLS 1.3 alone. */
export function encodeCertificateRequest(request: CertificateRequest): Bytes {
  return handshakeMessage(HANDSHAKE_TYPE.certificate_request, (body) => {
    body.vector8(request.context);
    writeExtensions(body, request.extensions);
  });
}

/** TLS 1.3 alone; what the extensions must have is not checked here. */
export function decodeCertificateRequest(body: Bytes): CertificateRequest {
  return decodeWhole('CertificateRequest', body, (reader) => ({
    context: reader.vector8(),
    extensions: readExtensions(reader),
  }));
}

/** RFC 8446 section 4.4.2. */
export interface CertificateMessage {
  readonly context: Bytes;
  readonly entries: readonly CertificateEntry[];
}

/** One certificate of a chain, with what its server says of it. */
export interface CertificateEntry {
  /** DER. */
  readonly certificate: Bytes;
  readonly extensions: Extensions;
}

/** TLS 1.3 alone. */
export function encodeCertificate(message: CertificateMessage): Bytes {
  return handshakeMessage(HANDSHAKE_TYPE.certificate, (body) => {
    body.vector8(message.context);
    body.vector24((list) => {
      for (const entry of message.entries) {
        list.vector24(entry.certificate);
        writeExtensions(list, entry.extensions);
      }
    });
  });
}

/** The list may be empty, a certificate in it may not. How many there are is not limited here. */
export function decodeCertificate(body: Bytes): CertificateMessage {
  return decodeWhole('Certificate', body, (reader) => {
    const context = reader.vector8();
    const entries = readItems(reader, reader.vector24(), (item) => {
      const certificate = item.vector24();
      if (certificate.length === 0) malformed('Certificate');
      return { certificate, extensions: readExtensions(item) };
    });
    return { context, entries };
  });
}

/** RFC 8879 section 4. `algorithm` is a code point. */
export interface CompressedCertificate {
  readonly algorithm: number;
  readonly uncompressedBytes: number;
  readonly compressed: Bytes;
}

/** RFC 8879 section 4. */
export function encodeCompressedCertificate(message: CompressedCertificate): Bytes {
  return handshakeMessage(HANDSHAKE_TYPE.compressed_certificate, (body) => {
    body.u16(message.algorithm).u24(message.uncompressedBytes).vector24(message.compressed);
  });
}

/** Nothing is decompressed here. */
export function decodeCompressedCertificate(body: Bytes): CompressedCertificate {
  return decodeWhole('CompressedCertificate', body, (reader) => {
    const algorithm = reader.u16();
    const uncompressedBytes = reader.u24();
    const compressed = reader.vector24();
    if (uncompressedBytes === 0 || compressed.length === 0) malformed('CompressedCertificate');
    return { algorithm, uncompressedBytes, compressed };
  });
}

/** RFC 8446 section 4.4.3. `scheme` is a code point. */
export interface CertificateVerify {
  readonly scheme: number;
  readonly signature: Bytes;
}

/** RFC 8446 section 4.4.3. */
export function encodeCertificateVerify(message: CertificateVerify): Bytes {
  return handshakeMessage(HANDSHAKE_TYPE.certificate_verify, (body) => {
    body.u16(message.scheme).vector16(message.signature);
  });
}

/** The scheme may be one that we do not know. */
export function decodeCertificateVerify(body: Bytes): CertificateVerify {
  return decodeWhole('CertificateVerify', body, (reader) => ({ scheme: reader.u16(), signature: reader.vector16() }));
}

/** RFC 8446 section 4.4.4: the body is the MAC alone, as long as the suite's hash. */
export function encodeFinished(verifyData: Bytes): Bytes {
  return handshakeMessage(HANDSHAKE_TYPE.finished, (body) => body.bytes(verifyData));
}

/** RFC 8446 section 4.6.1. */
export interface NewSessionTicket {
  readonly lifetimeSeconds: number;
  readonly ageAdd: number;
  readonly nonce: Bytes;
  readonly ticket: Bytes;
  readonly extensions: Extensions;
}

/** TLS 1.3 alone. */
export function encodeNewSessionTicket(message: NewSessionTicket): Bytes {
  return handshakeMessage(HANDSHAKE_TYPE.new_session_ticket, (body) => {
    body.u32(message.lifetimeSeconds).u32(message.ageAdd).vector8(message.nonce).vector16(message.ticket);
    writeExtensions(body, message.extensions);
  });
}

/** The ticket is not empty; its lifetime may be more than is allowed. */
export function decodeNewSessionTicket(body: Bytes): NewSessionTicket {
  return decodeWhole('NewSessionTicket', body, (reader) => {
    const lifetimeSeconds = reader.u32();
    const ageAdd = reader.u32();
    const nonce = reader.vector8();
    const ticket = reader.vector16();
    if (ticket.length === 0) malformed('NewSessionTicket');
    return { lifetimeSeconds, ageAdd, nonce, ticket, extensions: readExtensions(reader) };
  });
}

/** RFC 8446 section 4.6.3. */
export type KeyUpdateRequest = 'update_not_requested' | 'update_requested';

/** RFC 8446 section 4.6.3. */
export function encodeKeyUpdate(request: KeyUpdateRequest): Bytes {
  return handshakeMessage(HANDSHAKE_TYPE.key_update, (body) => body.u8(request === 'update_requested' ? 1 : 0));
}

/** @throws TlsError illegal-parameter for any value but the two, as section 4.6.3 says. */
export function decodeKeyUpdate(body: Bytes): KeyUpdateRequest {
  return decodeWhole('KeyUpdate', body, (reader) => {
    const value = reader.u8();
    if (value > 1) throw new TlsError('illegal-parameter', `KeyUpdate request ${value}`);
    return value === 1 ? 'update_requested' : 'update_not_requested';
  });
}
