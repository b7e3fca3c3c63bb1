import { ascii, type Bytes, EMPTY } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { HASH_BYTES } from '../../crypto/hkdf.ts';
import { HpkeContext } from '../../crypto/hpke.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import type { Transcript } from '../../crypto/transcript.ts';
import { decodeShortCodePoints, encodeServerName, encodeShortCodePoints } from '../codec/extensions.ts';
import { type ClientHello, encodeClientHello } from '../codec/messages.ts';
import { encodeOfferedPsks, type PskIdentity } from '../codec/pre-shared-key.ts';
import { EXTENSION, VERSION } from '../codec/registry.ts';
import type { ClientConfig } from '../config.ts';
import type { Ticket } from '../connection.ts';
import { chooseEchConfig, echInfo, suiteOf } from '../ech/config.ts';
import { ECH_INNER, encodeEchClientHello } from '../ech/extension.ts';
import { encodeInner } from '../ech/inner.ts';
import { type Event, expectAnswer, NO_SECRETS, type Step } from '../machine.ts';
import { codePoints12 } from '../tls12/client/offer.ts';
import { type Offer, offerOf, offerWith, type Retry, type SealedOffer, secondOffer } from './offer.ts';
import { hashOf, ticket13 } from './resumption.ts';
import type { AwaitEchAgreement, ClientContext, ClientState } from './states.ts';

/** RFC 9849 section 6.1: the key for what is to be sealed comes first. */
export function startEch({ config, crypto }: ClientContext): Step<ClientState> {
  const configs = config.ech;
  const chosen = configs === null || configs === 'grease' ? null : chooseEchConfig(configs, crypto);
  if (chosen === null) throw new TlsError('ech-config-unusable');
  const keyShare = crypto.generateKeyShare(chosen.group);
  return {
    state: {
      state: 'await-ech-agreement',
      secrets: NO_SECRETS,
      chosen,
      encapsulated: keyShare.publicShare,
    },
    actions: [{ action: 'ask', effect: { effect: 'agree', keyShare, peerShare: chosen.config.publicKey } }],
  };
}

/** The first ClientHello: one within the other. */
export function onEchAgreement(context: ClientContext, state: AwaitEchAgreement, event: Event): Step<ClientState> {
  const { config, crypto } = context;
  const { chosen, encapsulated } = state;
  const { group, aead } = chosen;
  const agreed = agreedWith(event);
  const recipientPublicKey = chosen.config.publicKey;
  const info = echInfo(chosen.config);
  const hpke = new HpkeContext(crypto, { group, aead, agreed, encapsulated, recipientPublicKey, info });
  agreed.fill(0);
  const outer = outerOffer(config, crypto, chosen.config.publicName);
  const innerRandom = crypto.randomBytes(32);
  const sealing = { chosen, encapsulated, context: hpke, greaseIdentity: greaseIdentity(context) };
  const offer = seal(context, outer, innerRandom, sealing, null);
  return {
    state: { state: 'expect-server-hello', secrets: NO_SECRETS, offer, retried: null },
    actions: [{ action: 'send', message: offer.encoded }],
  };
}

function agreedWith(event: Event): Bytes {
  try {
    return expectAnswer(event, 'agreed').secret;
  } catch (error) {
    if (error instanceof TlsError && error.why === 'bad-key-share')
      throw new TlsError('ech-config-unusable', 'its public key is none');
    throw error;
  }
}

/** Of what we would say to the public name: nothing but the shape of it is ours. Sections 6.1 and 10.5. */
function outerOffer(config: ClientConfig, crypto: CryptoProvider, publicName: string): Offer {
  const { session, keepTickets } = config;
  return offerWith(
    { ...config, serverName: publicName, session: null, keepTickets: keepTickets || session !== null },
    crypto,
    EMPTY,
    'not-offered',
  );
}

/**
 * Section 6.1.5: the second ClientHello, when the server has taken what was sealed in the first.
 * @param transcript of inner messages, up to the HelloRetryRequest
 */
export function secondEchOffer(
  context: ClientContext,
  first: Offer,
  sealed: SealedOffer,
  retry: Retry,
  transcript: Transcript,
): Offer {
  const outer = secondOffer(first, retry, context.crypto);
  return seal(context, outer, sealed.inner.hello.random, { ...sealed, encapsulated: EMPTY }, transcript);
}

/**
 * Makes the inner ClientHello out of an outer one, and seals it within (section 6.1.1).
 * @param transcript what came before: null for a first one
 */
function seal(
  client: ClientContext,
  outer: Offer,
  random: Bytes,
  sealing: Omit<SealedOffer, 'inner'>,
  transcript: Transcript | null,
): Offer {
  const { config, crypto } = client;
  const { chosen, encapsulated, context, greaseIdentity: identity } = sealing;
  const { hello, compressed } = innerHello(config, outer.hello, random);
  const ticket = ticketFor(config, transcript);
  const binding = ticket === null ? null : { crypto, ticket, nowMs: config.now(), transcript };
  const inner = offerOf(hello, { ...outer, ech: { ech: 'accepted' } }, binding);
  const { configId, maximumNameBytes } = chosen.config;
  const encoded = encodeInner(inner.hello, compressed, maximumNameBytes, config.serverName?.length ?? null);

  const disguised =
    ticket === null || identity === null ? outer.hello : withGreasePsk(outer.hello, client, ticket, identity);
  const withPayload = (payload: Bytes): ClientHello => {
    const body = encodeEchClientHello({ type: 'outer', suite: suiteOf(chosen.aead), configId, encapsulated, payload });
    // In the place of the one before: a ticket stays the last.
    const extensions = new Map(disguised.extensions).set(EXTENSION.encrypted_client_hello, body);
    return { ...disguised, extensions };
  };
  // Section 5.2: all of the outer ClientHello is authenticated, but for what is sealed.
  const unsealed = encodeClientHello(withPayload(new Uint8Array(encoded.length + AEAD_TAG_BYTES)));
  const sealedHello = withPayload(context.seal(unsealed.subarray(4), encoded));
  return offerOf(sealedHello, { ...outer, ech: { ech: 'sealed', sealed: { ...sealing, inner } } }, null);
}

/** Of all AEADs that HPKE has. */
const AEAD_TAG_BYTES = 16;

/** A HelloRetryRequest may have chosen a suite of another hash, for which the ticket is of no use (RFC 8446 section 4.1.4). */
function ticketFor(config: ClientConfig, transcript: Transcript | null): Ticket | null {
  const ticket = ticket13(config);
  return ticket === null || (transcript !== null && hashOf(ticket) !== transcript.algorithm) ? null : ticket;
}

/**
 * Section 6.1: TLS 1.3 alone, and the true name; all else stands in the outer one too, and is only referred to. The name is not,
 * even if it is the public one: nobody is to know that.
 */
function innerHello(config: ClientConfig, outer: ClientHello, random: Bytes) {
  const { minVersion, serverName } = config;
  const extensions = new Map<number, Bytes>([[EXTENSION.encrypted_client_hello, ECH_INNER]]);
  if (serverName !== null) extensions.set(EXTENSION.server_name, encodeServerName(ascii(serverName.toLowerCase())));
  const apart = minVersion === 'TLSv1.3' ? NOT_SHARED : [...NOT_SHARED, EXTENSION.supported_versions];
  const versions = outer.extensions.get(EXTENSION.supported_versions);
  if (minVersion === 'TLSv1.2' && versions !== undefined)
    extensions.set(EXTENSION.supported_versions, withoutTls12(versions));
  const shared = [...outer.extensions].filter(([code]) => !apart.includes(code));
  for (const [code, body] of shared) extensions.set(code, body);
  const only12: readonly number[] = minVersion === 'TLSv1.2' ? codePoints12(config) : [];
  const cipherSuites = outer.cipherSuites.filter((suite) => !only12.includes(suite));
  return { hello: { ...outer, random, cipherSuites, extensions }, compressed: shared.map(([code]) => code) };
}

/** What says something else in the inner ClientHello, or nothing: what is for TLS 1.2 alone. */
const NOT_SHARED: readonly number[] = [
  EXTENSION.server_name,
  EXTENSION.encrypted_client_hello,
  EXTENSION.pre_shared_key,
  EXTENSION.extended_master_secret,
  EXTENSION.renegotiation_info,
  EXTENSION.ec_point_formats,
  EXTENSION.session_ticket,
];

function withoutTls12(versions: Bytes): Bytes {
  const offered = decodeShortCodePoints('supported_versions', versions);
  return encodeShortCodePoints(offered.filter((version) => version !== VERSION.tls12));
}

/** Section 6.1.2: as if the ticket were offered where everybody can see it, with random bytes instead of all that is in it. */
function withGreasePsk(
  hello: ClientHello,
  { crypto }: ClientContext,
  ticket: Ticket,
  identity: PskIdentity,
): ClientHello {
  const binders = [crypto.randomBytes(HASH_BYTES[hashOf(ticket)])];
  const body = encodeOfferedPsks({ identities: [identity], binders });
  return { ...hello, extensions: new Map(hello.extensions).set(EXTENSION.pre_shared_key, body) };
}

/** The same in both ClientHellos, as a true one would be. */
function greaseIdentity({ config, crypto }: ClientContext): PskIdentity | null {
  const ticket = ticket13(config);
  if (ticket === null) return null;
  const [a, b, c, d] = crypto.randomBytes(4) as Bytes & [number, number, number, number];
  return {
    identity: crypto.randomBytes(ticket.ticket.length),
    obfuscatedTicketAge: ((a << 24) | (b << 16) | (c << 8) | d) >>> 0,
  };
}
