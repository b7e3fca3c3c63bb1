import { createECDH, createPrivateKey, createPublicKey } from 'node:crypto';
import { ascii, type Bytes, concat, unhex } from '../../src/core/bytes.ts';
import {
  type AeadAlgorithm,
  InvalidKeyShare,
  type KeyAgreement,
  type KeyShare,
  type Later,
  type NamedGroup,
} from '../../src/crypto/provider.ts';
import { agreeEcdh, type EcdhGroup } from '../../src/crypto-node/ecdh.ts';
import { decapsulate, ML_KEM_768 } from '../../src/crypto-node/ml-kem.ts';
import { NodeCrypto } from '../../src/crypto-node/provider.ts';

/**
 * A provider whose random bytes and key shares follow from a seed, the same under each runtime: what an engine says with it can be
 * recorded. It claims only what both runtimes have. Encapsulation stays random: there is no way to fix it.
 */
export class DeterministicCrypto extends NodeCrypto {
  override readonly aeads: readonly AeadAlgorithm[] = ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'];
  readonly #seed: Bytes;
  #blocks = 0;

  constructor(seed: string) {
    super();
    this.#seed = this.hash('sha256', ascii(seed));
  }

  /** SHA-256 of the seed and a counter, a fresh block for each call. */
  override randomBytes(length: number): Bytes {
    const output = new Uint8Array(length);
    for (let offset = 0; offset < length; offset += 32) {
      this.#blocks += 1;
      const block = this.hash('sha256', concat(this.#seed, Uint8Array.of(this.#blocks >>> 8, this.#blocks)));
      output.set(block.subarray(0, length - offset), offset);
    }
    return output;
  }

  override generateKeyShare(group: NamedGroup): KeyShare {
    switch (group) {
      case 'X25519MLKEM768':
        return this.#hybrid(group, 'x25519', true);
      case 'SecP256r1MLKEM768':
        return this.#hybrid(group, 'secp256r1', false);
      default:
        return ecdhShare(group, this.randomBytes(SCALAR_BYTES[group]));
    }
  }

  override respondToKeyShare(group: NamedGroup, peerShare: Bytes): Later<KeyAgreement> {
    if (group === 'X25519MLKEM768' || group === 'SecP256r1MLKEM768') return super.respondToKeyShare(group, peerShare);
    const { publicShare, agree } = ecdhShare(group, this.randomBytes(SCALAR_BYTES[group]));
    return { publicShare, secret: agree(peerShare) };
  }

  #hybrid(group: NamedGroup, ecdhGroup: EcdhGroup, mlKemFirst: boolean): KeyShare {
    const ecdh = ecdhShare(ecdhGroup, this.randomBytes(SCALAR_BYTES[ecdhGroup]));
    const key = this.randomBytes(64);
    const mlKem = createPrivateKey({ key, format: 'raw-seed', asymmetricKeyType: 'ml-kem-768' });
    const encapsulationKey = new Uint8Array(createPublicKey(mlKem).export({ format: 'raw-public' }));
    const join = (a: Bytes, b: Bytes) => (mlKemFirst ? concat(a, b) : concat(b, a));
    return {
      group,
      publicShare: join(encapsulationKey, ecdh.publicShare),
      agree: async (peerShare) => {
        const at = mlKemFirst ? ML_KEM_768.ciphertextBytes : peerShare.length - ML_KEM_768.ciphertextBytes;
        if (at < 0) throw new InvalidKeyShare(group);
        const [ciphertext, share] = mlKemFirst
          ? [peerShare.subarray(0, at), peerShare.subarray(at)]
          : [peerShare.subarray(at), peerShare.subarray(0, at)];
        return join(await decapsulate(mlKem, ciphertext), ecdh.agree(share));
      },
    };
  }
}

/** Of a private key. */
const SCALAR_BYTES: Record<EcdhGroup, number> = { x25519: 32, secp256r1: 32, secp384r1: 48, secp521r1: 66 };

const CURVES = { secp256r1: 'prime256v1', secp384r1: 'secp384r1', secp521r1: 'secp521r1' } as const;

interface FixedShare {
  readonly group: EcdhGroup;
  readonly publicShare: Bytes;
  readonly agree: (peerShare: Bytes) => Bytes;
}

function ecdhShare(group: EcdhGroup, scalar: Bytes): FixedShare {
  if (group === 'x25519') {
    // RFC 8410 section 7: PrivateKeyInfo around the 32 bytes.
    const key = Buffer.from(concat(unhex('302e020100300506032b656e04220420'), scalar));
    const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
    const publicShare = new Uint8Array(createPublicKey(privateKey).export({ format: 'raw-public' }));
    return { group, publicShare, agree: (peerShare) => agreeEcdh(group, privateKey, peerShare) };
  }
  // Below the order of the group: all of these begin with a byte of ones, but for P-521, whose first has one bit.
  scalar[0] = group === 'secp521r1' ? 0 : (scalar[0] as number) & 0x7f;
  const ecdh = createECDH(CURVES[group]);
  ecdh.setPrivateKey(scalar);
  return {
    group,
    publicShare: new Uint8Array(ecdh.getPublicKey()),
    agree: (peerShare) => {
      try {
        return new Uint8Array(ecdh.computeSecret(peerShare));
      } catch {
        throw new InvalidKeyShare(`${group} share`);
      }
    },
  };
}
