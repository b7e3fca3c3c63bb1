import { ascii, type Bytes, EMPTY, latin1Bytes } from '../../core/bytes.ts';
import { TLS13_SUITES } from '../../crypto/cipher-suites.ts';
import type { HpkeContext } from '../../crypto/hpke.ts';
import { NAMED_GROUPS } from '../../crypto/named-groups.ts';
import type { CryptoProvider, KeyShare, NamedGroup } from '../../crypto/provider.ts';
import { signatureCodePoints } from '../../crypto/signature-schemes.ts';
import {
  encodeAuthorities,
  encodeCodePoints,
  encodeCookie,
  encodeKeyShares,
  encodeProtocolNames,
  encodePskModes,
  encodeServerName,
  encodeShortCodePoints,
  encodeU16,
  type KeyShareEntry,
  OCSP_REQUEST,
} from '../codec/extensions.ts';
import { chooseGrease, GREASE_RANDOM_BYTES, type Grease } from '../codec/grease.ts';
import { type ClientHello, encodeClientHello } from '../codec/messages.ts';
import type { PskIdentity } from '../codec/pre-shared-key.ts';
import { CERTIFICATE_COMPRESSION, EXTENSION, PSK_MODE, SIGNALING_SUITE, VERSION } from '../codec/registry.ts';
import { type ClientConfig, usableSchemes } from '../config.ts';
import type { Ticket } from '../connection.ts';
import type { ChosenEchConfig } from '../ech/config.ts';
import { greaseEch } from '../ech/grease.ts';
import { codePoints12, extensions12, ticket12 } from '../tls12/client/offer.ts';
import { isTls12Group } from '../tls12/signatures12.ts';
import { type Binding, bind, ticket13, unbind } from './resumption.ts';

/** What we said in the ClientHello, against which each answer is held. */
export interface Offer {
  readonly hello: ClientHello;
  /** The message as sent: the transcript begins with it. */
  readonly encoded: Bytes;
  /** The ticket in `hello` that a server of TLS 1.2 may take. */
  readonly ticket12: Ticket | null;
  /** The ticket in `hello` that a server of TLS 1.3 may take. */
  readonly ticket13: Ticket | null;
  /** Our halves of the shares in `hello`. */
  readonly keyShares: readonly KeyShare[];
  readonly ech: EchOffer;
}

/** What of encrypted_client_hello holds for an offer (RFC 9849). */
export type EchOffer =
  | { readonly ech: 'not-offered' | 'grease' }
  /** It is around another, and the server has not said which of them it takes. */
  | { readonly ech: 'sealed'; readonly sealed: SealedOffer }
  /** It was within another, and the server has taken it. */
  | { readonly ech: 'accepted' }
  /** It was around another, and the server knows nothing but this one. */
  | { readonly ech: 'rejected'; readonly publicName: string; readonly retryConfigs: Bytes | null };

/** The offer within an offer. */
export interface SealedOffer {
  readonly inner: Offer;
  readonly chosen: ChosenEchConfig;
  /** The share of ours that opens it. */
  readonly encapsulated: Bytes;
  readonly context: HpkeContext;
  /** What stands in the outer ClientHello for the ticket in the inner one, if there is any. */
  readonly greaseIdentity: PskIdentity | null;
}

/** The first ClientHello (RFC 8446 section 4.1.2) of a client without configs for Encrypted Client Hello. */
export function firstOffer(config: ClientConfig, crypto: CryptoProvider): Offer {
  const ech = config.ech === 'grease' && config.maxVersion === 'TLSv1.3' ? greaseEch(crypto) : null;
  return ech === null ? offerWith(config, crypto, null, 'not-offered') : offerWith(config, crypto, ech, 'grease');
}

/** As {@link firstOffer}, with that body of encrypted_client_hello. */
export function offerWith(
  config: ClientConfig,
  crypto: CryptoProvider,
  echBody: Bytes | null,
  ech: 'not-offered' | 'grease',
): Offer {
  const grease = config.grease ? chooseGrease(crypto.randomBytes(GREASE_RANDOM_BYTES)) : null;
  const offers13 = config.maxVersion === 'TLSv1.3';
  const offers12 = config.minVersion === 'TLSv1.2';
  const ticket = offers12 ? ticket12(config) : null;
  const resumable = offers13 ? ticket13(config) : null;
  const keyShares = offers13 ? config.keyShareGroups.map((group) => crypto.generateKeyShare(group)) : [];
  const suites = [
    ...(offers13 ? config.suites.map((suite) => TLS13_SUITES[suite].codePoint) : []),
    ...(offers12 ? codePoints12(config) : []),
    ...(config.fallback ? [SIGNALING_SUITE.fallback] : []),
  ];
  const extensions = [
    ...extensionsOf(config, grease),
    ...(offers13 ? extensions13(config, keyShares, grease) : []),
    ...(offers12 ? extensions12(config, ticket) : []),
  ];
  if (echBody !== null) extensions.push([EXTENSION.encrypted_client_hello, echBody]);
  return offerOf(
    {
      legacyVersion: VERSION.tls12,
      random: crypto.randomBytes(32),
      // Appendix D.4: a session id that is not empty makes the handshake look like a resumption of TLS 1.2.
      // To a server of TLS 1.2 it stands for the ticket (RFC 5077 section 3.4).
      sessionId: offers13 || ticket !== null ? crypto.randomBytes(32) : EMPTY,
      cipherSuites: grease === null ? suites : [grease.suite, ...suites],
      compressionMethods: Uint8Array.of(0),
      extensions: new Map(grease === null ? extensions : disguise(extensions, grease, crypto)),
    },
    { keyShares, ticket12: ticket, ech: { ech } },
    resumable === null ? null : { crypto, ticket: resumable, nowMs: config.now(), transcript: null },
  );
}

/** What a HelloRetryRequest asks to be changed, validated. */
export interface Retry {
  readonly cookie: Bytes | null;
  readonly group: NamedGroup | null;
}

/** The second ClientHello: the first with nothing else changed, in the same order (RFC 8446 section 4.1.2). */
export function secondOffer(first: Offer, retry: Retry, crypto: CryptoProvider, binding: Binding | null = null): Offer {
  const extensions = new Map(first.hello.extensions);
  let { keyShares } = first;
  if (retry.group !== null) {
    keyShares = [crypto.generateKeyShare(retry.group)];
    extensions.set(EXTENSION.key_share, encodeKeyShares(keyShares.map(entryOf)));
  }
  if (retry.cookie !== null) extensions.set(EXTENSION.cookie, encodeCookie(retry.cookie));
  return offerOf(unbind({ ...first.hello, extensions }), { ...first, keyShares }, binding);
}

/** Whether we sent an extension of that code point, so that an answer may have it. */
export function requestedBy(offer: Offer): (code: number) => boolean {
  return (code) => offer.hello.extensions.has(code);
}

/** The name for which alone the server may show a certificate; null for the usual ones (RFC 9849 section 6.1.7). */
export function publicNameOf({ ech }: Offer): string | null {
  return ech.ech === 'rejected' ? ech.publicName : null;
}

/** An offer of this hello, with a ticket at its end if it is to be bound to one. */
export function offerOf(
  unbound: ClientHello,
  { keyShares, ticket12, ech }: Pick<Offer, 'keyShares' | 'ticket12' | 'ech'>,
  binding: Binding | null,
): Offer {
  const hello = binding === null ? unbound : bind(unbound, binding);
  return { hello, encoded: encodeClientHello(hello), keyShares, ticket12, ech, ticket13: binding?.ticket ?? null };
}

type Extension = readonly [code: number, body: Bytes];

/** What both versions have. */
function extensionsOf(config: ClientConfig, grease: Grease | null): Extension[] {
  const offered = config.maxVersion === 'TLSv1.3' ? config.groups : config.groups.filter(isTls12Group);
  const groups: number[] = offered.map((group) => NAMED_GROUPS[group].codePoint);
  const usable = usableSchemes(config);
  const schemes = signatureCodePoints(usable);
  const certificateSchemes = signatureCodePoints(config.certificateSignatureSchemes);
  const protocols: Bytes[] = config.alpn.map(latin1Bytes);
  if (grease !== null) {
    groups.unshift(grease.group);
    schemes.unshift(grease.signatureScheme);
    certificateSchemes.unshift(grease.signatureScheme);
    protocols.unshift(grease.protocol);
  }
  const extensions: Extension[] = [
    [EXTENSION.supported_groups, encodeCodePoints(groups)],
    [EXTENSION.signature_algorithms, encodeCodePoints(schemes)],
  ];
  if (config.serverName !== null)
    extensions.push([EXTENSION.server_name, encodeServerName(ascii(config.serverName.toLowerCase()))]);
  if (!sameList(usable, config.certificateSignatureSchemes))
    extensions.push([EXTENSION.signature_algorithms_cert, encodeCodePoints(certificateSchemes)]);
  if (config.alpn.length > 0)
    extensions.push([EXTENSION.application_layer_protocol_negotiation, encodeProtocolNames(protocols)]);
  if (config.requestOcsp) extensions.push([EXTENSION.status_request, OCSP_REQUEST]);
  if (config.recordSizeLimit !== null)
    extensions.push([EXTENSION.record_size_limit, encodeU16(config.recordSizeLimit)]);
  return extensions;
}

/** What TLS 1.2 does not know. */
function extensions13(config: ClientConfig, keyShares: readonly KeyShare[], grease: Grease | null): Extension[] {
  const shares: KeyShareEntry[] = keyShares.map(entryOf);
  const versions: number[] = config.minVersion === 'TLSv1.2' ? [VERSION.tls13, VERSION.tls12] : [VERSION.tls13];
  const pskModes: number[] = [PSK_MODE.psk_dhe_ke];
  if (grease !== null) {
    shares.unshift({ group: grease.group, share: Uint8Array.of(0) });
    versions.unshift(grease.version);
    pskModes.unshift(grease.pskMode);
  }
  const extensions: Extension[] = [
    [EXTENSION.supported_versions, encodeShortCodePoints(versions)],
    [EXTENSION.key_share, encodeKeyShares(shares)],
  ];
  if (config.certificateCompressions.length > 0)
    extensions.push([
      EXTENSION.compress_certificate,
      encodeShortCodePoints(config.certificateCompressions.map((algorithm) => CERTIFICATE_COMPRESSION[algorithm])),
    ]);
  if (config.certificateAuthorities.length > 0)
    extensions.push([EXTENSION.certificate_authorities, encodeAuthorities(config.certificateAuthorities)]);
  // A server sends no tickets to a client that names no mode (section 4.2.9).
  if (config.keepTickets || config.session !== null)
    extensions.push([EXTENSION.psk_key_exchange_modes, encodePskModes(pskModes)]);
  return extensions;
}

function entryOf({ group, publicShare }: KeyShare): KeyShareEntry {
  return { group: NAMED_GROUPS[group].codePoint, share: publicShare };
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

/**
 * RFC 8701 section 3.1: two extensions that mean nothing, one empty and one not; and all of them in a random order, so that no
 * server or middlebox comes to rely on ours.
 */
function disguise(extensions: readonly Extension[], grease: Grease, crypto: CryptoProvider): Extension[] {
  const [empty, full] = grease.extensions;
  const shuffled: Extension[] = [...extensions, [empty, EMPTY], [full, Uint8Array.of(0)]];
  const random = crypto.randomBytes(2 * shuffled.length);
  for (let index = shuffled.length - 1; index > 0; index--) {
    const draw = ((random[2 * index] as number) << 8) | (random[2 * index + 1] as number);
    const other = draw % (index + 1);
    const moved = shuffled[index] as Extension;
    shuffled[index] = shuffled[other] as Extension;
    shuffled[other] = moved;
  }
  return shuffled;
}
