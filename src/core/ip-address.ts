import type { Bytes } from './bytes.ts';

/**
 * An IPv4 (4 bytes) or IPv6 (16 bytes) address from its text, or null for anything else. Strict: four decimal numbers without
 * leading zeros (RFC 6943 section 3.1.1: the old forms mean different things to different programs), or RFC 4291 section 2.2.
 * No brackets, no zone, no prefix length.
 */
export function parseIpAddress(text: string): Bytes | null {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/** The text of 4 or 16 bytes; IPv6 in the canonical form of RFC 5952. @throws RangeError for any other length. */
export function formatIpAddress(address: Bytes): string {
  if (address.length === 4) return address.join('.');
  if (address.length !== 16) throw new RangeError(`an IP address of ${address.length} bytes`);
  const groups: number[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(((address[at] as number) << 8) | (address[at + 1] as number));
  // RFC 5952 section 5: the IPv4-mapped prefix shows the IPv4 address.
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff)
    return `::ffff:${address.subarray(12).join('.')}`;
  const { start, length } = longestZeros(groups);
  const text = groups.map((group) => group.toString(16));
  // Section 4.2.2: `::` stands for two groups or more.
  if (length < 2) return text.join(':');
  return `${text.slice(0, start).join(':')}::${text.slice(start + length).join(':')}`;
}

const MAXIMUM_TEXT = 45; // 'ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255'

function parseIpv4(text: string): Bytes | null {
  const numbers = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (numbers === null) return null;
  const address = new Uint8Array(4);
  for (let index = 0; index < 4; index++) {
    const digits = numbers[index + 1] as string;
    if (Number(digits) > 255 || (digits.length > 1 && digits.startsWith('0'))) return null;
    address[index] = Number(digits);
  }
  return address;
}

function parseIpv6(text: string): Bytes | null {
  if (text.length > MAXIMUM_TEXT) return null;
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = groupsOf(halves[0] as string, halves.length === 1);
  const tail = halves.length === 1 ? [] : groupsOf(halves[1] as string, true);
  if (head === null || tail === null) return null;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return null;
  const address = new Uint8Array(16);
  address.set(head);
  address.set(tail, 16 - tail.length);
  return address;
}

/** The bytes of `a:b:c`, where the last may be an IPv4 address if `last` groups of the address are in it. */
function groupsOf(text: string, last: boolean): number[] | null {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [index, group] of groups.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
      continue;
    }
    const embedded = last && index === groups.length - 1 ? parseIpv4(group) : null;
    if (embedded === null) return null;
    bytes.push(...embedded);
  }
  return bytes;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (end < groups.length && groups[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
  }
  return best;
}
