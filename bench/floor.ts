/**
 * Two floors under a handshake, both measured apart from it and in the same run. The calls: what a role asked of the provider, written
 * down once and made again with nothing in between. The floor: the primitives that the RFCs leave nobody a choice about, in the
 * numbers that follow from their key schedules and not from our code.
 */
import type { Bytes } from '../src/core/bytes.ts';
import { AEADS, TLS12_SUITES, TLS13_SUITES } from '../src/crypto/cipher-suites.ts';
import type { Aead, CryptoProvider, KeyShare, RunningHash } from '../src/crypto/provider.ts';
import { signedBytes } from '../src/crypto/signed-content.ts';
import { nodeCrypto } from '../src/crypto-node/provider.ts';
import type { Effect } from '../src/engine/connection.ts';
import { KEYS, type Protocol, type Roles, SPKI } from './pair.ts';

/** Something to be done, and done again. */
type Call = () => unknown;

/** Does all of them, `count` times. */
export async function repeat(calls: readonly Call[], count: number): Promise<void> {
  for (let index = 0; index < count; index++)
    for (const call of calls) {
      const result = call();
      if (result instanceof Promise) await result;
    }
}

/** A provider and a holder of keys that write down what they are asked for. */
export class Recorder {
  readonly client: Call[] = [];
  readonly server: Call[] = [];
  readonly roles: Roles = {
    client: recording(this.client),
    server: recording(this.server),
    keys: { ...KEYS, sign: (effect) => recorded(this.server, () => KEYS.sign(effect)) },
  };
}

function recorded<T>(calls: Call[], call: () => T): T {
  calls.push(call);
  return call();
}

/** Arguments that their owners write over are copied. */
function recording(calls: Call[]): CryptoProvider {
  const { groups, aeads, signatureSchemes, certificateCompressions } = nodeCrypto;
  return {
    groups,
    aeads,
    signatureSchemes,
    certificateCompressions,
    randomBytes: (length) => recorded(calls, () => nodeCrypto.randomBytes(length)),
    hash: (algorithm, message) => recorded(calls, () => nodeCrypto.hash(algorithm, message)),
    sha1: (message) => recorded(calls, () => nodeCrypto.sha1(message)),
    hmac(algorithm, key, message) {
      const copies = [key.slice(), message.slice()] as const;
      return recorded(calls, () => nodeCrypto.hmac(algorithm, ...copies));
    },
    startHash: (algorithm) => recordingHash(calls, () => nodeCrypto.startHash(algorithm)),
    aead(algorithm, key) {
      const copy = key.slice();
      return recordingAead(calls, () => nodeCrypto.aead(algorithm, copy));
    },
    generateKeyShare: (group) => recordingShare(calls, () => nodeCrypto.generateKeyShare(group)),
    respondToKeyShare: (group, peerShare) => recorded(calls, () => nodeCrypto.respondToKeyShare(group, peerShare)),
    verify: (...parameters) => recorded(calls, () => nodeCrypto.verify(...parameters)),
    decompress: (...parameters) => recorded(calls, () => nodeCrypto.decompress(...parameters)),
  };
}

function recordingHash(calls: Call[], start: () => RunningHash): RunningHash {
  let hash = start();
  calls.push(() => {
    hash = start();
  });
  return {
    update(message) {
      const copy = message.slice();
      recorded(calls, () => hash.update(copy));
    },
    current: () => recorded(calls, () => hash.current()),
    copy: () => recordingHash(calls, () => hash.copy()),
  };
}

function recordingAead(calls: Call[], create: () => Aead): Aead {
  let aead = create();
  calls.push(() => {
    aead = create();
  });
  return {
    tagBytes: aead.tagBytes,
    seal(nonce, associatedData, plaintext, trailer, output, offset) {
      const copies = [nonce.slice(), associatedData.slice(), plaintext.slice(), trailer.slice()] as const;
      return recorded(calls, () => aead.seal(...copies, output, offset));
    },
    open(nonce, associatedData, ciphertext) {
      const copies = [nonce.slice(), associatedData.slice(), ciphertext.slice()] as const;
      return recorded(calls, () => aead.open(...copies));
    },
  };
}

function recordingShare(calls: Call[], generate: () => KeyShare): KeyShare {
  let share = generate();
  calls.push(() => {
    share = generate();
  });
  const { group, publicShare } = share;
  return { group, publicShare, agree: (peerShare) => recorded(calls, () => share.agree(peerShare)) };
}

/** How often a role needs each. */
interface Primitives {
  /** Key pair and agreement. */
  readonly agreements: 0 | 1;
  readonly signatures: 0 | 1;
  readonly verifications: 0 | 1;
  readonly hmacs: number;
  /** Where the transcript's hash is read. */
  readonly digests: number;
  readonly aeadKeys: number;
  /** Plaintext bytes of records, typical ones. */
  readonly sealed: readonly number[];
  readonly opened: readonly number[];
}

const FINISHED_BYTES = 36;
const FLIGHT_BYTES = 800;
const TICKET_BYTES = 250;

/**
 * HMACs in TLS 1.3 (RFC 8446 section 7.1): three secrets, two that are derived between them, two pairs of traffic secrets, the exporter's
 * and the resumption's, a key and a vector for each of the four traffic secrets, and two for each Finished: 23. A ticket's binder takes
 * three more, and a ticket's own secret one. In TLS 1.2 (RFC 5246 section 5) a block of the PRF takes two: four for the master secret,
 * four for the keys, two for each Finished.
 */
const FULL_13 = { agreements: 1, hmacs: 23, digests: 5, aeadKeys: 4 } as const;
const RESUMED_13 = { ...FULL_13, signatures: 0, verifications: 0, hmacs: 27, digests: 5 } as const;
const FULL_12 = { agreements: 1, hmacs: 12, digests: 3, aeadKeys: 2 } as const;
const RESUMED_12 = { agreements: 0, signatures: 0, verifications: 0, hmacs: 8, digests: 2, aeadKeys: 2 } as const;

const FLOORS: Readonly<
  Record<`${Protocol['version']} ${'full' | 'resumed'}`, Record<'client' | 'server', Primitives>>
> = {
  'TLSv1.3 full': {
    client: { ...FULL_13, signatures: 0, verifications: 1, sealed: [FINISHED_BYTES], opened: [FLIGHT_BYTES] },
    server: { ...FULL_13, signatures: 1, verifications: 0, sealed: [FLIGHT_BYTES], opened: [FINISHED_BYTES] },
  },
  'TLSv1.3 resumed': {
    client: { ...RESUMED_13, sealed: [FINISHED_BYTES], opened: [2 * FINISHED_BYTES, TICKET_BYTES] },
    server: { ...RESUMED_13, sealed: [2 * FINISHED_BYTES, TICKET_BYTES], opened: [FINISHED_BYTES] },
  },
  'TLSv1.2 full': {
    client: { ...FULL_12, signatures: 0, verifications: 1, sealed: [FINISHED_BYTES], opened: [FINISHED_BYTES] },
    server: { ...FULL_12, signatures: 1, verifications: 0, sealed: [FINISHED_BYTES], opened: [FINISHED_BYTES] },
  },
  'TLSv1.2 resumed': {
    client: { ...RESUMED_12, sealed: [FINISHED_BYTES], opened: [FINISHED_BYTES] },
    server: { ...RESUMED_12, sealed: [FINISHED_BYTES], opened: [FINISHED_BYTES] },
  },
};

/** The primitives of one handshake of that role, in no particular order. */
export function floor(protocol: Protocol, kind: 'full' | 'resumed', role: 'client' | 'server'): readonly Call[] {
  const { aead: algorithm, hash } = { ...TLS13_SUITES, ...TLS12_SUITES }[protocol.suite];
  const needed = FLOORS[`${protocol.version} ${kind}`][role];
  const secret = nodeCrypto.randomBytes(32);
  const info = nodeCrypto.randomBytes(54);
  const transcript = nodeCrypto.startHash(hash);
  const key = nodeCrypto.randomBytes(AEADS[algorithm].keyBytes);
  const aead = nodeCrypto.aead(algorithm, key);
  return [
    () => nodeCrypto.randomBytes(32),
    () => transcript.update(secret.subarray(0, 0)),
    () => nodeCrypto.hash(hash, new Uint8Array(2 * FLIGHT_BYTES)),
    ...times(needed.agreements, agreement(protocol, role)),
    ...times(needed.signatures, () => KEYS.sign(SIGNED)),
    ...times(needed.verifications, () => nodeCrypto.verify('ecdsa_secp256r1_sha256', SPKI, MESSAGE, SIGNATURE)),
    ...times(needed.hmacs, () => nodeCrypto.hmac(hash, secret, info)),
    ...times(needed.digests, () => transcript.current()),
    ...times(needed.aeadKeys, () => nodeCrypto.aead(algorithm, key)),
    ...needed.sealed.map((bytes) => seal(aead, bytes)),
    ...needed.opened.map((bytes) => open(aead, bytes)),
  ];
}

function times(count: number, call: Call): Call[] {
  return Array.from({ length: count }, () => call);
}

/** A key pair and one agreement: of hybrids the client has the decapsulation key, and the server encapsulates. */
function agreement({ group }: Protocol, role: 'client' | 'server'): Call {
  const peer = nodeCrypto.generateKeyShare(group);
  if (role === 'server') return () => nodeCrypto.respondToKeyShare(group, peer.publicShare);
  const answered = nodeCrypto.respondToKeyShare(group, peer.publicShare);
  return async () => nodeCrypto.generateKeyShare(group).agree((await answered).publicShare);
}

const SIGNED: Extract<Effect, { effect: 'sign' }> = {
  effect: 'sign',
  key: '',
  scheme: 'ecdsa_secp256r1_sha256',
  content: { version: 'TLSv1.3', role: 'server', transcriptHash: nodeCrypto.randomBytes(32) },
};
const MESSAGE = signedBytes(SIGNED.content);
const SIGNATURE: Bytes = signature();

function signature(): Bytes {
  const answer = KEYS.sign(SIGNED);
  if (answer instanceof Promise || answer.answer !== 'signed') throw new Error('not signed at once');
  return answer.signature;
}

const NONCE = new Uint8Array(12);
const HEADER = new Uint8Array(5);
const CONTENT_TYPE = new Uint8Array(1);

function seal(aead: Aead, bytes: number): Call {
  const plaintext = new Uint8Array(bytes);
  const output = new Uint8Array(bytes + 1 + aead.tagBytes);
  return () => aead.seal(NONCE, HEADER, plaintext, CONTENT_TYPE, output, 0);
}

function open(aead: Aead, bytes: number): Call {
  const ciphertext = new Uint8Array(bytes + 1 + aead.tagBytes);
  aead.seal(NONCE, HEADER, new Uint8Array(bytes), CONTENT_TYPE, ciphertext, 0);
  return () => aead.open(NONCE, HEADER, ciphertext);
}
