import { createHash, createHmac } from 'node:crypto';
import type { Bytes } from '../core/bytes.ts';
import type { HashAlgorithm, RunningHash } from '../crypto/provider.ts';
import { own } from './runtime.ts';

/** One-shot, FIPS 180-4. */
export function hash(algorithm: HashAlgorithm, message: Bytes): Bytes {
  const hasher = startHasher(algorithm);
  hasher.update(message);
  return own(hasher.digest());
}

/** FIPS 180-4, for identifiers. */
export function sha1(message: Bytes): Bytes {
  return own(createHash('sha1').update(message).digest());
}

/** RFC 2104. A key of any length, the empty one too. */
export function hmac(algorithm: HashAlgorithm, key: Bytes, message: Bytes): Bytes {
  const hasher = isBun ? new Bun.CryptoHasher(algorithm, key) : createHmac(algorithm, key);
  hasher.update(message);
  return own(hasher.digest());
}

/** A hash that can be read while it goes on. */
export function startHash(algorithm: HashAlgorithm): RunningHash {
  return new NodeRunningHash(startHasher(algorithm));
}

class NodeRunningHash implements RunningHash {
  readonly #hasher: Hasher;

  constructor(hasher: Hasher) {
    this.#hasher = hasher;
  }

  update(message: Bytes): void {
    this.#hasher.update(message);
  }

  current(): Bytes {
    return own(this.#hasher.copy().digest());
  }

  copy(): RunningHash {
    return new NodeRunningHash(this.#hasher.copy());
  }
}

/** What the hashers of both runtimes have. */
interface Hasher {
  update(message: Bytes): unknown;
  digest(): Uint8Array;
  copy(): Hasher;
}

/** Bun has a hasher of its own, of the same BoringSSL: an HMAC by it takes half of the time, and a third without the JIT. */
const isBun = typeof Bun !== 'undefined';

function startHasher(algorithm: HashAlgorithm): Hasher {
  return isBun ? new Bun.CryptoHasher(algorithm) : createHash(algorithm);
}
