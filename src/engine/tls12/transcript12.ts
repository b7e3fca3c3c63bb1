import { type Bytes, concat, EMPTY } from '../../core/bytes.ts';
import type { SuiteHash } from '../../crypto/cipher-suites.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { Transcript } from '../../crypto/transcript.ts';

/**
 * TLS 1.2's transcript: the running hash, and the messages themselves for as long as a client may have to sign them, which it
 * does with a hash of its own choice (RFC 5246 section 7.4.8). What the messages take is bounded by the largest of each kind.
 */
export class Transcript12 {
  readonly #running: Transcript;
  #messages: Bytes[] | null = [];

  constructor(crypto: Pick<CryptoProvider, 'startHash'>, hash: SuiteHash) {
    this.#running = new Transcript(crypto, hash);
  }

  /** @param message whole, in memory that nobody writes to */
  add(message: Bytes): void {
    this.#running.add(message);
    this.#messages?.push(message);
  }

  /** The hash of all messages so far. */
  hash(): Bytes {
    return this.#running.hash();
  }

  /** All messages so far, for a client's CertificateVerify; none any more after {@link forgetMessages}. */
  messages(): Bytes {
    return this.#messages === null ? EMPTY : concat(...this.#messages);
  }

  /** No client will sign any more. */
  forgetMessages(): void {
    this.#messages = null;
  }
}
