import { type Bytes, concat, EMPTY, equal } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { LIMITS } from '../../core/limits.ts';
import { decodeWhole } from '../codec/decode.ts';
import { decodeShortCodePoints, type Extensions, extensionName } from '../codec/extensions.ts';
import { type ClientHello, encodeClientHello, readClientHello } from '../codec/messages.ts';
import { EXTENSION, VERSION } from '../codec/registry.ts';
import { decodeOuterExtensions, ECH_INNER, encodeOuterExtensions } from './extension.ts';

/**
 * EncodedClientHelloInner (RFC 9849 section 5.1): without the session id, and with `compressed` instead of the extensions of these
 * types, which stand together in `inner`, and in the same order and with the same bodies in the outer ClientHello.
 * @param maximumNameBytes of the ECHConfig
 * @param nameBytes of the name in `inner`; null without one
 */
export function encodeInner(
  inner: ClientHello,
  compressed: readonly number[],
  maximumNameBytes: number,
  nameBytes: number | null,
): Bytes {
  const extensions = new Map<number, Bytes>();
  for (const [code, body] of inner.extensions) {
    if (!compressed.includes(code)) extensions.set(code, body);
    else if (code === compressed[0]) extensions.set(EXTENSION.ech_outer_extensions, encodeOuterExtensions(compressed));
  }
  const encoded = encodeClientHello({ ...inner, sessionId: EMPTY, extensions }).subarray(4);
  return concat(encoded, new Uint8Array(paddingBytes(encoded.length, maximumNameBytes, nameBytes)));
}

/** Section 6.1.3: as if the name were as long as the longest, and then up to a multiple of 32. */
export function paddingBytes(encodedBytes: number, maximumNameBytes: number, nameBytes: number | null): number {
  const forName =
    nameBytes === null ? SERVER_NAME_OVERHEAD_BYTES + maximumNameBytes : Math.max(0, maximumNameBytes - nameBytes);
  return forName + 31 - ((encodedBytes + forName - 1) % 32);
}

/** Type, length, list length, name type and name length. */
const SERVER_NAME_OVERHEAD_BYTES = 9;

/**
 * The inner ClientHello, a whole message, out of what was sealed (section 5.1), in time linear to the sizes of both.
 * @throws TlsError decode-error, illegal-parameter
 */
export function reconstructInner(encoded: Bytes, outer: ClientHello): Bytes {
  const inner = decodeWhole('EncodedClientHelloInner', encoded, (reader) => {
    const hello = readClientHello(reader);
    if (reader.rest().some((byte) => byte !== 0)) throw new TlsError('illegal-parameter', 'padding that is not zero');
    return hello;
  });
  if (inner.sessionId.length > 0)
    throw new TlsError('illegal-parameter', 'EncodedClientHelloInner with a session id of its own');
  const extensions = expand(inner.extensions, outer.extensions);
  return encodeClientHello({ ...inner, sessionId: outer.sessionId, extensions });
}

/** Each reference is looked for behind the one before: so they are in order, and none is twice (appendix A). */
function expand(inner: Extensions, outer: Extensions): Extensions {
  const extensions = new Map<number, Bytes>();
  let blockBytes = 0;
  const add = (code: number, body: Bytes) => {
    if (extensions.has(code))
      throw new TlsError('illegal-parameter', `ech_outer_extensions: ${extensionName(code)} twice`);
    blockBytes += 4 + body.length;
    if (blockBytes > LIMITS.extensionBlockBytes)
      throw new TlsError('illegal-parameter', 'ech_outer_extensions: more than a ClientHello can hold');
    extensions.set(code, body);
  };
  for (const [code, body] of inner) {
    if (code !== EXTENSION.ech_outer_extensions) add(code, body);
    else for (const [referred, its] of referredTo(decodeOuterExtensions(body), outer)) add(referred, its);
  }
  return extensions;
}

function* referredTo(types: readonly number[], outer: Extensions): Iterable<readonly [number, Bytes]> {
  const rest = outer.entries();
  for (const type of types) {
    if (type === EXTENSION.encrypted_client_hello || type === EXTENSION.ech_outer_extensions)
      throw new TlsError('illegal-parameter', `ech_outer_extensions: ${extensionName(type)}`);
    let found = rest.next();
    while (!found.done && found.value[0] !== type) found = rest.next();
    if (found.done)
      throw new TlsError('illegal-parameter', `ech_outer_extensions: ${extensionName(type)} is not there`);
    yield found.value;
  }
}

/** Section 7.1: what every inner ClientHello has to be. @throws TlsError illegal-parameter, decode-error */
export function requireInner({ extensions }: ClientHello): void {
  const marker = extensions.get(EXTENSION.encrypted_client_hello);
  if (marker === undefined || !equal(marker, ECH_INNER))
    throw new TlsError('illegal-parameter', 'ClientHelloInner without its mark');
  const versions = extensions.get(EXTENSION.supported_versions);
  if (versions === undefined || decodeShortCodePoints('supported_versions', versions).some(isOld))
    throw new TlsError('illegal-parameter', 'ClientHelloInner with versions before TLS 1.3');
}

function isOld(version: number): boolean {
  return version < VERSION.tls13;
}
