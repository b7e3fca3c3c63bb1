import type { Bytes } from '../core/bytes.ts';
import { formatIpAddress, parseIpAddress } from '../core/ip-address.ts';
import { AF, NATIVE_LIMITS } from './constants.ts';
import { SystemError } from './errors.ts';
import type { Native } from './native.ts';

/** A transport address: IP with port, or a Unix socket. Linux's struct sockaddr is its wire form. */
export type SocketAddress =
  | {
      readonly family: 'ip';
      /** 4 or 16 bytes. */
      readonly address: Bytes;
      readonly port: number;
      /** Interface index of a link-local IPv6 address, else 0. */
      readonly scope: number;
    }
  | {
      readonly family: 'unix';
      /** A path; one that begins with NUL is in the abstract namespace; empty for a socket without a name. */
      readonly path: string;
    };

/**
 * An IP literal as people type it: `192.0.2.1`, `2001:db8::1`, `fe80::1%eth0`, `fe80::1%2`; no brackets. Null if it is not one.
 * @throws SystemError for a zone that names no interface; RangeError for a port that is none.
 */
export function parseIpEndpoint(
  native: Pick<Native, 'interfaceIndex'>,
  text: string,
  port: number,
): SocketAddress | null {
  const percent = text.indexOf('%');
  const address = parseIpAddress(percent < 0 ? text : text.slice(0, percent));
  if (address === null) return null;
  if (percent < 0) return { family: 'ip', address, port: checkedPort(port), scope: 0 };
  const zone = text.slice(percent + 1);
  // RFC 4007 section 11.2: a zone is an interface's number or name.
  if (address.length !== 16 || !/^[\w.:-]{1,15}$/.test(zone)) return null;
  const scope = /^\d{1,9}$/.test(zone) ? Number(zone) : native.interfaceIndex(zone);
  if (scope < 0) throw new SystemError(`interface ${zone}`, scope);
  return { family: 'ip', address, port: checkedPort(port), scope };
}

/** `192.0.2.1:443`, `[2001:db8::1]:443`, `[fe80::1%2]:443`, `unix:/run/x`, `unix:@abstract`. */
export function formatAddress(address: SocketAddress): string {
  if (address.family === 'unix') return `unix:${address.path.replace(/^\0/, '@')}`;
  const text = formatIpAddress(address.address);
  if (address.address.length === 4) return `${text}:${address.port}`;
  return `[${text}${address.scope === 0 ? '' : `%${address.scope}`}]:${address.port}`;
}

/** The domain for socket(2). */
export function addressDomain(address: SocketAddress): number {
  if (address.family === 'unix') return AF.UNIX;
  return address.address.length === 4 ? AF.INET : AF.INET6;
}

/** struct sockaddr_in, sockaddr_in6 or sockaddr_un. @throws RangeError for a path that is too long, or a port that is none. */
export function encodeAddress(address: SocketAddress): Bytes {
  if (address.family === 'unix') {
    const path = new TextEncoder().encode(address.path);
    if (path.length >= UNIX_PATH_BYTES)
      throw new RangeError(`a socket's path has at most ${UNIX_PATH_BYTES - 1} bytes`);
    // A path in the file system ends with a NUL, a name in the abstract namespace with its length.
    const encoded = new Uint8Array(2 + path.length + (address.path.startsWith('\0') ? 0 : 1));
    new DataView(encoded.buffer).setUint16(0, AF.UNIX, true);
    encoded.set(path, 2);
    return encoded;
  }
  const encoded = new Uint8Array(address.address.length === 4 ? INET_BYTES : INET6_BYTES);
  const view = new DataView(encoded.buffer);
  view.setUint16(0, addressDomain(address), true); // both architectures are little-endian
  view.setUint16(2, checkedPort(address.port), false);
  encoded.set(address.address, address.address.length === 4 ? 4 : 8);
  if (address.address.length === 16) view.setUint32(24, address.scope, true);
  return encoded;
}

/** What accept, socketName and peerName fill in, or null for another family or an impossible length. */
export function decodeAddress(encoded: Bytes): SocketAddress | null {
  if (encoded.length < 2) return null;
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  const domain = view.getUint16(0, true);
  if (domain === AF.INET && encoded.length === INET_BYTES)
    return { family: 'ip', address: encoded.slice(4, 8), port: view.getUint16(2, false), scope: 0 };
  if (domain === AF.INET6 && encoded.length === INET6_BYTES) {
    const scope = view.getUint32(24, true);
    return { family: 'ip', address: encoded.slice(8, 24), port: view.getUint16(2, false), scope };
  }
  if (domain === AF.UNIX && encoded.length <= 2 + UNIX_PATH_BYTES + 1)
    return { family: 'unix', path: unixPath(encoded) };
  return null;
}

/** A buffer that `accept`, `socketName` and `peerName` can fill. */
export function addressBuffer(): Bytes {
  return new Uint8Array(NATIVE_LIMITS.addressBytes);
}

/** sizeof sun_path */
const UNIX_PATH_BYTES = 108;
const INET_BYTES = 16;
const INET6_BYTES = 28;

function unixPath(encoded: Bytes): string {
  const path = new TextDecoder().decode(encoded.subarray(2));
  if (path.startsWith('\0')) return path;
  const end = path.indexOf('\0');
  return end < 0 ? path : path.slice(0, end);
}

function checkedPort(port: number): number {
  if (!Number.isInteger(port) || port < 0 || port > 0xffff) throw new RangeError(`not a port: ${port}`);
  return port;
}
