import { randomFillSync } from 'node:crypto';
import type { Bytes } from '../core/bytes.ts';
import type {
  Aead,
  AeadAlgorithm,
  CertificateCompression,
  CertificateOnlyScheme,
  CryptoProvider,
  HashAlgorithm,
  KeyAgreement,
  KeyShare,
  Later,
  NamedGroup,
  RunningHash,
  SignatureScheme,
} from '../crypto/provider.ts';
import { createAead, hasCcm, hasNativeChaCha20 } from './aead.ts';
import { CERTIFICATE_COMPRESSIONS, decompress } from './compression.ts';
import { GROUPS, generateKeyShare, respondToKeyShare } from './groups.ts';
import { hash, hmac, sha1, startHash } from './hashes.ts';
import { VERIFIABLE, verify } from './signatures.ts';

/** What a process may want otherwise than {@link nodeCrypto} has it. */
export interface NodeCryptoOptions {
  /**
   * Whether to offer ChaCha20-Poly1305 where the runtime has none and JavaScript computes it: in Bun, some 0.1 ms for a full
   * record, and 4 ms without the JIT. It is never offered before AES-GCM. Default true: it reaches a server that has nothing else.
   */
  readonly softwareChaCha20?: boolean;
}

/** {@link CryptoProvider} on node:crypto and node:zlib of either runtime; what Bun lacks comes from @noble. */
export class NodeCrypto implements CryptoProvider {
  readonly groups: readonly NamedGroup[] = GROUPS;
  readonly aeads: readonly AeadAlgorithm[];
  readonly signatureSchemes: readonly SignatureScheme[] = VERIFIABLE;
  readonly certificateCompressions: readonly CertificateCompression[] = CERTIFICATE_COMPRESSIONS;

  constructor({ softwareChaCha20 = true }: NodeCryptoOptions = {}) {
    this.aeads = [
      'aes-128-gcm',
      'aes-256-gcm',
      ...(hasNativeChaCha20 || softwareChaCha20 ? (['chacha20-poly1305'] as const) : []),
      ...(hasCcm ? (['aes-128-ccm', 'aes-128-ccm-8'] as const) : []),
    ];
  }

  /** Not `getRandomValues`: Bun hands that out from a buffer which a forked process would share with its siblings. */
  randomBytes(length: number): Bytes {
    return randomFillSync(new Uint8Array(length));
  }

  hash(algorithm: HashAlgorithm, message: Bytes): Bytes {
    return hash(algorithm, message);
  }

  sha1(message: Bytes): Bytes {
    return sha1(message);
  }

  startHash(algorithm: HashAlgorithm): RunningHash {
    return startHash(algorithm);
  }

  hmac(algorithm: HashAlgorithm, key: Bytes, message: Bytes): Bytes {
    return hmac(algorithm, key, message);
  }

  aead(algorithm: AeadAlgorithm, key: Bytes): Aead {
    if (!this.aeads.includes(algorithm)) throw new RangeError(`${algorithm} is not available`);
    return createAead(algorithm, key);
  }

  generateKeyShare(group: NamedGroup): KeyShare {
    return generateKeyShare(group);
  }

  respondToKeyShare(group: NamedGroup, peerShare: Bytes): Later<KeyAgreement> {
    return respondToKeyShare(group, peerShare);
  }

  verify(scheme: SignatureScheme | CertificateOnlyScheme, spki: Bytes, message: Bytes, signature: Bytes): boolean {
    return verify(scheme, spki, message, signature);
  }

  decompress(algorithm: CertificateCompression, compressed: Bytes, maximumBytes: number): Bytes {
    return decompress(algorithm, compressed, maximumBytes);
  }
}

/** With the defaults. */
export const nodeCrypto = new NodeCrypto();
