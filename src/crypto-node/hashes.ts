import { createHash, createHmac, type Hash } from 'node:crypto';
import type { Bytes } from '../core/bytes.ts';
import type { HashAlgorithm, RunningHash } from '../crypto/provider.ts';
import { own } from './runtime.ts';

/** One-shot, FIPS 180-4. */
export function hash(algorithm: HashAlgorithm, message: Bytes): Bytes {
  return own(createHash(algorithm).update(message).digest());
}

/** RFC 2104. A key of any length, the empty one too. */
export function hmac(algorithm: HashAlgorithm, key: Bytes, message: Bytes): Bytes {
  return own(createHmac(algorithm, key).update(message).digest());
}

/** A hash that can be read while it goes on. */
export function startHash(algorithm: HashAlgorithm): RunningHash {
  return new NodeRunningHash(createHash(algorithm));
}

class NodeRunningHash implements RunningHash {
  readonly #hash: Hash;

  constructor(hash: Hash) {
    this.#hash = hash;
  }

  update(message: Bytes): void {
    this.#hash.update(message);
  }

  current(): Bytes {
    return own(this.#hash.copy().digest());
  }

  copy(): RunningHash {
    return new NodeRunningHash(this.#hash.copy());
  }
}
