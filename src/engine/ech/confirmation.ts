import type { Bytes } from '../../core/bytes.ts';
import { HASH_BYTES, type HkdfLabel, hkdfExpandLabel, hkdfExtract, hkdfLabel } from '../../crypto/hkdf.ts';
import type { Transcript } from '../../crypto/transcript.ts';
import type { ScheduleCrypto } from '../schedule/schedule13.ts';
import { CONFIRMATION_BYTES, withoutPart } from './extension.ts';

const LABEL = {
  serverHello: hkdfLabel('ech accept confirmation'),
  helloRetryRequest: hkdfLabel('hrr ech accept confirmation'),
};

/** Where the random of a ServerHello message ends: behind a header of four bytes and the version. */
const RANDOM_END = 4 + 2 + 32;

/**
 * RFC 9849 section 7.2: what the last eight bytes of a ServerHello's random are if its server has used the inner ClientHello.
 * @param innerRandom of the inner ClientHello
 * @param transcript of inner ClientHellos, up to the last
 * @param serverHello the message, with anything in that place
 */
export function acceptConfirmation(
  crypto: ScheduleCrypto,
  innerRandom: Bytes,
  transcript: Transcript,
  serverHello: Bytes,
): Bytes {
  const part = confirmationIn(serverHello);
  return confirmation(crypto, LABEL.serverHello, innerRandom, transcript, withoutPart(serverHello, part));
}

/** The place of {@link acceptConfirmation} in a ServerHello message: a view. */
export function confirmationIn(serverHello: Bytes): Bytes {
  return serverHello.subarray(RANDOM_END - CONFIRMATION_BYTES, RANDOM_END);
}

/**
 * Section 7.2.1: what a HelloRetryRequest says of itself in its encrypted_client_hello.
 * @param transcript from the first inner ClientHello's hash, without the HelloRetryRequest
 * @param part the body of that extension, a view of `helloRetryRequest`
 */
export function retryConfirmation(
  crypto: ScheduleCrypto,
  innerRandom: Bytes,
  transcript: Transcript,
  helloRetryRequest: Bytes,
  part: Bytes,
): Bytes {
  const message = withoutPart(helloRetryRequest, part);
  return confirmation(crypto, LABEL.helloRetryRequest, innerRandom, transcript, message);
}

function confirmation(
  crypto: ScheduleCrypto,
  label: HkdfLabel,
  innerRandom: Bytes,
  transcript: Transcript,
  message: Bytes,
): Bytes {
  const hash = transcript.algorithm;
  // Who knows it knows both confirmations: like all that is extracted from, it leaves no copy.
  const material = innerRandom.slice();
  const secret = hkdfExtract(crypto, hash, new Uint8Array(HASH_BYTES[hash]), material);
  material.fill(0);
  const value = hkdfExpandLabel(crypto, hash, secret, label, transcript.hashWith(message), CONFIRMATION_BYTES);
  secret.fill(0);
  return value;
}
