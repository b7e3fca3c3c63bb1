import type { KeyObject } from 'node:crypto';
import type { Bytes } from '../../src/core/bytes.ts';
import { HPKE_KEMS, type HpkeAead, HpkeContext, type HpkeGroup, hpkeGroupByCodePoint } from '../../src/crypto/hpke.ts';
import { InvalidKeyShare } from '../../src/crypto/provider.ts';
import { agreeEcdh, generateEcdh } from '../../src/crypto-node/ecdh.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import type { Answer, EchOpening } from '../../src/engine/connection.ts';
import {
  decodeEchConfig,
  type EchConfig,
  type EchConfigContents,
  echInfo,
  encodeEchConfig,
  suiteOf,
} from '../../src/engine/ech/config.ts';
import type { EchKey } from '../../src/engine/server-config.ts';

/** An ECHConfig with the key that opens what is sealed for it. */
export interface HeldEchKey {
  /** {@link EchKey.key} */
  readonly name: string;
  readonly config: EchConfig;
  readonly privateKey: KeyObject;
}

const ALL_AEADS: readonly HpkeAead[] = ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'];

/** A new key of `group`, published for `public.example` unless told otherwise. */
export function heldEchKey(
  name: string,
  changes: Partial<EchConfigContents> = {},
  group: HpkeGroup = 'x25519',
): HeldEchKey {
  const { publicShare, privateKey } = generateEcdh(group);
  const config = decodeEchConfig(
    encodeEchConfig({
      configId: 7,
      kem: HPKE_KEMS[group].codePoint,
      publicKey: publicShare,
      suites: ALL_AEADS.map(suiteOf),
      maximumNameBytes: 64,
      publicName: 'public.example',
      extensions: new Map(),
      ...changes,
    }),
  );
  return { name, config, privateKey };
}

/** As a server's configuration has it. */
export function echKey({ name, config }: HeldEchKey, retry = true): EchKey {
  return { key: name, config, retry };
}

/** What a holder of keys does: it seals the context to its own config, whatever it is asked. */
export function openEch(held: readonly HeldEchKey[], effect: EchOpening): Answer {
  const key = held.find(({ name }) => name === effect.key);
  const group = key === undefined ? undefined : hpkeGroupByCodePoint(key.config.kem);
  if (key === undefined || group === undefined) return { answer: 'ech-opened', encodedInner: null };
  const { aead, encapsulated, sequence, associatedData, payload } = effect;
  const { publicKey: recipientPublicKey } = key.config;
  let agreed: Bytes;
  try {
    agreed = agreeEcdh(group, key.privateKey, encapsulated);
  } catch (error) {
    if (error instanceof InvalidKeyShare) return { answer: 'ech-opened', encodedInner: null };
    throw error;
  }
  const info = echInfo(key.config);
  const setup = { group, aead, agreed, encapsulated, recipientPublicKey, info };
  const encodedInner = new HpkeContext(nodeCrypto, setup, sequence).open(associatedData, payload);
  agreed.fill(0);
  return { answer: 'ech-opened', encodedInner };
}
