import type { NamedGroup } from './provider.ts';

/** How a group looks on the wire. Lengths are of one key_share entry's key_exchange field, in bytes. */
export interface GroupParameters {
  readonly codePoint: number;
  /** What the client (in TLS 1.2: the server first) sends. */
  readonly clientShareBytes: number;
  readonly serverShareBytes: number;
}

/** IANA TLS Supported Groups: RFC 8446 section 4.2.7, and draft-ietf-tls-ecdhe-mlkem section 4 for the hybrids. */
export const NAMED_GROUPS = {
  X25519MLKEM768: { codePoint: 0x11ec, clientShareBytes: 1184 + 32, serverShareBytes: 1088 + 32 },
  SecP256r1MLKEM768: { codePoint: 0x11eb, clientShareBytes: 65 + 1184, serverShareBytes: 65 + 1088 },
  x25519: { codePoint: 0x001d, clientShareBytes: 32, serverShareBytes: 32 },
  secp256r1: { codePoint: 0x0017, clientShareBytes: 65, serverShareBytes: 65 },
  secp384r1: { codePoint: 0x0018, clientShareBytes: 97, serverShareBytes: 97 },
  secp521r1: { codePoint: 0x0019, clientShareBytes: 133, serverShareBytes: 133 },
} as const satisfies Record<NamedGroup, GroupParameters>;

/** Undefined for a code point that tlsify does not know. */
export function groupByCodePoint(codePoint: number): NamedGroup | undefined {
  return BY_CODE_POINT.get(codePoint);
}

const BY_CODE_POINT = new Map<number, NamedGroup>(
  (Object.keys(NAMED_GROUPS) as NamedGroup[]).map((group) => [NAMED_GROUPS[group].codePoint, group]),
);
