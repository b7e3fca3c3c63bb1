/** Code points of the IANA TLS registries that the engine itself handles. Suites, groups and signature schemes are in `crypto/`. */

/** RFC 8446 section 5.1. */
export const CONTENT_TYPE = { change_cipher_spec: 20, alert: 21, handshake: 22, application_data: 23 } as const;

/** RFC 8446 section 4, RFC 5246 section 7.4, RFC 6066 section 8. */
export const HANDSHAKE_TYPE = {
  hello_request: 0,
  client_hello: 1,
  server_hello: 2,
  new_session_ticket: 4,
  encrypted_extensions: 8,
  certificate: 11,
  server_key_exchange: 12,
  certificate_request: 13,
  server_hello_done: 14,
  certificate_verify: 15,
  client_key_exchange: 16,
  finished: 20,
  certificate_status: 22,
  key_update: 24,
  compressed_certificate: 25,
} as const;

/** Those that we write ourselves. */
export type HandshakeType = (typeof HANDSHAKE_TYPE)[keyof typeof HANDSHAKE_TYPE];

/** RFC 8446 section 4.2 and the documents that it refers to; RFC 8449; RFC 8879; RFC 9849; for TLS 1.2 RFC 8422, 7627, 5077 and 5746. */
export const EXTENSION = {
  server_name: 0,
  status_request: 5,
  supported_groups: 10,
  ec_point_formats: 11,
  signature_algorithms: 13,
  application_layer_protocol_negotiation: 16,
  extended_master_secret: 23,
  compress_certificate: 27,
  record_size_limit: 28,
  session_ticket: 35,
  pre_shared_key: 41,
  early_data: 42,
  supported_versions: 43,
  cookie: 44,
  psk_key_exchange_modes: 45,
  certificate_authorities: 47,
  signature_algorithms_cert: 50,
  key_share: 51,
  ech_outer_extensions: 0xfd00,
  encrypted_client_hello: 0xfe0d,
  renegotiation_info: 0xff01,
} as const;

/** ProtocolVersion as it stands in hellos and records. */
export const VERSION = { tls10: 0x0301, tls12: 0x0303, tls13: 0x0304 } as const;

/** Cipher suites that are none: RFC 5746 section 3.3 (an empty renegotiation_info), RFC 7507 (a client that tried a newer version before). */
export const SIGNALING_SUITE = { renegotiation_info: 0x00ff, fallback: 0x5600 } as const;

/** RFC 8446 section 4.2.9. */
export const PSK_MODE = { psk_ke: 0, psk_dhe_ke: 1 } as const;

/** RFC 8879 section 3. */
export const CERTIFICATE_COMPRESSION = { zlib: 1, brotli: 2, zstd: 3 } as const;

/** RFC 8446 section 4.1.3: the random of a ServerHello that is a HelloRetryRequest, SHA-256 of that name. */
export const HELLO_RETRY_REQUEST_RANDOM = Uint8Array.of(
  ...[0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91],
  ...[0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c],
);

/**
 * RFC 8446 section 4.1.3: the last eight bytes of the random of a server that can speak TLS 1.3 and was made to choose 1.2 or,
 * with a final zero, something older.
 */
export const DOWNGRADE_SENTINEL = {
  tls12: Uint8Array.of(0x44, 0x4f, 0x57, 0x4e, 0x47, 0x52, 0x44, 0x01),
  /** JDK 11's for TLS 1.2. */
  jdk11: Uint8Array.of(0xed, 0xbf, 0xb4, 0xa8, 0xc2, 0x47, 0x10, 0xff),
  older: Uint8Array.of(0x44, 0x4f, 0x57, 0x4e, 0x47, 0x52, 0x44, 0x00),
} as const;
