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
  const [suite, group, version, signatureScheme, protocol, pskMode, first, other] = [...random].map(
    (byte) => byte >>> 4,
  ) as [number, number, number, number, number, number, number, number];
  const second = other === first ? other ^ 1 : other;
  return {
    suite: reserved(suite),
    group: reserved(group),
    version: reserved(version),
    signatureScheme: reserved(signatureScheme),
    protocol: Uint8Array.of(reserved(protocol), reserved(protocol)),
    // RFC 8701 section 2: eight of these, of one byte each.
    pskMode: 0x0b + 0x1f * (pskMode >>> 1),
    extensions: [reserved(first), reserved(second)],
  };
}

/** Whether `code` is one of the sixteen reserved values. */
export function isGrease(code: number): boolean {
  return (code & 0x0f0f) === 0x0a0a && code >>> 8 === (code & 0xff);
}

function reserved(nibble: number): number {
  const byte = (nibble << 4) | 0x0a;
  return (byte << 8) | byte;
}
