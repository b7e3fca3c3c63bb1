import { createCipheriv, createDecipheriv, createSecretKey, getCipherInfo, type KeyObject } from 'node:crypto';
import { type Bytes, concat } from '../core/bytes.ts';
import { AEADS } from '../crypto/cipher-suites.ts';
import type { Aead, AeadAlgorithm } from '../crypto/provider.ts';
import { own } from './runtime.ts';
import { chacha } from './software.ts';

/** @throws RangeError for a key of the wrong length. */
export function createAead(algorithm: AeadAlgorithm, key: Bytes): Aead {
  if (key.length !== AEADS[algorithm].keyBytes) throw new RangeError(`${algorithm} key of ${key.length} bytes`);
  switch (algorithm) {
    case 'aes-128-gcm':
    case 'aes-256-gcm':
      return new NativeAead(algorithm, createSecretKey(key));
    case 'chacha20-poly1305':
      return hasNativeChaCha20 ? new NativeAead(algorithm, createSecretKey(key)) : new SoftwareChaCha20Poly1305(key);
    case 'aes-128-ccm':
    case 'aes-128-ccm-8':
      return new NativeCcm(createSecretKey(key), AEADS[algorithm].tagBytes);
  }
}

/** Node has it; Bun has not. */
export const hasNativeChaCha20 = getCipherInfo('chacha20-poly1305') !== undefined;

/** Node has it; Bun has not, and neither has @noble: there the CCM suites cannot be opted into. */
export const hasCcm = getCipherInfo('aes-128-ccm') !== undefined;

/**
 * AES-GCM, and ChaCha20-Poly1305 where the runtime has it. A cipher object serves for one record; making it is the larger part
 * of the cost of a small one. The key is in a KeyObject, outside the JavaScript heap.
 */
class NativeAead implements Aead {
  readonly tagBytes = 16;
  readonly #algorithm: 'aes-128-gcm';
  readonly #key: KeyObject;

  constructor(algorithm: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305', key: KeyObject) {
    // All three have the same interface; the runtime's types know only of a constant for each.
    this.#algorithm = algorithm as 'aes-128-gcm';
    this.#key = key;
  }

  seal(nonce: Bytes, associatedData: Bytes, plaintext: Bytes, trailer: Bytes, output: Bytes, offset: number): number {
    const cipher = createCipheriv(this.#algorithm, this.#key, nonce);
    cipher.setAAD(associatedData);
    output.set(cipher.update(plaintext), offset);
    let end = offset + plaintext.length;
    if (trailer.length > 0) output.set(cipher.update(trailer), end);
    cipher.final();
    end += trailer.length;
    output.set(cipher.getAuthTag(), end);
    return end + 16 - offset;
  }

  open(nonce: Bytes, associatedData: Bytes, ciphertext: Bytes): Bytes | null {
    const end = ciphertext.length - 16;
    if (end < 0) return null;
    const decipher = createDecipheriv(this.#algorithm, this.#key, nonce);
    decipher.setAAD(associatedData);
    decipher.setAuthTag(ciphertext.subarray(end));
    const plaintext = decipher.update(ciphertext.subarray(0, end));
    try {
      decipher.final();
    } catch {
      plaintext.fill(0);
      return null;
    }
    return own(plaintext);
  }
}

class SoftwareChaCha20Poly1305 implements Aead {
  readonly tagBytes = 16;
  readonly #key: Bytes;

  constructor(key: Bytes) {
    this.#key = key.slice();
  }

  seal(nonce: Bytes, associatedData: Bytes, plaintext: Bytes, trailer: Bytes, output: Bytes, offset: number): number {
    const message = concat(plaintext, trailer);
    const sealed = output.subarray(offset, offset + message.length + 16);
    chacha().chacha20poly1305(this.#key, nonce, associatedData).encrypt(message, sealed);
    return sealed.length;
  }

  open(nonce: Bytes, associatedData: Bytes, ciphertext: Bytes): Bytes | null {
    if (ciphertext.length < 16) return null;
    const cipher = chacha().chacha20poly1305(this.#key, nonce, associatedData);
    try {
      return cipher.decrypt(ciphertext);
    } catch {
      return null;
    }
  }
}

/** AES-CCM wants to know all lengths before it begins, and takes the message in one piece. */
class NativeCcm implements Aead {
  readonly #key: KeyObject;
  readonly tagBytes: 8 | 16;

  constructor(key: KeyObject, tagBytes: 8 | 16) {
    this.#key = key;
    this.tagBytes = tagBytes;
  }

  seal(nonce: Bytes, associatedData: Bytes, plaintext: Bytes, trailer: Bytes, output: Bytes, offset: number): number {
    const message = concat(plaintext, trailer);
    const cipher = createCipheriv('aes-128-ccm', this.#key, nonce, { authTagLength: this.tagBytes });
    cipher.setAAD(associatedData, { plaintextLength: message.length });
    output.set(cipher.update(message), offset);
    cipher.final();
    message.fill(0);
    output.set(cipher.getAuthTag(), offset + message.length);
    return message.length + this.tagBytes;
  }

  open(nonce: Bytes, associatedData: Bytes, ciphertext: Bytes): Bytes | null {
    const end = ciphertext.length - this.tagBytes;
    if (end < 0) return null;
    const decipher = createDecipheriv('aes-128-ccm', this.#key, nonce, { authTagLength: this.tagBytes });
    decipher.setAuthTag(ciphertext.subarray(end));
    decipher.setAAD(associatedData, { plaintextLength: end });
    try {
      const plaintext = decipher.update(ciphertext.subarray(0, end));
      decipher.final();
      return own(plaintext);
    } catch {
      return null;
    }
  }
}
