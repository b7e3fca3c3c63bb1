import type { Bytes } from '../../core/bytes.ts';
import { ByteWriter } from '../../core/writer.ts';
import { decodeWhole, malformed, readItems } from './decode.ts';

/** RFC 8446 section 4.2.11: a ticket, and how many milliseconds ago it came, added to its `ticket_age_add` modulo 2^32. */
export interface PskIdentity {
  readonly identity: Bytes;
  readonly obfuscatedTicketAge: number;
}

/** The pre_shared_key extension of a ClientHello, of which it is the last. */
export interface OfferedPsks {
  readonly identities: readonly PskIdentity[];
  /** One of each identity, in the same order. */
  readonly binders: readonly Bytes[];
  /** Length of the encoded list of binders: so much of the ClientHello's end no binder covers (section 4.2.11.2). */
  readonly bindersBytes: number;
}

/** RFC 8446 section 4.2.11. Binders are as long as they will be, and zero until what they cover is known. */
export function encodeOfferedPsks({ identities, binders }: Pick<OfferedPsks, 'identities' | 'binders'>): Bytes {
  return new ByteWriter(512)
    .vector16((list) => {
      for (const { identity, obfuscatedTicketAge } of identities) list.vector16(identity).u32(obfuscatedTicketAge);
    })
    .vector16((list) => {
      for (const binder of binders) list.vector8(binder);
    })
    .finish();
}

/**
 * RFC 8446 section 4.2.11: at least one identity and one binder; how many there are of each is not compared. @throws
 * TlsError
 */
export function decodeOfferedPsks(body: Bytes): OfferedPsks {
  return decodeWhole('pre_shared_key', body, (reader) => {
    const identities = readItems(reader, reader.vector16(), (item) => {
      const identity = item.vector16();
      if (identity.length === 0) malformed('pre_shared_key');
      return { identity, obfuscatedTicketAge: item.u32() };
    });
    const bindersBytes = reader.remaining;
    // One that is too short is wrong, as one that is long enough may be.
    const binders = readItems(reader, reader.vector16(), (item) => item.vector8());
    if (identities.length === 0 || binders.length === 0) malformed('pre_shared_key');
    return { identities, binders, bindersBytes };
  });
}
