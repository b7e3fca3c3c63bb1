import type { Bytes } from '../core/bytes.ts';
import type { Tls13SuiteName } from '../crypto/cipher-suites.ts';
import type { CertificateCompression, NamedGroup, SignatureScheme } from '../crypto/provider.ts';

/** All that a client connection does differently from another. Lists are in order of preference, best first. */
export interface ClientConfig {
  /** The DNS name for server_name (RFC 6066): lower-case A-labels without a final dot. `null` sends none, as for IP addresses. */
  readonly serverName: string | null;
  /** Protocols to offer (RFC 7301), one Latin-1 character a byte. Empty sends no extension. */
  readonly alpn: readonly string[];
  readonly suites: readonly Tls13SuiteName[];
  /** What supported_groups offers. */
  readonly groups: readonly NamedGroup[];
  /** The groups that get a share in the first ClientHello: a subset of `groups`. Empty asks for a HelloRetryRequest. */
  readonly keyShareGroups: readonly NamedGroup[];
  /** Acceptable in CertificateVerify. */
  readonly signatureSchemes: readonly SignatureScheme[];
  /** Acceptable in certificates; signature_algorithms_cert is sent only if they differ. */
  readonly certificateSignatureSchemes: readonly SignatureScheme[];
  /** RFC 8879. Empty sends no extension. */
  readonly certificateCompressions: readonly CertificateCompression[];
  /** DER distinguished names for certificate_authorities. Empty sends no extension. */
  readonly certificateAuthorities: readonly Bytes[];
  /** status_request (RFC 6066): ask for a stapled OCSP response. */
  readonly requestOcsp: boolean;
  /** RFC 8449: the largest TLSInnerPlaintext, type byte included, that we take: 64 to 2^14 + 1. `null` sends no extension. */
  readonly recordSizeLimit: number | null;
  /** The most plaintext bytes put into one record of ours: 1 to 2^14. */
  readonly maxFragment: number;
  /** Records sealed under one key before we change it: 1 to LIMITS.recordsPerKey. */
  readonly recordsPerKey: number;
  /** Put out tickets, and tell the server that we can use them. */
  readonly keepTickets: boolean;
  /** RFC 8701: offer reserved values that a correct server ignores, and shuffle the extensions. */
  readonly grease: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}
