import type { Bytes } from '../core/bytes.ts';
import { TlsError } from '../core/failures.ts';
import { type CryptoProvider, InvalidKeyShare, type KeyShare, type Later } from '../crypto/provider.ts';
import type { Answer, Effect } from './connection.ts';

/** Judges a chain: `certificate-accepted` or `refused`. Made of `x509/` by who knows the time, the anchors and the name. */
export type CertificateVerifier = (chain: readonly Bytes[], ocspResponse: Bytes | undefined) => Later<Answer>;

/** Does what `effect` asks for. The answer is there at once, or as soon as the provider's promise is settled. */
export function performEffect(
  effect: Effect,
  crypto: Pick<CryptoProvider, 'verify'>,
  verifyCertificate: CertificateVerifier,
): Later<Answer> {
  switch (effect.effect) {
    case 'agree':
      return agree(effect.keyShare, effect.peerShare);
    case 'verify-certificate':
      return verifyCertificate(effect.chain, effect.ocspResponse);
    case 'verify-signature':
      return crypto.verify(effect.scheme, effect.spki, effect.message, effect.signature)
        ? { answer: 'signature-valid' }
        : refused(new TlsError('bad-signature', effect.scheme));
  }
}

function agree(keyShare: KeyShare, peerShare: Bytes): Later<Answer> {
  try {
    const secret = keyShare.agree(peerShare);
    return secret instanceof Promise ? secret.then(agreed, notAgreed) : agreed(secret);
  } catch (error) {
    return notAgreed(error);
  }
}

function agreed(secret: Bytes): Answer {
  return { answer: 'agreed', secret };
}

function notAgreed(error: unknown): Answer {
  if (error instanceof InvalidKeyShare) return refused(new TlsError('bad-key-share', error.message));
  return refused(new TlsError('internal-error', 'key agreement'));
}

function refused({ failure }: TlsError): Answer {
  return { answer: 'refused', failure };
}
