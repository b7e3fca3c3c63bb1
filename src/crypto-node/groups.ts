import type { KeyObject } from 'node:crypto';
import { type Bytes, concat } from '../core/bytes.ts';
import { NAMED_GROUPS } from '../crypto/named-groups.ts';
import { InvalidKeyShare, type KeyAgreement, type KeyShare, type Later, type NamedGroup } from '../crypto/provider.ts';
import { agreeEcdh, type EcdhGroup, generateEcdh } from './ecdh.ts';
import { decapsulate, encapsulate, generateMlKem, hasMlKem, ML_KEM_768 } from './ml-kem.ts';

type HybridGroup = Exclude<NamedGroup, EcdhGroup>;

/** draft-ietf-tls-ecdhe-mlkem section 4: which part comes first in the shares is also first in the secret. */
const HYBRIDS = {
  X25519MLKEM768: { ecdh: 'x25519', mlKemFirst: true },
  SecP256r1MLKEM768: { ecdh: 'secp256r1', mlKemFirst: false },
} as const satisfies Record<HybridGroup, { readonly ecdh: EcdhGroup; readonly mlKemFirst: boolean }>;

/** Those which this runtime has, best first. */
export const GROUPS: readonly NamedGroup[] = [
  ...(hasMlKem ? (['X25519MLKEM768', 'SecP256r1MLKEM768'] as const) : []),
  'x25519',
  'secp256r1',
  'secp384r1',
  'secp521r1',
];

/** The initiator's side: a fresh share, to be used once. */
export function generateKeyShare(group: NamedGroup): KeyShare {
  return isHybrid(group) ? new HybridShare(group) : new EcdhShare(group);
}

/** @throws InvalidKeyShare when `peerShare` is not a valid public value of `group`. */
export function respondToKeyShare(group: NamedGroup, peerShare: Bytes): Later<KeyAgreement> {
  if (!isHybrid(group)) {
    const own = generateEcdh(group);
    return { publicShare: own.publicShare, secret: agreeEcdh(group, own.privateKey, peerShare) };
  }
  const { ecdh } = HYBRIDS[group];
  const peer = split(group, peerShare, ML_KEM_768.encapsulationKeyBytes);
  const own = generateEcdh(ecdh);
  const ecdhSecret = agreeEcdh(ecdh, own.privateKey, peer.ecdh);
  return then(encapsulate(peer.mlKem), ({ ciphertext, secret }) => ({
    publicShare: join(group, ciphertext, own.publicShare),
    secret: joinSecrets(group, secret, ecdhSecret),
  }));
}

class EcdhShare implements KeyShare {
  readonly group: EcdhGroup;
  readonly publicShare: Bytes;
  #privateKey: KeyObject | null;

  constructor(group: EcdhGroup) {
    const { publicShare, privateKey } = generateEcdh(group);
    this.group = group;
    this.publicShare = publicShare;
    this.#privateKey = privateKey;
  }

  agree(peerShare: Bytes): Bytes {
    const privateKey = usedOnce(this.#privateKey);
    this.#privateKey = null;
    return agreeEcdh(this.group, privateKey, peerShare);
  }
}

class HybridShare implements KeyShare {
  readonly group: HybridGroup;
  readonly publicShare: Bytes;
  #privateKeys: { readonly mlKem: KeyObject; readonly ecdh: KeyObject } | null;

  constructor(group: HybridGroup) {
    const mlKem = generateMlKem();
    const ecdh = generateEcdh(HYBRIDS[group].ecdh);
    this.group = group;
    this.publicShare = join(group, mlKem.encapsulationKey, ecdh.publicShare);
    this.#privateKeys = { mlKem: mlKem.decapsulationKey, ecdh: ecdh.privateKey };
  }

  agree(peerShare: Bytes): Later<Bytes> {
    const privateKeys = usedOnce(this.#privateKeys);
    this.#privateKeys = null;
    const peer = split(this.group, peerShare, ML_KEM_768.ciphertextBytes);
    const ecdhSecret = agreeEcdh(HYBRIDS[this.group].ecdh, privateKeys.ecdh, peer.ecdh);
    return then(decapsulate(privateKeys.mlKem, peer.mlKem), (secret) => joinSecrets(this.group, secret, ecdhSecret));
  }
}

function isHybrid(group: NamedGroup): group is HybridGroup {
  return group in HYBRIDS;
}

function usedOnce<T>(privatePart: T | null): T {
  if (privatePart === null) throw new Error('a key share was used a second time');
  return privatePart;
}

function split(group: HybridGroup, share: Bytes, mlKemBytes: number): { readonly mlKem: Bytes; readonly ecdh: Bytes } {
  const { ecdh, mlKemFirst } = HYBRIDS[group];
  const ecdhBytes = NAMED_GROUPS[ecdh].clientShareBytes;
  if (share.length !== mlKemBytes + ecdhBytes) throw new InvalidKeyShare(`${group} share of ${share.length} bytes`);
  return mlKemFirst
    ? { mlKem: share.subarray(0, mlKemBytes), ecdh: share.subarray(mlKemBytes) }
    : { mlKem: share.subarray(ecdhBytes), ecdh: share.subarray(0, ecdhBytes) };
}

function join(group: HybridGroup, mlKem: Bytes, ecdh: Bytes): Bytes {
  return HYBRIDS[group].mlKemFirst ? concat(mlKem, ecdh) : concat(ecdh, mlKem);
}

function joinSecrets(group: HybridGroup, mlKem: Bytes, ecdh: Bytes): Bytes {
  const secret = join(group, mlKem, ecdh);
  mlKem.fill(0);
  ecdh.fill(0);
  return secret;
}

function then<T, U>(later: Later<T>, next: (value: T) => U): Later<U> {
  return later instanceof Promise ? later.then(next) : next(later);
}
