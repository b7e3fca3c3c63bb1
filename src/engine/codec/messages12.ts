import type { Bytes } from '../../core/bytes.ts';
import { ByteWriter } from '../../core/writer.ts';
import { decodeWhole, malformed, readItems } from './decode.ts';
import { handshakeMessage } from './messages.ts';
import { HANDSHAKE_TYPE } from './registry.ts';

// The messages that TLS 1.2 has for itself, in the manner of `messages.ts`. ClientHello, ServerHello, CertificateVerify and
// Finished look the same in both versions.

/** RFC 5246 section 7.4.2: DER, leaf first. A client without a certificate sends none. */
export function encodeCertificate12(chain: readonly Bytes[]): Bytes {
  return handshakeMessage(HANDSHAKE_TYPE.certificate, (body) => {
    body.vector24((list) => {
      for (const certificate of chain) list.vector24(certificate);
    });
  });
}

/** RFC 5246 section 7.4.2: DER, leaf first; of a client possibly none. @throws TlsError */
export function decodeCertificate12(body: Bytes): readonly Bytes[] {
  return decodeWhole('Certificate', body, (reader) =>
    readItems(reader, reader.vector24(), (item) => {
      const certificate = item.vector24();
      if (certificate.length === 0) malformed('Certificate');
      return certificate;
    }),
  );
}

/** RFC 8422 section 5.4. */
export interface ServerKeyExchange {
  /** Code point. */
  readonly group: number;
  readonly share: Bytes;
  /** ServerECDHParams, encoded: what is signed, behind the two randoms. */
  readonly parameters: Bytes;
  /** Code point. */
  readonly scheme: number;
  readonly signature: Bytes;
}

/** ServerECDHParams: a named curve and a point. @param group code point */
export function encodeEcdhParameters(group: number, share: Bytes): Bytes {
  return new ByteWriter().u8(NAMED_CURVE).u16(group).vector8(share).finish();
}

/** RFC 8422 section 5.4. @param parameters as {@link encodeEcdhParameters} has made them */
export function encodeServerKeyExchange({
  parameters,
  scheme,
  signature,
}: Pick<ServerKeyExchange, 'parameters' | 'scheme' | 'signature'>): Bytes {
  return handshakeMessage(HANDSHAKE_TYPE.server_key_exchange, (body) =>
    body.bytes(parameters).u16(scheme).vector16(signature),
  );
}

/** RFC 8422 section 5.4; the signature is not verified yet. @throws TlsError */
export function decodeServerKeyExchange(body: Bytes): ServerKeyExchange {
  return decodeWhole('ServerKeyExchange', body, (reader) => {
    // RFC 8422 section 5.4: explicit curves MUST NOT be used.
    if (reader.u8() !== NAMED_CURVE) malformed('ServerKeyExchange');
    const group = reader.u16();
    const share = reader.vector8();
    if (share.length === 0) malformed('ServerKeyExchange');
    const parameters = body.subarray(0, reader.offset);
    return { group, share, parameters, scheme: reader.u16(), signature: reader.vector16() };
  });
}

const NAMED_CURVE = 3;

/** RFC 5246 section 7.4.4. */
export interface CertificateRequest12 {
  /** Code points, see {@link CLIENT_CERTIFICATE_TYPE}. */
  readonly certificateTypes: readonly number[];
  /** Code points. */
  readonly signatureSchemes: readonly number[];
  /** DER names; empty means any. */
  readonly authorities: readonly Bytes[];
}

/** RFC 5246 section 7.4.4, RFC 8422 section 5.5: whatever signs with ECDSA or EdDSA is `ecdsa_sign`. */
export const CLIENT_CERTIFICATE_TYPE = { rsa_sign: 1, ecdsa_sign: 64 } as const;

/** RFC 5246 section 7.4.4, the whole message. */
export function encodeCertificateRequest12(request: CertificateRequest12): Bytes {
  return handshakeMessage(HANDSHAKE_TYPE.certificate_request, (body) => {
    body.vector8(Uint8Array.from(request.certificateTypes));
    body.vector16((list) => {
      for (const scheme of request.signatureSchemes) list.u16(scheme);
    });
    body.vector16((list) => {
      for (const name of request.authorities) list.vector16(name);
    });
  });
}

/** RFC 5246 section 7.4.4. Code points that nobody knows stay in its lists. @throws TlsError */
export function decodeCertificateRequest12(body: Bytes): CertificateRequest12 {
  return decodeWhole('CertificateRequest', body, (reader) => {
    const certificateTypes = [...reader.vector8()];
    const signatureSchemes = readItems(reader, reader.vector16(), (item) => item.u16());
    const authorities = readItems(reader, reader.vector16(), (item) => item.vector16());
    if (certificateTypes.length === 0 || signatureSchemes.length === 0) malformed('CertificateRequest');
    if (authorities.some((name) => name.length === 0)) malformed('CertificateRequest');
    return { certificateTypes, signatureSchemes, authorities };
  });
}

/** RFC 5246 section 7.4.5. */
export function encodeServerHelloDone(): Bytes {
  return handshakeMessage(HANDSHAKE_TYPE.server_hello_done, () => {});
}

/** RFC 8422 section 5.7: the client's point. */
export function encodeClientKeyExchange(share: Bytes): Bytes {
  return handshakeMessage(HANDSHAKE_TYPE.client_key_exchange, (body) => body.vector8(share));
}

/** RFC 8422 section 5.7. @returns the client's point, not checked to be one. @throws TlsError */
export function decodeClientKeyExchange(body: Bytes): Bytes {
  return decodeWhole('ClientKeyExchange', body, (reader) => {
    const share = reader.vector8();
    if (share.length === 0) malformed('ClientKeyExchange');
    return share;
  });
}

/** RFC 6066 section 8: the stapled response. @param body as `encodeOcspResponse` writes and `decodeOcspResponse` reads it */
export function encodeCertificateStatus(body: Bytes): Bytes {
  return handshakeMessage(HANDSHAKE_TYPE.certificate_status, (message) => message.bytes(body));
}

/** RFC 5077 section 3.3. An empty ticket is none. */
export interface NewSessionTicket12 {
  /** Zero says nothing. */
  readonly lifetimeHintSeconds: number;
  readonly ticket: Bytes;
}

/** RFC 5077 section 3.3, the whole message. */
export function encodeNewSessionTicket12(message: NewSessionTicket12): Bytes {
  return handshakeMessage(HANDSHAKE_TYPE.new_session_ticket, (body) =>
    body.u32(message.lifetimeHintSeconds).vector16(message.ticket),
  );
}

/** RFC 5077 section 3.3. @throws TlsError */
export function decodeNewSessionTicket12(body: Bytes): NewSessionTicket12 {
  return decodeWhole('NewSessionTicket', body, (reader) => ({
    lifetimeHintSeconds: reader.u32(),
    ticket: reader.vector16(),
  }));
}
