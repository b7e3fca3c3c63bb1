import type { Bytes } from '../../src/core/bytes.ts';
import { type HpkeAead, HpkeContext, hpkeGroupByCodePoint } from '../../src/crypto/hpke.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import { encodeKeyShares } from '../../src/engine/codec/extensions.ts';
import { type ClientHello, decodeClientHello, encodeClientHello } from '../../src/engine/codec/messages.ts';
import { CONTENT_TYPE, EXTENSION } from '../../src/engine/codec/registry.ts';
import { echInfo, suiteOf } from '../../src/engine/ech/config.ts';
import { ECH_INNER, type EchClientHelloOuter, encodeEchClientHello } from '../../src/engine/ech/extension.ts';
import { encodeInner } from '../../src/engine/ech/inner.ts';
import type { HeldEchKey } from './ech-keys.ts';
import { clientHello, plainRecord, withExtensions } from './pair13.ts';

/** The sealing half of a client that may say whatever a test wants. */
export class EchSealer {
  readonly #held: HeldEchKey;
  readonly #aead: HpkeAead;
  readonly #context: HpkeContext;
  #encapsulated: Bytes;

  static async make(held: HeldEchKey, aead: HpkeAead = 'aes-128-gcm'): Promise<EchSealer> {
    const group = hpkeGroupByCodePoint(held.config.kem) ?? 'x25519';
    const share = nodeCrypto.generateKeyShare(group);
    const { publicKey: recipientPublicKey } = held.config;
    const agreed = await share.agree(recipientPublicKey);
    const setup = {
      group,
      aead,
      agreed,
      encapsulated: share.publicShare,
      recipientPublicKey,
      info: echInfo(held.config),
    };
    return new EchSealer(held, aead, new HpkeContext(nodeCrypto, setup), share.publicShare);
  }

  private constructor(held: HeldEchKey, aead: HpkeAead, context: HpkeContext, encapsulated: Bytes) {
    this.#held = held;
    this.#aead = aead;
    this.#context = context;
    this.#encapsulated = encapsulated;
  }

  /** @returns `outer` around `encodedInner`, as a record; the next one answers a HelloRetryRequest */
  seal(
    outer: ClientHello,
    encodedInner: Bytes,
    change: (ech: EchClientHelloOuter) => EchClientHelloOuter = (ech) => ech,
  ): Bytes {
    const ech = change({
      type: 'outer',
      suite: suiteOf(this.#aead),
      configId: this.#held.config.configId,
      encapsulated: this.#encapsulated,
      payload: new Uint8Array(encodedInner.length + 16),
    });
    this.#encapsulated = new Uint8Array(0);
    const around = (payload: Bytes): Bytes =>
      encodeClientHello(
        withExtensions(outer, { [EXTENSION.encrypted_client_hello]: encodeEchClientHello({ ...ech, payload }) }),
      );
    const payload = this.#context.seal(around(ech.payload).subarray(4), encodedInner);
    return plainRecord(CONTENT_TYPE.handshake, around(payload));
  }
}

/** A ClientHello for the public name and one for the true name, alike in all else, of a client without GREASE. */
export async function twoHellos(shares = true): Promise<{ readonly outer: ClientHello; readonly inner: ClientHello }> {
  const config = shares ? {} : { keyShareGroups: [] };
  const hello = async (serverName: string) =>
    decodeClientHello((await clientHello((same) => same, { serverName, ...config })).subarray(9));
  const outer = await hello('public.example');
  const named = await hello('secret.example');
  const marked = withExtensions(named, { [EXTENSION.encrypted_client_hello]: ECH_INNER });
  return { outer, inner: { ...marked, sessionId: outer.sessionId } };
}

/** EncodedClientHelloInner with nothing compressed. */
export function encoded(inner: ClientHello): Bytes {
  return encodeInner(inner, [], 0, 0);
}

/** What a HelloRetryRequest asks for. */
export function withShare(hello: ClientHello): ClientHello {
  const { publicShare } = nodeCrypto.generateKeyShare('x25519');
  const share = encodeKeyShares([{ group: 0x001d, share: publicShare }]);
  return withExtensions(hello, { [EXTENSION.key_share]: share });
}
