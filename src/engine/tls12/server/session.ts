import type { Bytes } from '../../../core/bytes.ts';
import { TlsError } from '../../../core/failures.ts';
import { ByteWriter } from '../../../core/writer.ts';
import { TLS12_SUITES, type Tls12SuiteName, tls12SuiteByCodePoint } from '../../../crypto/cipher-suites.ts';
import { groupByCodePoint, NAMED_GROUPS } from '../../../crypto/named-groups.ts';
import type { NamedGroup } from '../../../crypto/provider.ts';
import { decodeWhole, malformed } from '../../codec/decode.ts';
import { VERSION } from '../../codec/registry.ts';
import { decodeTerms, encodeTerms, SEALED_FORMAT, type SessionTerms } from '../../server/session-terms.ts';
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

/** The extended master secret goes without saying: we make no others. Begins with the format and the version, as all that is sealed for tickets. */
export function encodeSession12({ suite, masterSecret, group, ...terms }: Session12): Bytes {
  return new ByteWriter(512)
    .u8(SEALED_FORMAT)
    .u16(VERSION.tls12)
    .u16(TLS12_SUITES[suite].codePoint)
    .u16(NAMED_GROUPS[group].codePoint)
    .vector8(masterSecret)
    .vector16(encodeTerms(terms))
    .finishSecret();
}

/** Null for what is sealed, but is no session of this version of TLS and of this format. */
export function decodeSession12(plaintext: Bytes): Session12 | null {
  try {
    return decodeWhole('ticket', plaintext, (reader) => {
      if (reader.u8() !== SEALED_FORMAT || reader.u16() !== VERSION.tls12) malformed('ticket');
      const suite = tls12SuiteByCodePoint(reader.u16());
      const group = groupByCodePoint(reader.u16());
      const masterSecret = reader.vector8();
      const terms = decodeTerms(reader.vector16());
      if (suite === undefined || group === undefined || masterSecret.length !== 48) malformed('ticket');
      return { ...terms, suite, group, masterSecret: masterSecret.slice() };
    });
  } catch (error) {
    if (error instanceof TlsError) return null;
    throw error;
  }
}

/** Whether a NewSessionTicket is promised. */
export function issuesTicket(config: ServerConfig, { ticket }: ClientOffer): boolean {
  return ticket !== null && config.ticketLifetimeSeconds > 0;
}
