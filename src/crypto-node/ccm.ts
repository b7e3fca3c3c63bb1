import { createCipheriv, type KeyObject } from 'node:crypto';
import { type Bytes, concat, equalSecret } from '../core/bytes.ts';

const BLOCK_BYTES = 16;
const ZERO_BLOCK = new Uint8Array(BLOCK_BYTES);
/** With a 12-byte nonce, 3 bytes are left to count the message's bytes (RFC 3610 section 2.1: L = 3). */
const COUNTER_BYTES = 3;

/**
 * AES-CCM, RFC 3610, for a 12-byte nonce: a composition of the runtime's AES-CBC and AES-CTR, since Bun has no CCM of its own.
 * @returns ciphertext followed by the tag.
 */
export function ccmSeal(
  key: KeyObject,
  tagBytes: number,
  nonce: Bytes,
  associatedData: Bytes,
  plaintext: Bytes,
): Bytes {
  const keyStream = counterMode(key, nonce);
  const tag = keyStream.update(authenticator(key, tagBytes, nonce, associatedData, plaintext));
  return concat(keyStream.update(plaintext), tag.subarray(0, tagBytes));
}

/** @returns the plaintext, or null if it is not authentic. */
export function ccmOpen(
  key: KeyObject,
  tagBytes: number,
  nonce: Bytes,
  associatedData: Bytes,
  ciphertext: Bytes,
): Bytes | null {
  const end = ciphertext.length - tagBytes;
  if (end < 0) return null;
  const keyStream = counterMode(key, nonce);
  const tagMask = keyStream.update(ZERO_BLOCK);
  const plaintext = keyStream.update(ciphertext.subarray(0, end));
  const tag = authenticator(key, tagBytes, nonce, associatedData, plaintext);
  for (let index = 0; index < BLOCK_BYTES; index++) tag[index] = (tag[index] as number) ^ (tagMask[index] as number);
  if (equalSecret(tag.subarray(0, tagBytes), ciphertext.subarray(end))) return plaintext;
  plaintext.fill(0);
  return null;
}

/** RFC 3610 section 2.3: the block A_0 makes the mask of the tag, A_1 and on the key stream of the message. */
function counterMode(key: KeyObject, nonce: Bytes) {
  const firstBlock = new Uint8Array(BLOCK_BYTES);
  firstBlock[0] = COUNTER_BYTES - 1;
  firstBlock.set(nonce, 1);
  return createCipheriv('aes-128-ctr', key, firstBlock);
}

/** RFC 3610 section 2.2: the CBC-MAC over B_0, the associated data and the message, each padded to whole blocks. */
function authenticator(key: KeyObject, tagBytes: number, nonce: Bytes, associatedData: Bytes, message: Bytes): Bytes {
  if (message.length >= 2 ** 16 || associatedData.length >= 0xff00) throw new RangeError('too long for this CCM');
  const hasAssociatedData = associatedData.length > 0;
  const messageAt = BLOCK_BYTES + (hasAssociatedData ? padded(2 + associatedData.length) : 0);
  const blocks = new Uint8Array(messageAt + padded(message.length));
  blocks[0] = (hasAssociatedData ? 0x40 : 0) | (((tagBytes - 2) / 2) << 3) | (COUNTER_BYTES - 1);
  blocks.set(nonce, 1);
  blocks[14] = message.length >>> 8;
  blocks[15] = message.length;
  if (hasAssociatedData) {
    blocks[16] = associatedData.length >>> 8;
    blocks[17] = associatedData.length;
    blocks.set(associatedData, 18);
  }
  blocks.set(message, messageAt);
  const chained = createCipheriv('aes-128-cbc', key, ZERO_BLOCK).setAutoPadding(false).update(blocks);
  blocks.fill(0);
  return Uint8Array.from(chained.subarray(-BLOCK_BYTES));
}

function padded(length: number): number {
  return Math.ceil(length / BLOCK_BYTES) * BLOCK_BYTES;
}
