import type { Bytes } from '../../core/bytes.ts';

/**
 * RFC 8701: values that are reserved so that nobody ever gives them a meaning. Who sends some of them keeps peers honest about
 * ignoring what they do not know. That one is chosen is refused as any value is that we do not have.
 */
export interface Grease {
  readonly suite: number;
  readonly group: number;
  readonly version: number;
  readonly signatureScheme: number;
  /** An ALPN protocol of two bytes. */
  readonly protocol: Bytes;
  readonly pskMode: number;
  /** Two, and different. */
  readonly extensions: readonly [number, number];
}

/** How many random bytes {@link chooseGrease} wants. */
export const GREASE_RANDOM_BYTES = 8;

/** 0x0a0a, 0x1a1a, … 0xfafa, chosen by `random`. The same in both ClientHellos of a handshake (RFC 8446 section 4.1.2). */
export function chooseGrease(random: Bytes): Grease {
  const protocol = reserved(random, 4);
  const first = reserved(random, 6);
  const second = reserved(random, 7);
  return {
    suite: reserved(random, 0),
    group: reserved(random, 1),
    version: reserved(random, 2),
    signatureScheme: reserved(random, 3),
    protocol: Uint8Array.of(protocol, protocol),
    // RFC 8701 section 2: eight of these, of one byte each.
    pskMode: 0x0b + 0x1f * ((random[5] as number) >>> 5),
    extensions: [first, second === first ? first ^ 0x1010 : second],
  };
}

/** Whether `code` is one of the sixteen reserved values. */
export function isGrease(code: number): boolean {
  return (code & 0x0f0f) === 0x0a0a && code >>> 8 === (code & 0xff);
}

/** Which of them the upper half of a random byte stands for. */
function reserved(random: Bytes, index: number): number {
  const byte = ((random[index] as number) & 0xf0) | 0x0a;
  return (byte << 8) | byte;
}
