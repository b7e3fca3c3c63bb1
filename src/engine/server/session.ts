import { type Bytes, latin1 } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { ByteWriter } from '../../core/writer.ts';
import { TLS13_SUITES, tls13SuiteByCodePoint } from '../../crypto/cipher-suites.ts';
import { HASH_BYTES } from '../../crypto/hkdf.ts';
import { decodeWhole, malformed } from '../codec/decode.ts';
import { VERSION } from '../codec/registry.ts';
import type { SuiteName } from '../config.ts';
import { asciiJson, type SessionTerms } from './session-terms.ts';

/** What a server must know again to resume: sealed by the holder of the ticket keys, and so our own word. */
export interface Session13 extends SessionTerms {
  /** The PSK of this ticket. */
  readonly secret: Bytes;
  readonly suite: SuiteName;
}

/** Begins with the version, as all that is sealed for tickets. */
export function encodeSession13({ secret, suite, ...facts }: Session13): Bytes {
  return new ByteWriter(512)
    .u16(VERSION.tls13)
    .u16(TLS13_SUITES[suite].codePoint)
    .vector8(secret)
    .vector16(asciiJson(facts))
    .finishSecret();
}

/** Null for what is sealed, but is no session of this version of TLS or of this program. */
export function decodeSession13(plaintext: Bytes): Session13 | null {
  try {
    return decodeWhole('ticket', plaintext, (reader) => {
      if (reader.u16() !== VERSION.tls13) malformed('ticket');
      const suite = tls13SuiteByCodePoint(reader.u16());
      const secret = reader.vector8().slice();
      const facts = JSON.parse(latin1(reader.vector16())) as Omit<Session13, 'suite' | 'secret'>;
      if (suite === undefined || secret.length !== HASH_BYTES[TLS13_SUITES[suite].hash]) malformed('ticket');
      return { ...facts, suite, secret };
    });
  } catch (error) {
    if (error instanceof TlsError || error instanceof SyntaxError) return null;
    throw error;
  }
}
