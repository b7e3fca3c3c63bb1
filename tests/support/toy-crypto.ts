import { type Bytes, concat } from '../../src/core/bytes.ts';
import { HASH_BYTES } from '../../src/crypto/hkdf.ts';
import { NAMED_GROUPS } from '../../src/crypto/named-groups.ts';
import type {
  Aead,
  AeadAlgorithm,
  CryptoProvider,
  HashAlgorithm,
  KeyAgreement,
  KeyShare,
  NamedGroup,
  RunningHash,
  SignatureScheme,
} from '../../src/crypto/provider.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import type { CertificateVerifier, KeyHolder } from '../../src/engine/answer.ts';
import { acceptAnyCertificate } from './connection-driver.ts';

/**
 * Cryptography that keeps nothing secret and refuses nothing: every hash and every MAC is zeros, records are in the clear with a tag
 * that nobody looks at, any signature is good. An engine with it goes on with messages that were changed on their way, and so shows
 * what it does with them behind the checks that would stop them. It says the same each time.
 */
export const TOY_CRYPTO: CryptoProvider = {
  groups: nodeCrypto.groups,
  aeads: ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'] satisfies AeadAlgorithm[],
  signatureSchemes: nodeCrypto.signatureSchemes satisfies readonly SignatureScheme[],
  certificateCompressions: nodeCrypto.certificateCompressions,
  randomBytes: (length) => new Uint8Array(length).fill(7),
  hash: (algorithm) => new Uint8Array(HASH_BYTES[algorithm]),
  sha1: () => new Uint8Array(20),
  startHash,
  hmac: (algorithm) => new Uint8Array(HASH_BYTES[algorithm]),
  aead: () => TOY_AEAD,
  generateKeyShare,
  respondToKeyShare,
  verify: () => true,
  decompress: (algorithm, compressed, maximumBytes) => nodeCrypto.decompress(algorithm, compressed, maximumBytes),
};

const TAG_BYTES = 16;

const TOY_AEAD: Aead = {
  tagBytes: TAG_BYTES,
  seal: (_nonce, _associatedData, plaintext, trailer, output, offset) => {
    output.set(plaintext, offset);
    output.set(trailer, offset + plaintext.length);
    return plaintext.length + trailer.length + TAG_BYTES;
  },
  open: (_nonce, _associatedData, ciphertext) => ciphertext.slice(0, ciphertext.length - TAG_BYTES),
};

function startHash(algorithm: HashAlgorithm): RunningHash {
  return { update: () => {}, current: () => new Uint8Array(HASH_BYTES[algorithm]), copy: () => startHash(algorithm) };
}

function generateKeyShare(group: NamedGroup): KeyShare {
  const publicShare = new Uint8Array(NAMED_GROUPS[group].clientShareBytes).fill(4);
  return { group, publicShare, agree: () => new Uint8Array(32) };
}

function respondToKeyShare(group: NamedGroup): KeyAgreement {
  return { publicShare: new Uint8Array(NAMED_GROUPS[group].serverShareBytes).fill(4), secret: new Uint8Array(32) };
}

/** Seals nothing: a ticket is its content behind a byte, and whoever makes one up is believed. */
export function toyKeys(keys: KeyHolder): KeyHolder {
  return {
    choose: (question) => keys.choose(question),
    sign: () => ({ answer: 'signed', signature: new Uint8Array(64) }),
    sealTicket: ({ plaintext }) => ({ answer: 'ticket-sealed', ticket: concat(Uint8Array.of(TICKET), plaintext) }),
    openTicket: ({ ticket }) => ({
      answer: 'ticket-opened',
      plaintext: ticket[0] === TICKET ? ticket.slice(1) : null,
    }),
    openEch: ({ payload }) => ({ answer: 'ech-opened', encodedInner: payload.slice(0, payload.length - TAG_BYTES) }),
  };
}

const TICKET = 0x54;

/** Takes any chain, and one that cannot be read for that of `leaf`. */
export function trusting(leaf: Bytes): CertificateVerifier {
  const verdict = acceptAnyCertificate([leaf], undefined, null);
  return async (chain, ocspResponse, publicName) => {
    const answer = await acceptAnyCertificate(chain, ocspResponse, publicName);
    return answer.answer === 'refused' ? verdict : answer;
  };
}
