import type { Bytes } from '../../core/bytes.ts';
import { ByteReader } from '../../core/reader.ts';
import { groupByCodePoint, NAMED_GROUPS } from '../../crypto/named-groups.ts';
import type { SignatureScheme } from '../../crypto/provider.ts';
import { SIGNATURE_SCHEMES, type SignatureKey } from '../../crypto/signature-schemes.ts';
import type { SignedContent } from '../../crypto/signed-content.ts';

/**
 * Whether a key of that type may sign in that version by that name. An ECDSA scheme of TLS 1.2 names the hash alone, and the key has
 * the curve (RFC 8422 section 5.1.1).
 */
export function mayBeSigned(type: SignatureKey, scheme: SignatureScheme, version: SignedContent['version']): boolean {
  const { key, inTls12Handshake, inTls13Handshake } = SIGNATURE_SCHEMES[scheme];
  if (version === 'TLSv1.3') return inTls13Handshake && key === type;
  return inTls12Handshake && (key === type || (isCurve(key) && isCurve(type)));
}

function isCurve(type: SignatureKey): boolean {
  return type === 'p256' || type === 'p384' || type === 'p521';
}

/**
 * Whether the parts are such as a handshake has. TLS 1.3's is a hash behind 64 spaces and who signs. In TLS 1.2 the session process has more
 * to say, so the shape is held against it: the bytes that follow two randoms are ECDHE parameters, which begin with 3, never a letter of TLS
 * 1.3's context; and what a client signs are the messages of a whole handshake, which begin with a ClientHello, never a space.
 */
export function isHandshakeContent(content: SignedContent): boolean {
  if (content.version === 'TLSv1.3') return true;
  try {
    return content.role === 'server'
      ? areEcdhParameters(content.parameters)
      : isClientFlight(content.handshakeMessages);
  } catch (error) {
    if (error instanceof TooShort) return false;
    throw error;
  }
}

/** ServerECDHParams, RFC 8422 section 5.4: a named curve that we have, and an uncompressed point of its length. */
function areEcdhParameters(parameters: Bytes): boolean {
  const reader = new ByteReader(parameters, tooShort);
  if (reader.u8() !== NAMED_CURVE) return false;
  const group = groupByCodePoint(reader.u16());
  const point = reader.vector8();
  reader.end();
  if (group === undefined || group === 'X25519MLKEM768' || group === 'SecP256r1MLKEM768') return false;
  return point.length === NAMED_GROUPS[group].serverShareBytes && (group === 'x25519' || point[0] === UNCOMPRESSED);
}

/** RFC 5246 section 7.3: all messages up to ClientKeyExchange, of a handshake in which the client was asked for a certificate. */
function isClientFlight(handshakeMessages: Bytes): boolean {
  const reader = new ByteReader(handshakeMessages, tooShort);
  const types: number[] = [];
  while (reader.remaining > 0 && types.length <= MESSAGES_MOST) {
    types.push(reader.u8());
    reader.vector24();
  }
  return CLIENT_FLIGHT.test(types.join(' '));
}

/** ClientHello, ServerHello, Certificate, CertificateStatus if there is one, ServerKeyExchange, CertificateRequest, ServerHelloDone, Certificate, ClientKeyExchange. */
const CLIENT_FLIGHT = /^1 2 11 (?:22 )?12 13 14 11 16$/;
const MESSAGES_MOST = 9;
const NAMED_CURVE = 3;
const UNCOMPRESSED = 4;

class TooShort extends Error {}

function tooShort(): never {
  throw new TooShort();
}
