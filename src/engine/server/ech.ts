import type { Bytes } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { LIMITS } from '../../core/limits.ts';
import type { HpkeAead } from '../../crypto/hpke.ts';
import { type ClientHello, decodeClientHello } from '../codec/messages.ts';
import { EXTENSION } from '../codec/registry.ts';
import type { EchOpening, EchStatus } from '../connection.ts';
import { aeadOf } from '../ech/config.ts';
import { decodeEchClientHello, type EchClientHello, withoutPart } from '../ech/extension.ts';
import { reconstructInner, requireInner } from '../ech/inner.ts';
import type { EchKey, ServerConfig } from '../server-config.ts';

/** How a ClientHello within another was opened: the one that answers a HelloRetryRequest is sealed in the same way. */
export interface OpenedEch {
  readonly key: EchKey;
  readonly aead: HpkeAead;
  readonly encapsulated: Bytes;
}

/** A ClientHello and what there is to open in it. */
export interface SealedHello {
  /** The outer one. */
  readonly hello: ClientHello;
  /** Its message. */
  readonly whole: Bytes;
  readonly payload: Bytes;
  readonly sequence: 0 | 1;
  /** Not empty; the first is tried next. */
  readonly candidates: readonly OpenedEch[];
}

/** What a first ClientHello says of ECH: it is to be opened, or all is said (RFC 9849 sections 7 and 7.1). */
export function readEch(config: ServerConfig, hello: ClientHello, whole: Bytes): SealedHello | EchStatus {
  const ech = echIn(hello);
  if (ech === null) return 'not-offered';
  if (ech.type === 'inner') {
    // It comes from a server in front of us, as we have no keys to open it: with keys, it would be opened here.
    if (config.ech.length > 0) throw new TlsError('illegal-parameter', 'an inner ClientHello from the network');
    return 'accepted';
  }
  if (config.ech.length === 0) return 'not-offered';
  // What answers a HelloRetryRequest is not tried again, and of a stateless one the cookie alone is a sign.
  if (config.statelessRetry && hello.extensions.has(EXTENSION.cookie)) return 'rejected';
  const { suite, configId, encapsulated, payload } = ech;
  const aead = aeadOf(suite);
  if (aead === undefined) return 'rejected';
  const candidates = config.ech
    .filter((key) => key.config.configId === configId && key.config.suites.map(aeadOf).includes(aead))
    .slice(0, LIMITS.echTrials)
    .map((key) => ({ key, aead, encapsulated }));
  return candidates.length === 0 ? 'rejected' : { hello, whole, payload, sequence: 0, candidates };
}

/** As {@link readEch}, of the ClientHello that answers a HelloRetryRequest (section 7.1.1). @param opened null for a first one that was not sealed, or not opened */
export function readSecondEch(
  hello: ClientHello,
  whole: Bytes,
  first: { readonly ech: EchStatus; readonly opened: OpenedEch | null },
): SealedHello | EchStatus {
  const { opened } = first;
  if (first.ech !== 'accepted') return first.ech;
  const ech = echIn(hello);
  if (ech === null) throw new TlsError('missing-extension', 'encrypted_client_hello in the second ClientHello');
  if (opened === null) {
    if (ech.type === 'outer') throw new TlsError('changed-client-hello', 'encrypted_client_hello');
    return 'accepted';
  }
  const unchanged =
    ech.type === 'outer' &&
    ech.configId === opened.key.config.configId &&
    aeadOf(ech.suite) === opened.aead &&
    ech.encapsulated.length === 0;
  if (!unchanged) throw new TlsError('changed-client-hello', 'encrypted_client_hello');
  return { hello, whole, payload: ech.payload, sequence: 1, candidates: [opened] };
}

function echIn({ extensions }: ClientHello): EchClientHello | null {
  const body = extensions.get(EXTENSION.encrypted_client_hello);
  return body === undefined ? null : decodeEchClientHello(body);
}

/** The first candidate's try. */
export function openingOf({ whole, payload, sequence, candidates }: SealedHello): EchOpening {
  const [{ key, aead, encapsulated }] = candidates as readonly [OpenedEch];
  // Section 5.2: all of the message's body but the payload.
  const associatedData = withoutPart(whole.subarray(4), payload);
  return { effect: 'open-ech', key: key.key, aead, encapsulated, sequence, associatedData, payload };
}

/** The ClientHello that was within, and its message. @throws TlsError for one that may not be there */
export function openHello(
  encodedInner: Bytes,
  outer: ClientHello,
): { readonly hello: ClientHello; readonly whole: Bytes } {
  const whole = reconstructInner(encodedInner, outer);
  const hello = decodeClientHello(whole.subarray(4));
  requireInner(hello);
  return { hello, whole };
}
