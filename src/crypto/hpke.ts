import { ascii, type Bytes, concat, EMPTY } from '../core/bytes.ts';
import { AEADS } from './cipher-suites.ts';
import { hkdfExpand, hkdfExtract } from './hkdf.ts';
import type { Aead, AeadAlgorithm, CryptoProvider, NamedGroup } from './provider.ts';

/**
 * Hybrid public key encryption, RFC 9180: base mode, over the provider's groups. The encapsulated key of DHKEM is a key share as
 * TLS knows it, so the sender's half is `generateKeyShare(group)`, and the recipient's agreement is its key holder's.
 */
export const HPKE_KEMS = {
  x25519: { codePoint: 0x0020, encapsulatedBytes: 32 },
  secp256r1: { codePoint: 0x0010, encapsulatedBytes: 65 },
} as const satisfies Partial<Record<NamedGroup, { readonly codePoint: number; readonly encapsulatedBytes: number }>>;

/** The one KDF here, HKDF-SHA256 (section 7.2), of both KEMs and of the key schedule. */
export const HPKE_HKDF_SHA256 = 0x0001;

/** Section 7.3. */
export const HPKE_AEADS = {
  'aes-128-gcm': 0x0001,
  'aes-256-gcm': 0x0002,
  'chacha20-poly1305': 0x0003,
} as const satisfies Partial<Record<AeadAlgorithm, number>>;

/** The group of a KEM. */
export type HpkeGroup = keyof typeof HPKE_KEMS;

/** What the application's bytes are sealed with. */
export type HpkeAead = keyof typeof HPKE_AEADS;

/** Undefined for a KEM that tlsify does not have. */
export function hpkeGroupByCodePoint(codePoint: number): HpkeGroup | undefined {
  return (Object.keys(HPKE_KEMS) as HpkeGroup[]).find((group) => HPKE_KEMS[group].codePoint === codePoint);
}

/** Undefined for an AEAD that tlsify does not have here. */
export function hpkeAeadByCodePoint(codePoint: number): HpkeAead | undefined {
  return (Object.keys(HPKE_AEADS) as HpkeAead[]).find((aead) => HPKE_AEADS[aead] === codePoint);
}

/** What both ends put into a context. */
export interface HpkeSetup {
  readonly group: HpkeGroup;
  readonly aead: HpkeAead;
  /** Of the sender's key share with the recipient's key, checked as section 7.1.4 wants it. */
  readonly agreed: Bytes;
  /** The sender's share. */
  readonly encapsulated: Bytes;
  readonly recipientPublicKey: Bytes;
  readonly info: Bytes;
}

type HpkeCrypto = Pick<CryptoProvider, 'hmac' | 'aead'>;

/** One direction of messages (section 5.2), of the sender or of the recipient. Holds a key. */
export class HpkeContext {
  readonly #aead: Aead;
  readonly #baseNonce: Bytes;
  #sequence: number;

  /**
   * @param sequence of the first message: the recipient's, if it has made the context anew
   * @throws RangeError for an AEAD that the provider has not
   */
  constructor(crypto: HpkeCrypto, setup: HpkeSetup, sequence = 0) {
    const { key, baseNonce } = keySchedule(crypto, setup, sharedSecret(crypto, setup));
    this.#aead = crypto.aead(setup.aead, key);
    key.fill(0);
    this.#baseNonce = baseNonce;
    this.#sequence = sequence;
  }

  /** @returns ciphertext and tag */
  seal(associatedData: Bytes, plaintext: Bytes): Bytes {
    const sealed = new Uint8Array(plaintext.length + this.#aead.tagBytes);
    this.#aead.seal(this.#nextNonce(), associatedData, plaintext, EMPTY, sealed, 0);
    return sealed;
  }

  /** @returns null if it is not authentic, which is final: a message that is lost makes all later ones unreadable */
  open(associatedData: Bytes, ciphertext: Bytes): Bytes | null {
    return this.#aead.open(this.#nextNonce(), associatedData, ciphertext);
  }

  /** Section 5.2: the sequence number, twelve bytes wide; ours never come near 2^32. */
  #nextNonce(): Bytes {
    const nonce = this.#baseNonce.slice();
    const view = new DataView(nonce.buffer);
    view.setUint32(8, view.getUint32(8) ^ this.#sequence);
    this.#sequence += 1;
    return nonce;
  }
}

/** Section 4.1: ExtractAndExpand of DHKEM. */
function sharedSecret(crypto: HpkeCrypto, { group, agreed, encapsulated, recipientPublicKey }: HpkeSetup): Bytes {
  const suiteId = concat(ascii('KEM'), u16(HPKE_KEMS[group].codePoint));
  const extracted = labeledExtract(crypto, suiteId, EMPTY, 'eae_prk', agreed);
  const secret = labeledExpand(crypto, suiteId, extracted, {
    label: 'shared_secret',
    info: concat(encapsulated, recipientPublicKey),
    length: SHARED_SECRET_BYTES,
  });
  extracted.fill(0);
  return secret;
}

/** Section 5.1, of the base mode: without a PSK, and without the exporter. Overwrites the shared secret. */
function keySchedule(crypto: HpkeCrypto, { group, aead, info }: HpkeSetup, shared: Bytes) {
  const suiteId = concat(ascii('HPKE'), u16(HPKE_KEMS[group].codePoint), u16(HPKE_HKDF_SHA256), u16(HPKE_AEADS[aead]));
  const context = concat(
    Uint8Array.of(MODE_BASE),
    labeledExtract(crypto, suiteId, EMPTY, 'psk_id_hash', EMPTY),
    labeledExtract(crypto, suiteId, EMPTY, 'info_hash', info),
  );
  const secret = labeledExtract(crypto, suiteId, shared, 'secret', EMPTY);
  shared.fill(0);
  const key = labeledExpand(crypto, suiteId, secret, { label: 'key', info: context, length: AEADS[aead].keyBytes });
  const baseNonce = labeledExpand(crypto, suiteId, secret, { label: 'base_nonce', info: context, length: NONCE_BYTES });
  secret.fill(0);
  return { key, baseNonce };
}

const MODE_BASE = 0;
const SHARED_SECRET_BYTES = 32;
const NONCE_BYTES = 12;

/** Section 4. */
function labeledExtract(
  crypto: HpkeCrypto,
  suiteId: Bytes,
  salt: Bytes,
  label: string,
  inputKeyingMaterial: Bytes,
): Bytes {
  const labeled = concat(VERSION, suiteId, ascii(label), inputKeyingMaterial);
  const key = hkdfExtract(crypto, 'sha256', salt, labeled);
  labeled.fill(0);
  return key;
}

/** Section 4. */
function labeledExpand(
  crypto: HpkeCrypto,
  suiteId: Bytes,
  key: Bytes,
  { label, info, length }: { readonly label: string; readonly info: Bytes; readonly length: number },
): Bytes {
  return hkdfExpand(crypto, 'sha256', key, concat(u16(length), VERSION, suiteId, ascii(label), info), length);
}

const VERSION = ascii('HPKE-v1');

function u16(value: number): Bytes {
  return Uint8Array.of(value >>> 8, value);
}
