import { type Bytes, equalSecret } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import type { SuiteHash } from '../../crypto/cipher-suites.ts';
import { Transcript } from '../../crypto/transcript.ts';
import type { Extensions } from '../codec/extensions.ts';
import { EXTENSION } from '../codec/registry.ts';
import { acceptConfirmation, confirmationIn, retryConfirmation } from '../ech/confirmation.ts';
import { decodeEchConfirmation } from '../ech/extension.ts';
import type { Offer } from './offer.ts';
import type { ClientContext, ExpectServerHello } from './states.ts';

/** An offer that the server goes on with, and the transcript of what came before its answer. */
export interface Taken {
  readonly offer: Offer;
  readonly transcript: Transcript;
}

/** Which of two ClientHellos a ServerHello is an answer to (RFC 9849 section 6.1.4). @param serverHello the message */
export function takenOffer(
  { crypto }: ClientContext,
  { offer, retried }: ExpectServerHello,
  hash: SuiteHash,
  serverHello: Bytes,
): Taken {
  const transcriptOf = (sent: Offer): Transcript => {
    const transcript = new Transcript(crypto, hash);
    transcript.add(sent.encoded);
    return transcript;
  };
  if (offer.ech.ech !== 'sealed') return { offer, transcript: retried?.transcript ?? transcriptOf(offer) };
  const { inner } = offer.ech.sealed;
  const transcript = retried?.transcript ?? transcriptOf(inner);
  const expected = acceptConfirmation(crypto, inner.hello.random, transcript, serverHello);
  if (equalSecret(expected, confirmationIn(serverHello))) return { offer: inner, transcript };
  // Section 6.1.5: its HelloRetryRequest has confirmed the inner one.
  if (retried !== null) throw new TlsError('illegal-parameter', 'ServerHello without the confirmation of ECH');
  return { offer: rejectedOffer(offer), transcript: transcriptOf(offer) };
}

/** As {@link takenOffer}, for a HelloRetryRequest: an offer that is still sealed is confirmed by it. */
export function retriedOffer(
  { crypto }: ClientContext,
  offer: Offer,
  hash: SuiteHash,
  request: { readonly whole: Bytes; readonly extensions: Extensions },
): Taken {
  const body = request.extensions.get(EXTENSION.encrypted_client_hello);
  // Section 6.2.1: it has to be well-formed also as an answer to what means nothing.
  const confirmation = body === undefined ? null : decodeEchConfirmation(body);
  const transcriptOf = (sent: Offer) => Transcript.afterRetry(crypto, hash, sent.encoded);
  if (offer.ech.ech === 'sealed' && confirmation !== null) {
    const { inner } = offer.ech.sealed;
    const transcript = transcriptOf(inner);
    const expected = retryConfirmation(crypto, inner.hello.random, transcript, request.whole, confirmation);
    if (equalSecret(expected, confirmation)) return { offer, transcript };
  }
  return { offer: rejectedOffer(offer), transcript: transcriptOf(offer) };
}

/** The server goes on with the outer ClientHello, if there are two. */
export function rejectedOffer(offer: Offer): Offer {
  if (offer.ech.ech !== 'sealed') return offer;
  const publicName = offer.ech.sealed.chosen.config.publicName.toLowerCase();
  return { ...offer, ech: { ech: 'rejected', publicName, retryConfigs: null } };
}

/** What the server takes us to have said: the inner one, if it has confirmed that. */
export function spokenOffer(offer: Offer): Offer {
  return offer.ech.ech === 'sealed' ? offer.ech.sealed.inner : offer;
}
