import type { Bytes } from '../../core/bytes.ts';
import { HPKE_AEADS, type HpkeAead } from '../../crypto/hpke.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { suiteOf } from './config.ts';
import { encodeEchClientHello } from './extension.ts';

/**
 * An encrypted_client_hello that means nothing (RFC 9849 section 6.2.1), and looks to all but its server like one that does.
 * Null without an AEAD or a group for it.
 */
export function greaseEch(crypto: CryptoProvider): Bytes | null {
  const aeads = (Object.keys(HPKE_AEADS) as HpkeAead[]).filter((aead) => crypto.aeads.includes(aead));
  const [configId, choice, length] = crypto.randomBytes(3) as Bytes & [number, number, number];
  const aead = aeads[choice % aeads.length];
  if (aead === undefined || !crypto.groups.includes('x25519')) return null;
  const payloadBytes = PAYLOAD_BYTES.least + 32 * (length % PAYLOAD_BYTES.steps) + 16;
  return encodeEchClientHello({
    type: 'outer',
    suite: suiteOf(aead),
    configId,
    // Half of all random strings are no point of the curve, which everybody can see.
    encapsulated: crypto.generateKeyShare('x25519').publicShare,
    payload: crypto.randomBytes(payloadBytes),
  });
}

/** As ours would be (section 6.1.3): some 110 bytes besides the name, which is padded to 30 to 130; 128 to 224 by steps of 32. */
const PAYLOAD_BYTES = { least: 128, steps: 4 };
