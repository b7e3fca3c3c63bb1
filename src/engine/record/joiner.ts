import { type Bytes, EMPTY } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { LIMITS } from '../../core/limits.ts';
import { HANDSHAKE_TYPE } from '../codec/registry.ts';

/** A handshake message cut out of the stream of fragments (RFC 8446 section 4). */
export interface HandshakeMessage {
  /** As the peer wrote it. */
  readonly type: number;
  readonly body: Bytes;
  /** Header and body, for the transcript. */
  readonly whole: Bytes;
}

/**
 * Proof that no byte of a further handshake message has been received: RFC 8446 section 5.1 demands it wherever keys change, or
 * bytes protected by the old key would be taken for bytes protected by the new one. It holds until more is received.
 */
export class HandshakeAligned {
  readonly #joiner: HandshakeJoiner;

  private constructor(joiner: HandshakeJoiner) {
    this.#joiner = joiner;
  }

  static prove(joiner: HandshakeJoiner): HandshakeAligned | null {
    return joiner.heldBytes === 0 ? new HandshakeAligned(joiner) : null;
  }

  get stillHolds(): boolean {
    return this.#joiner.heldBytes === 0;
  }
}

/** Joins fragments of handshake records into messages. What it holds is bounded by the largest message allowed plus one record. */
export class HandshakeJoiner {
  #buffer: Bytes = EMPTY;
  #start = 0;
  #end = 0;

  /** Bytes received that are not part of a message taken yet. */
  get heldBytes(): number {
    return this.#end - this.#start;
  }

  /** @param fragment in memory that nobody else writes to: messages are views of it. */
  add(fragment: Bytes): void {
    if (this.heldBytes === 0) {
      this.#buffer = fragment;
      this.#start = 0;
      this.#end = fragment.length;
      return;
    }
    const needed = this.heldBytes + fragment.length;
    if (this.#end + fragment.length > this.#buffer.length) {
      // Doubling keeps many small fragments linear; earlier messages keep their own memory.
      const larger = new Uint8Array(Math.max(needed, 2 * this.heldBytes));
      larger.set(this.#buffer.subarray(this.#start, this.#end));
      this.#end -= this.#start;
      this.#start = 0;
      this.#buffer = larger;
    }
    this.#buffer.set(fragment, this.#end);
    this.#end += fragment.length;
  }

  /** The next complete message, or undefined. @throws TlsError message-too-large as soon as its header is there. */
  take(): HandshakeMessage | undefined {
    if (this.heldBytes < 4) return undefined;
    const buffer = this.#buffer;
    const at = this.#start;
    const type = buffer[at] as number;
    const bodyBytes =
      ((buffer[at + 1] as number) << 16) | ((buffer[at + 2] as number) << 8) | (buffer[at + 3] as number);
    const maximum = maximumBodyBytes(type);
    if (bodyBytes > maximum)
      throw new TlsError('message-too-large', `handshake type ${type}: ${bodyBytes} bytes, at most ${maximum}`);
    if (this.heldBytes < 4 + bodyBytes) return undefined;
    const whole = buffer.subarray(at, at + 4 + bodyBytes);
    this.#start = at + 4 + bodyBytes;
    if (this.heldBytes === 0) this.clear();
    return { type, body: whole.subarray(4), whole };
  }

  clear(): void {
    this.#buffer = EMPTY;
    this.#start = 0;
    this.#end = 0;
  }
}

function maximumBodyBytes(type: number): number {
  switch (type) {
    case HANDSHAKE_TYPE.certificate:
    case HANDSHAKE_TYPE.compressed_certificate:
    case HANDSHAKE_TYPE.certificate_request:
      return LIMITS.certificateMessageBytes;
    default:
      return LIMITS.handshakeMessageBytes;
  }
}
