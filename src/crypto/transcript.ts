import type { Bytes } from '../core/bytes.ts';
import { HASH_BYTES } from './hkdf.ts';
import type { CryptoProvider, HashAlgorithm, RunningHash } from './provider.ts';

/** HandshakeType message_hash, RFC 8446 section 4.4.1. */
const MESSAGE_HASH = 254;

/**
 * The running hash of the handshake messages, in the order of the wire: whole messages with their four-byte headers, without
 * record headers (RFC 8446 section 4.4.1, RFC 5246 section 7.4.9). It begins when the suite, and with it the hash, is known:
 * until then the caller keeps the ClientHello.
 */
export class Transcript {
  readonly algorithm: HashAlgorithm;
  readonly #hash: RunningHash;

  constructor(crypto: Pick<CryptoProvider, 'startHash'>, algorithm: HashAlgorithm) {
    this.algorithm = algorithm;
    this.#hash = crypto.startHash(algorithm);
  }

  /**
   * The transcript of a handshake with a HelloRetryRequest, RFC 8446 section 4.4.1. It begins with the substitute for the first
   * ClientHello; the HelloRetryRequest is the next to add.
   *
   *     message_hash || 00 00 Hash.length || Hash(ClientHello1)
   */
  static afterRetry(
    crypto: Pick<CryptoProvider, 'startHash' | 'hash'>,
    algorithm: HashAlgorithm,
    firstClientHello: Bytes,
  ): Transcript {
    return Transcript.afterRetryOf(crypto, algorithm, crypto.hash(algorithm, firstClientHello));
  }

  /** As {@link afterRetry}, of a ClientHello of which only the hash was kept. */
  static afterRetryOf(
    crypto: Pick<CryptoProvider, 'startHash'>,
    algorithm: HashAlgorithm,
    firstClientHelloHash: Bytes,
  ): Transcript {
    const transcript = new Transcript(crypto, algorithm);
    transcript.add(Uint8Array.of(MESSAGE_HASH, 0, 0, HASH_BYTES[algorithm]));
    transcript.add(firstClientHelloHash);
    return transcript;
  }

  add(message: Bytes): void {
    this.#hash.update(message);
  }

  /** The hash of all messages so far; more may follow. */
  hash(): Bytes {
    return this.#hash.current();
  }

  /** As {@link hash} with one more message that is not added: PSK binders cover a truncated ClientHello. */
  hashWith(message: Bytes): Bytes {
    const hash = this.#hash.copy();
    hash.update(message);
    return hash.current();
  }
}
