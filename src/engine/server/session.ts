import type { Bytes } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { ByteWriter } from '../../core/writer.ts';
import { TLS13_SUITES, tls13SuiteByCodePoint } from '../../crypto/cipher-suites.ts';
import { HASH_BYTES } from '../../crypto/hkdf.ts';
import { decodeWhole, malformed } from '../codec/decode.ts';
import { VERSION } from '../codec/registry.ts';
import type { SuiteName } from '../config.ts';
import { decodeTerms, encodeTerms, SEALED_FORMAT, type SessionTerms } from './session-terms.ts';

/** What a server must know again to resume: sealed by the holder of the ticket keys, and so our own word. */
export interface Session13 extends SessionTerms {
  /** The PSK of this ticket. */
  readonly secret: Bytes;
  readonly suite: SuiteName;
}

/** Begins with the format and the version, as all that is sealed for tickets. */
export function encodeSession13({ secret, suite, ...terms }: Session13): Bytes {
  return new ByteWriter(512)
    .u8(SEALED_FORMAT)
    .u16(VERSION.tls13)
    .u16(TLS13_SUITES[suite].codePoint)
    .vector8(secret)
    .vector16(encodeTerms(terms))
    .finishSecret();
}

/** Null for what is sealed, but is no session of this version of TLS and of this format. */
export function decodeSession13(plaintext: Bytes): Session13 | null {
  try {
    return decodeWhole('ticket', plaintext, (reader) => {
      if (reader.u8() !== SEALED_FORMAT || reader.u16() !== VERSION.tls13) malformed('ticket');
      const suite = tls13SuiteByCodePoint(reader.u16());
      const secret = reader.vector8();
      const terms = decodeTerms(reader.vector16());
      if (suite === undefined || secret.length !== HASH_BYTES[TLS13_SUITES[suite].hash]) malformed('ticket');
      return { ...terms, suite, secret: secret.slice() };
    });
  } catch (error) {
    if (error instanceof TlsError) return null;
    throw error;
  }
}
