import type { Bytes } from '../core/bytes.ts';

/**
 * What the engine and the certificate rooms need of cryptography. `crypto-node/` implements it on the runtime's own primitives;
 * nothing here computes anything. All byte arguments are only read; all results are in memory of their own.
 */
export interface CryptoProvider {
  /** Fresh bytes from the runtime's generator. */
  randomBytes(length: number): Bytes;

  /** One-shot hash. */
  hash(algorithm: HashAlgorithm, message: Bytes): Bytes;

  /** Names things in OCSP (RFC 6960 section 4.1.1), where a collision gains nothing: whatever is named so is signed. Never for a signature. */
  sha1(message: Bytes): Bytes;

  /** A running hash whose value can be read at any point without ending it: the handshake transcript. */
  startHash(algorithm: HashAlgorithm): RunningHash;

  hmac(algorithm: HashAlgorithm, key: Bytes, message: Bytes): Bytes;

  /** @throws RangeError for an algorithm that is not in `aeads`, or a key of the wrong length. */
  aead(algorithm: AeadAlgorithm, key: Bytes): Aead;

  /** A fresh ephemeral key, used once. */
  generateKeyShare(group: NamedGroup): KeyShare;

  /**
   * The responder's side: its share, and the secret. For ECDH: a fresh key and its agreement; for hybrids: encapsulation too.
   * @throws InvalidKeyShare when `peerShare` is not a valid public value of `group`.
   */
  respondToKeyShare(group: NamedGroup, peerShare: Bytes): Later<KeyAgreement>;

  /**
   * True only if `signature` over `message` verifies under the SubjectPublicKeyInfo `spki` (DER) with exactly `scheme`.
   * A key of the wrong type, or one that does not parse, is `false`.
   */
  verify(scheme: SignatureScheme | CertificateOnlyScheme, spki: Bytes, message: Bytes, signature: Bytes): boolean;

  /** RFC 8879. @throws RangeError when the result would exceed `maximumBytes` or the input is not valid. */
  decompress(algorithm: CertificateCompression, compressed: Bytes, maximumBytes: number): Bytes;

  /** What this provider can do in this process, best first: the engine offers nothing else. */
  readonly groups: readonly NamedGroup[];
  readonly aeads: readonly AeadAlgorithm[];
  readonly signatureSchemes: readonly SignatureScheme[];
  readonly certificateCompressions: readonly CertificateCompression[];
}

/** Some primitives are only there behind a promise that is settled at once; the engine treats those as an effect. */
export type Later<T> = T | Promise<T>;

/** SHA-2, FIPS 180-4. */
export type HashAlgorithm = 'sha256' | 'sha384' | 'sha512';

/** A hash of more and more bytes. */
export interface RunningHash {
  update(message: Bytes): void;
  /** The hash of all that was given so far; more may follow. */
  current(): Bytes;
  /** An independent continuation. */
  copy(): RunningHash;
}

/** RFC 5116, RFC 8439, RFC 6655; `aes-128-ccm-8` has a tag of 8 bytes. */
export type AeadAlgorithm = 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305' | 'aes-128-ccm' | 'aes-128-ccm-8';

/** One direction's traffic key. The nonce is 12 bytes, the caller's to make unique. */
export interface Aead {
  readonly tagBytes: 16 | 8;
  /**
   * Seals `plaintext` followed by `trailer` (TLS 1.3's content type and padding; empty in 1.2) into `output` at `offset`.
   * @returns the number of bytes written: plaintext + trailer + tag.
   */
  seal(nonce: Bytes, associatedData: Bytes, plaintext: Bytes, trailer: Bytes, output: Bytes, offset: number): number;
  /** Opens ciphertext followed by its tag. @returns the plaintext in memory of its own, or null if it is not authentic. */
  open(nonce: Bytes, associatedData: Bytes, ciphertext: Bytes): Bytes | null;
}

/** RFC 8446 section 4.2.7, by the registry's names. */
export type NamedGroup = 'X25519MLKEM768' | 'SecP256r1MLKEM768' | 'x25519' | 'secp256r1' | 'secp384r1' | 'secp521r1';

/** The initiator's side of a key agreement. The private part stays inside the object and is dropped after its one use. */
export interface KeyShare {
  readonly group: NamedGroup;
  /** As it stands in the key_share extension. */
  readonly publicShare: Bytes;
  /** @throws InvalidKeyShare (or rejects) when `peerShare` is not valid: wrong length, not on the curve, an all-zero result. */
  agree(peerShare: Bytes): Later<Bytes>;
}

/** The responder's answer to a share, and the secret that both sides have then. */
export interface KeyAgreement {
  readonly publicShare: Bytes;
  readonly secret: Bytes;
}

/** A peer's share is not a public value of its group: illegal_parameter (RFC 8446 section 4.2.8). */
export class InvalidKeyShare extends Error {
  override readonly name = 'InvalidKeyShare';
}

/** RFC 8446 section 4.2.3, by the registry's names. PKCS#1 v1.5 is for certificates and TLS 1.2 only. */
export type SignatureScheme =
  | 'ecdsa_secp256r1_sha256'
  | 'ecdsa_secp384r1_sha384'
  | 'ecdsa_secp521r1_sha512'
  | 'ed25519'
  | 'ed448'
  | 'rsa_pss_rsae_sha256'
  | 'rsa_pss_rsae_sha384'
  | 'rsa_pss_rsae_sha512'
  | 'rsa_pss_pss_sha256'
  | 'rsa_pss_pss_sha384'
  | 'rsa_pss_pss_sha512'
  | 'rsa_pkcs1_sha256'
  | 'rsa_pkcs1_sha384'
  | 'rsa_pkcs1_sha512'
  | 'mldsa44'
  | 'mldsa65'
  | 'mldsa87';

/**
 * Pairs of curve and hash for which TLS 1.3 has no code point, and which no handshake is signed with: `openssl req -x509` takes
 * SHA-256 with any key, and so private CAs have them. Every provider that has the curve and the hash has the pair.
 */
export type CertificateOnlyScheme =
  | 'ecdsa_secp256r1_sha384'
  | 'ecdsa_secp256r1_sha512'
  | 'ecdsa_secp384r1_sha256'
  | 'ecdsa_secp384r1_sha512'
  | 'ecdsa_secp521r1_sha256'
  | 'ecdsa_secp521r1_sha384';

/** RFC 8879 section 7.3. */
export type CertificateCompression = 'zlib' | 'brotli' | 'zstd';
