import type { Bytes } from '../../core/bytes.ts';
import { ByteWriter } from '../../core/writer.ts';
import { decodeWhole, malformed } from './decode.ts';

// Bodies of the extensions that only TLS 1.2 has, in the manner of `extensions.ts`.

/** RFC 5746 section 3.2. @param finished what the last handshake's Finished said: empty in a first one */
export function encodeRenegotiationInfo(finished: Bytes): Bytes {
  return new ByteWriter(16).vector8(finished).finish();
}

/** RFC 5746 section 3.2. @returns what the last handshake's Finished said. @throws TlsError */
export function decodeRenegotiationInfo(body: Bytes): Bytes {
  return decodeWhole('renegotiation_info', body, (reader) => reader.vector8());
}

/** RFC 8422 section 5.1.2: uncompressed points, and no others. */
export const EC_POINT_FORMATS: Bytes = Uint8Array.of(1, 0);

/** Whether uncompressed points are among them. */
export function decodePointFormats(body: Bytes): boolean {
  return decodeWhole('ec_point_formats', body, (reader) => {
    const formats = reader.vector8();
    if (formats.length === 0) malformed('ec_point_formats');
    return formats.includes(0);
  });
}
