import type { Bytes } from '../../src/core/bytes.ts';
import type {
  Aead,
  AeadAlgorithm,
  HashAlgorithm,
  KeyAgreement,
  KeyShare,
  Later,
  NamedGroup,
  RunningHash,
} from '../../src/crypto/provider.ts';
import { NodeCrypto } from '../../src/crypto-node/provider.ts';

/**
 * Remembers each buffer with a secret that it sees: what keys are agreed on, and what is given to it as a key or, in HKDF-Extract, as
 * keying material. That is every secret of either version's schedule, because each is made to derive others from it.
 */
export class WatchingCrypto extends NodeCrypto {
  readonly secrets = new Set<Bytes>();
  /** What goes over the network, or is hashed from that. */
  readonly #public = new WeakSet<Bytes>();

  /** Those that have not been overwritten. */
  left(): Bytes[] {
    return [...this.secrets].filter((secret) => secret.some((byte) => byte !== 0));
  }

  override hash(algorithm: HashAlgorithm, message: Bytes): Bytes {
    return this.#known(super.hash(algorithm, message));
  }

  override startHash(algorithm: HashAlgorithm): RunningHash {
    return this.#watchedHash(super.startHash(algorithm));
  }

  override hmac(algorithm: HashAlgorithm, key: Bytes, message: Bytes): Bytes {
    this.#see(key);
    const result = super.hmac(algorithm, key, message);
    // Extract: keying material is as long as the hash, or the secret of a key agreement, which is seen where it is made.
    if (message.length === result.length && !this.#public.has(message)) this.#see(message);
    return result;
  }

  override aead(algorithm: AeadAlgorithm, key: Bytes): Aead {
    this.#see(key);
    return super.aead(algorithm, key);
  }

  override generateKeyShare(group: NamedGroup): KeyShare {
    const share = super.generateKeyShare(group);
    return { group, publicShare: share.publicShare, agree: (peerShare) => this.#seen(share.agree(peerShare)) };
  }

  override respondToKeyShare(group: NamedGroup, peerShare: Bytes): Later<KeyAgreement> {
    const agreement = super.respondToKeyShare(group, peerShare);
    const see = (made: KeyAgreement): KeyAgreement => {
      this.#see(made.secret);
      return made;
    };
    return agreement instanceof Promise ? agreement.then(see) : see(agreement);
  }

  #see(secret: Bytes): void {
    this.secrets.add(secret);
  }

  #seen(secret: Later<Bytes>): Later<Bytes> {
    if (secret instanceof Promise) return secret.then((made) => this.#seen(made));
    this.#see(secret);
    return secret;
  }

  #known(digest: Bytes): Bytes {
    this.#public.add(digest);
    return digest;
  }

  #watchedHash(running: RunningHash): RunningHash {
    return {
      update: (message) => running.update(message),
      current: () => this.#known(running.current()),
      copy: () => this.#watchedHash(running.copy()),
    };
  }
}
