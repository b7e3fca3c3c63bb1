import { type Bytes, concat, EMPTY } from '../../core/bytes.ts';
import { ByteWriter } from '../../core/writer.ts';
import { AEADS, type SuiteHash, TLS12_SUITES, type Tls12SuiteName } from '../../crypto/cipher-suites.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { tls12Prf } from '../../crypto/tls12-prf.ts';
import { Opener12, Sealer12 } from '../record/protection12.ts';

/*
 * TLS 1.2's keys, RFC 5246 sections 6.3 and 8.1 with RFC 7627:
 *
 *     (EC)DHE -> PRF "extended master secret", ClientHello...ClientKeyExchange = master secret
 *                  |
 *                  +-> PRF "key expansion", server random + client random = keys and nonces of both directions
 *                  +-> PRF "client finished" | "server finished", all messages so far = verify_data
 *                  +-> PRF a label of the application's, client random + server random = exported
 */

type Hmac = Pick<CryptoProvider, 'hmac'>;

/** Of both hellos, 32 bytes each. */
export interface Randoms {
  readonly client: Bytes;
  readonly server: Bytes;
}

/**
 * RFC 7627 section 4: of the handshake that it comes from, so that no two connections share one (the triple handshake attack).
 * @param sessionHash ClientHello to ClientKeyExchange
 */
export function extendedMasterSecret(crypto: Hmac, hash: SuiteHash, premasterSecret: Bytes, sessionHash: Bytes): Bytes {
  return tls12Prf(crypto, hash, premasterSecret, 'extended master secret', sessionHash, 48);
}

/** RFC 5246 section 7.4.9. @param sender whose Finished it is */
export function verifyData(
  crypto: Hmac,
  hash: SuiteHash,
  masterSecret: Bytes,
  sender: 'client' | 'server',
  transcriptHash: Bytes,
): Bytes {
  return tls12Prf(crypto, hash, masterSecret, `${sender} finished`, transcriptHash, 12);
}

/** RFC 5246 section 6.3: the records that `role` sends, and those that it receives. AEADs need no MAC keys. */
export function protection12(
  crypto: Pick<CryptoProvider, 'hmac' | 'aead'>,
  suite: Tls12SuiteName,
  masterSecret: Bytes,
  randoms: Randoms,
  role: 'client' | 'server',
): { sealer: Sealer12; opener: Opener12 } {
  const { aead, hash } = TLS12_SUITES[suite];
  const { keyBytes, tls12Nonce } = AEADS[aead];
  const implicitBytes = tls12Nonce === 'explicit' ? 4 : 12;
  const seed = concat(randoms.server, randoms.client);
  const block = tls12Prf(crypto, hash, masterSecret, 'key expansion', seed, 2 * keyBytes + 2 * implicitBytes);
  const client = { key: block.subarray(0, keyBytes), implicit: block.subarray(2 * keyBytes, -implicitBytes) };
  const server = { key: block.subarray(keyBytes, 2 * keyBytes), implicit: block.subarray(-implicitBytes) };
  const [ours, peers] = role === 'client' ? [client, server] : [server, client];
  try {
    return {
      sealer: new Sealer12(crypto.aead(aead, ours.key), ours.implicit.slice()),
      opener: new Opener12(crypto.aead(aead, peers.key), peers.implicit.slice()),
    };
  } finally {
    block.fill(0);
  }
}

/**
 * RFC 5705 section 4. An empty context and none at all give different values.
 * @throws RangeError for a label of TLS's own or one that is not ASCII, or a context above 2^16 - 1 bytes
 */
export function exportKeyingMaterial12(
  crypto: Hmac,
  hash: SuiteHash,
  masterSecret: Bytes,
  randoms: Randoms,
  label: string,
  context: Bytes | null,
  length: number,
): Bytes {
  if (RESERVED_LABELS.includes(label)) throw new RangeError(`the label "${label}" is TLS's own`);
  const tail = context === null ? EMPTY : new ByteWriter().vector16(context).finish();
  return tls12Prf(crypto, hash, masterSecret, label, concat(randoms.client, randoms.server, tail), length);
}

const RESERVED_LABELS = [
  'client finished',
  'server finished',
  'master secret',
  'extended master secret',
  'key expansion',
];
