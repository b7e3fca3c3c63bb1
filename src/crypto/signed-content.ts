import { ascii, type Bytes, concat } from '../core/bytes.ts';

/**
 * What a handshake signs, by its parts. Who signs builds the bytes from these, so that a key can sign nothing but handshakes: a
 * transcript hash or parameters that somebody chose are framed in a way that means nothing elsewhere.
 */
export type SignedContent =
  | { readonly version: 'TLSv1.3'; readonly role: 'client' | 'server'; readonly transcriptHash: Bytes }
  /** ServerKeyExchange: `parameters` is ServerECDHParams, encoded. */
  | {
      readonly version: 'TLSv1.2';
      readonly role: 'server';
      readonly clientRandom: Bytes;
      readonly serverRandom: Bytes;
      readonly parameters: Bytes;
    }
  /** CertificateVerify: all handshake messages so far; the scheme says with which hash. */
  | { readonly version: 'TLSv1.2'; readonly role: 'client'; readonly handshakeMessages: Bytes };

/** The bytes that the signature is over: RFC 8446 section 4.4.3, RFC 8422 section 5.4, RFC 5246 section 7.4.8. */
export function signedBytes(content: SignedContent): Bytes {
  if (content.version === 'TLSv1.3')
    // 64 spaces, who signs, a zero, and the transcript's hash.
    return concat(
      new Uint8Array(64).fill(0x20),
      ascii(`TLS 1.3, ${content.role} CertificateVerify`),
      Uint8Array.of(0),
      content.transcriptHash,
    );
  if (content.role === 'client') return content.handshakeMessages;
  return concat(content.clientRandom, content.serverRandom, content.parameters);
}
