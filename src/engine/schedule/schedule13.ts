import { type Bytes, EMPTY } from '../../core/bytes.ts';
import { AEADS, type CipherSuiteParameters } from '../../crypto/cipher-suites.ts';
import {
  deriveSecret,
  HASH_BYTES,
  type HkdfLabel,
  hkdfExpandLabel,
  hkdfExtract,
  hkdfLabel,
} from '../../crypto/hkdf.ts';
import type { CryptoProvider, HashAlgorithm } from '../../crypto/provider.ts';
import { Opener13, Sealer13 } from '../record/protection.ts';

/** Section 7.1 and those that follow it. */
const LABEL = {
  resumptionBinder: hkdfLabel('res binder'),
  derived: hkdfLabel('derived'),
  clientHandshake: hkdfLabel('c hs traffic'),
  serverHandshake: hkdfLabel('s hs traffic'),
  clientApplication: hkdfLabel('c ap traffic'),
  serverApplication: hkdfLabel('s ap traffic'),
  exporterMain: hkdfLabel('exp master'),
  resumptionMain: hkdfLabel('res master'),
  finished: hkdfLabel('finished'),
  update: hkdfLabel('traffic upd'),
  resumption: hkdfLabel('resumption'),
  exporter: hkdfLabel('exporter'),
  key: hkdfLabel('key'),
  iv: hkdfLabel('iv'),
} as const;

/** What the schedule needs of cryptography. */
export type ScheduleCrypto = Pick<CryptoProvider, 'hmac' | 'hash'>;

/**
 * RFC 8446 section 7.1, one class for each secret that HKDF-Extract makes. Going on to the next overwrites this one.
 *
 *             0
 *             |
 *   PSK ->  HKDF-Extract = Early Secret
 *             |
 *             +-> Derive-Secret(., "res binder", "")
 *             |
 *       Derive-Secret(., "derived", "")
 *             |
 *   (EC)DHE -> HKDF-Extract = Handshake Secret
 *             |
 *             +-> Derive-Secret(., "c hs traffic" | "s hs traffic", ClientHello...ServerHello)
 *             |
 *       Derive-Secret(., "derived", "")
 *             |
 *   0 -> HKDF-Extract = Main Secret
 *             |
 *             +-> Derive-Secret(., "c ap traffic" | "s ap traffic" | "exp master", ClientHello...server Finished)
 *             +-> Derive-Secret(., "res master", ClientHello...client Finished)
 */
export class EarlySecret {
  readonly #secret: Secret;

  /** @param psk null for a handshake without one */
  constructor(crypto: ScheduleCrypto, hash: HashAlgorithm, psk: Bytes | null) {
    const zeros = new Uint8Array(HASH_BYTES[hash]);
    this.#secret = new Secret(crypto, hash, hkdfExtract(crypto, hash, zeros, psk ?? zeros));
  }

  /** The key of the MAC of a ticket's binder (section 4.2.11.2); see {@link finishedMac}. */
  binderKey(): Bytes {
    return this.#secret.derive(LABEL.resumptionBinder, this.#secret.emptyHash());
  }

  /** @param sharedSecret of the (EC)DHE agreement */
  toHandshake(sharedSecret: Bytes): HandshakeSecret {
    return new HandshakeSecret(this.#secret.extract(sharedSecret));
  }

  overwrite(): void {
    this.#secret.overwrite();
  }
}

/** The second of the three. See {@link EarlySecret}. */
export class HandshakeSecret {
  readonly #secret: Secret;

  constructor(secret: Secret) {
    this.#secret = secret;
  }

  /** @param transcriptHash ClientHello to ServerHello */
  trafficSecrets(transcriptHash: Bytes): TrafficSecrets {
    return {
      client: this.#secret.derive(LABEL.clientHandshake, transcriptHash),
      server: this.#secret.derive(LABEL.serverHandshake, transcriptHash),
    };
  }

  toMain(): MainSecret {
    return new MainSecret(this.#secret.extract(this.#secret.zeros()));
  }

  overwrite(): void {
    this.#secret.overwrite();
  }
}

/** The third. See {@link EarlySecret}. */
export class MainSecret {
  readonly #secret: Secret;

  constructor(secret: Secret) {
    this.#secret = secret;
  }

  /** @param transcriptHash ClientHello to the server's Finished */
  trafficSecrets(transcriptHash: Bytes): TrafficSecrets {
    return {
      client: this.#secret.derive(LABEL.clientApplication, transcriptHash),
      server: this.#secret.derive(LABEL.serverApplication, transcriptHash),
    };
  }

  /** @param transcriptHash ClientHello to the server's Finished */
  exporterSecret(transcriptHash: Bytes): Bytes {
    return this.#secret.derive(LABEL.exporterMain, transcriptHash);
  }

  overwrite(): void {
    this.#secret.overwrite();
  }

  /** The last of the schedule. @param transcriptHash ClientHello to the client's Finished */
  toResumption(transcriptHash: Bytes): Bytes {
    const resumption = this.#secret.derive(LABEL.resumptionMain, transcriptHash);
    this.#secret.overwrite();
    return resumption;
  }
}

/** One direction each, by who sends. */
export interface TrafficSecrets {
  readonly client: Bytes;
  readonly server: Bytes;
}

/** One node of the schedule. */
class Secret {
  readonly #crypto: ScheduleCrypto;
  readonly #hash: HashAlgorithm;
  readonly #value: Bytes;

  constructor(crypto: ScheduleCrypto, hash: HashAlgorithm, value: Bytes) {
    this.#crypto = crypto;
    this.#hash = hash;
    this.#value = value;
  }

  derive(label: HkdfLabel, transcriptHash: Bytes): Bytes {
    return deriveSecret(this.#crypto, this.#hash, this.#value, label, transcriptHash);
  }

  extract(inputKeyingMaterial: Bytes): Secret {
    const salt = this.derive(LABEL.derived, this.emptyHash());
    this.overwrite();
    const next = hkdfExtract(this.#crypto, this.#hash, salt, inputKeyingMaterial);
    salt.fill(0);
    return new Secret(this.#crypto, this.#hash, next);
  }

  emptyHash(): Bytes {
    return this.#crypto.hash(this.#hash, EMPTY);
  }

  zeros(): Bytes {
    return new Uint8Array(HASH_BYTES[this.#hash]);
  }

  overwrite(): void {
    this.#value.fill(0);
  }
}

/** Section 4.4.4: `verify_data`, and section 4.2.11.2: a binder, from the secret that each names as its base key. */
export function finishedMac(crypto: ScheduleCrypto, hash: HashAlgorithm, baseKey: Bytes, transcriptHash: Bytes): Bytes {
  const finishedKey = hkdfExpandLabel(crypto, hash, baseKey, LABEL.finished, EMPTY, HASH_BYTES[hash]);
  const mac = crypto.hmac(hash, finishedKey, transcriptHash);
  finishedKey.fill(0);
  return mac;
}

/** Section 7.2: application_traffic_secret_N+1. Overwrites N. */
export function nextTrafficSecret(crypto: ScheduleCrypto, hash: HashAlgorithm, secret: Bytes): Bytes {
  const next = hkdfExpandLabel(crypto, hash, secret, LABEL.update, EMPTY, HASH_BYTES[hash]);
  secret.fill(0);
  return next;
}

/** Section 4.6.1: the PSK that goes with a ticket of that nonce. */
export function ticketSecret(
  crypto: ScheduleCrypto,
  hash: HashAlgorithm,
  resumptionSecret: Bytes,
  nonce: Bytes,
): Bytes {
  return hkdfExpandLabel(crypto, hash, resumptionSecret, LABEL.resumption, nonce, HASH_BYTES[hash]);
}

/** Section 7.5. @throws RangeError for a label that is not ASCII or too long, or a length above 255 hashes */
export function exportKeyingMaterial(
  crypto: ScheduleCrypto,
  hash: HashAlgorithm,
  exporterSecret: Bytes,
  label: string,
  context: Bytes,
  length: number,
): Bytes {
  const secret = deriveSecret(crypto, hash, exporterSecret, hkdfLabel(label), crypto.hash(hash, EMPTY));
  const material = hkdfExpandLabel(crypto, hash, secret, LABEL.exporter, crypto.hash(hash, context), length);
  secret.fill(0);
  return material;
}

/** Section 7.3: records of ours under `trafficSecret`. */
export function sealerOf(
  crypto: ScheduleCrypto & Pick<CryptoProvider, 'aead'>,
  suite: CipherSuiteParameters,
  trafficSecret: Bytes,
): Sealer13 {
  return withTrafficKey(crypto, suite, trafficSecret, (key, iv) => new Sealer13(crypto.aead(suite.aead, key), iv));
}

/** Section 7.3: the peer's records under `trafficSecret`. */
export function openerOf(
  crypto: ScheduleCrypto & Pick<CryptoProvider, 'aead'>,
  suite: CipherSuiteParameters,
  trafficSecret: Bytes,
): Opener13 {
  return withTrafficKey(crypto, suite, trafficSecret, (key, iv) => new Opener13(crypto.aead(suite.aead, key), iv));
}

function withTrafficKey<T>(
  crypto: ScheduleCrypto,
  suite: CipherSuiteParameters,
  trafficSecret: Bytes,
  use: (key: Bytes, iv: Bytes) => T,
): T {
  const { hash, aead } = suite;
  const key = hkdfExpandLabel(crypto, hash, trafficSecret, LABEL.key, EMPTY, AEADS[aead].keyBytes);
  const iv = hkdfExpandLabel(crypto, hash, trafficSecret, LABEL.iv, EMPTY, 12);
  try {
    return use(key, iv);
  } finally {
    key.fill(0);
  }
}
