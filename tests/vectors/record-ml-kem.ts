/**
 * Adds what this runtime encapsulates to ml-kem-768.json: run it with `node` and with `bun`, so that each decapsulates what the
 * other made. Without the file, it begins one with a fresh seed.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { hex, unhex } from '../../src/core/bytes.ts';
import { encapsulate } from '../../src/crypto-node/ml-kem.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';

/** One key pair, and secrets encapsulated to it; in hexadecimal. */
export interface MlKemVectors {
  /** d || z, FIPS 203 section 7.1. */
  readonly seed: string;
  readonly encapsulationKeySha256: string;
  readonly encapsulations: readonly {
    readonly runtime: string;
    readonly ciphertext: string;
    readonly secret: string;
  }[];
}

if (import.meta.main) {
  const file = new URL('ml-kem-768.json', import.meta.url);
  const old: MlKemVectors | null = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
  const seed = old === null ? nodeCrypto.randomBytes(64) : unhex(old.seed);
  const privateKey = createPrivateKey({ key: seed, format: 'raw-seed', asymmetricKeyType: 'ml-kem-768' });
  const encapsulationKey = createPublicKey(privateKey).export({ format: 'raw-public' });
  const runtime = process.versions.bun === undefined ? 'node' : 'bun';
  const { ciphertext, secret } = await encapsulate(encapsulationKey);
  const vectors: MlKemVectors = {
    seed: hex(seed),
    encapsulationKeySha256: hex(nodeCrypto.hash('sha256', encapsulationKey)),
    encapsulations: [
      ...(old?.encapsulations.filter((other) => other.runtime !== runtime) ?? []),
      { runtime, ciphertext: hex(ciphertext), secret: hex(secret) },
    ],
  };
  writeFileSync(file, `${JSON.stringify(vectors, null, 2)}\n`);
}
