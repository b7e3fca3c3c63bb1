import { type Bytes, latin1 } from '../../../core/bytes.ts';
import { TlsError } from '../../../core/failures.ts';
import { ByteWriter } from '../../../core/writer.ts';
import { TLS12_SUITES, type Tls12SuiteName, tls12SuiteByCodePoint } from '../../../crypto/cipher-suites.ts';
import type { NamedGroup } from '../../../crypto/provider.ts';
import { decodeWhole, malformed } from '../../codec/decode.ts';
import { VERSION } from '../../codec/registry.ts';
import { asciiJson, type SessionTerms } from '../../server/session-terms.ts';
import type { ServerConfig } from '../../server-config.ts';
import type { ClientOffer } from './client-offer.ts';

/**
 * What a server must know again to resume (RFC 5077 section 4): sealed by the holder of the ticket keys, and so our own word. All
 * resumptions share the secret of the full handshake, and end with it.
 */
export interface Session12 extends SessionTerms {
  readonly suite: Tls12SuiteName;
  readonly masterSecret: Bytes;
  /** Of the key exchange that the secret comes from. */
  readonly group: NamedGroup;
}

/** The extended master secret goes without saying: we make no others. Begins with the version, as all that is sealed for tickets. */
export function encodeSession12({ suite, masterSecret, ...facts }: Session12): Bytes {
  return new ByteWriter(512)
    .u16(VERSION.tls12)
    .u16(TLS12_SUITES[suite].codePoint)
    .vector8(masterSecret)
    .vector16(asciiJson(facts))
    .finishSecret();
}

/** Null for what is sealed, but is no session of this version of TLS or of this program. */
export function decodeSession12(plaintext: Bytes): Session12 | null {
  try {
    return decodeWhole('ticket', plaintext, (reader) => {
      if (reader.u16() !== VERSION.tls12) malformed('ticket');
      const suite = tls12SuiteByCodePoint(reader.u16());
      const masterSecret = reader.vector8().slice();
      const facts = JSON.parse(latin1(reader.vector16())) as Omit<Session12, 'suite' | 'masterSecret'>;
      if (suite === undefined || masterSecret.length !== 48) malformed('ticket');
      return { ...facts, suite, masterSecret };
    });
  } catch (error) {
    if (error instanceof TlsError || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Whether a NewSessionTicket is promised. */
export function issuesTicket(config: ServerConfig, { ticket }: ClientOffer): boolean {
  return ticket !== null && config.ticketLifetimeSeconds > 0;
}
