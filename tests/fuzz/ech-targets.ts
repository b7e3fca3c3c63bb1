import { type Bytes, hex } from '../../src/core/bytes.ts';
import { TlsError } from '../../src/core/failures.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import { decodeClientHello } from '../../src/engine/codec/messages.ts';
import { EXTENSION } from '../../src/engine/codec/registry.ts';
import {
  chooseEchConfig,
  decodeEchConfig,
  decodeEchConfigList,
  encodeEchConfig,
  encodeEchConfigList,
} from '../../src/engine/ech/config.ts';
import {
  decodeEchClientHello,
  decodeEchConfirmation,
  decodeOuterExtensions,
  ECH_INNER,
  encodeEchClientHello,
  encodeOuterExtensions,
} from '../../src/engine/ech/extension.ts';
import { encodeInner, reconstructInner, requireInner } from '../../src/engine/ech/inner.ts';
import { EchSealer, encoded, twoHellos } from '../support/ech-hello.ts';
import { echKey, heldEchKey } from '../support/ech-keys.ts';
import { heldCredential, type Sides13, serverHearing } from '../support/pair13.ts';
import { softwareKeys } from '../support/software-keys.ts';
import type { Target } from './target.ts';

const HELD = heldEchKey('held', { extensions: new Map([[1, Uint8Array.of(1)]]) });
const OPENABLE = heldEchKey('openable');
const OTHER_VERSION = Uint8Array.of(0xba, 0xdd, 0, 2, 5, 4);
const { outer: OUTER, inner: INNER } = await twoHellos();
const SHARED = [...OUTER.extensions.keys()].filter((code) => code !== EXTENSION.server_name);
const SIDES: Sides13 = {
  server: { ech: [echKey(OPENABLE)] },
  serverKeys: softwareKeys([heldCredential()], undefined, [OPENABLE]),
};

/** What comes from the network, or from DNS, by Encrypted Client Hello. */
export const ECH_TARGETS: Readonly<Record<string, Target>> = {
  'lists of ECH configs': {
    seeds: [
      encodeEchConfigList([HELD.config.encoded]),
      encodeEchConfigList([OTHER_VERSION, HELD.config.encoded, heldEchKey('', {}, 'secp256r1').config.encoded]),
    ],
    runs: 20_000,
    run: refusing((input) => {
      const configs = decodeEchConfigList(input);
      for (const config of configs)
        if (hex(encodeEchConfig(decodeEchConfig(config.encoded))) !== hex(config.encoded))
          throw new Error(`writes ${hex(encodeEchConfig(config))}`);
      chooseEchConfig(configs, nodeCrypto);
    }),
  },
  'extensions of ECH': {
    seeds: [
      ECH_INNER,
      encodeEchClientHello({
        type: 'outer',
        suite: { kdf: 1, aead: 1 },
        configId: 7,
        encapsulated: new Uint8Array(32).fill(3),
        payload: new Uint8Array(40).fill(4),
      }),
      encodeOuterExtensions(SHARED),
      new Uint8Array(8),
    ],
    runs: 20_000,
    run: (input) => {
      refusing((body) => same(body, encodeEchClientHello(decodeEchClientHello(body))))(input);
      refusing((body) => same(body, encodeOuterExtensions(decodeOuterExtensions(body))))(input);
      refusing((body) => same(body, decodeEchConfirmation(body)))(input);
    },
  },
  'what is sealed in a ClientHello, read': {
    seeds: [encoded(INNER), encodeInner(INNER, SHARED, 64, 10)],
    runs: 20_000,
    run: refusing((input) => {
      const message = reconstructInner(input, OUTER);
      if (message.length > input.length + 2 ** 16) throw new Error(`${input.length} bytes became ${message.length}`);
      requireInner(decodeClientHello(message.subarray(4)));
    }),
  },
  'what is sealed in a ClientHello, by a server': {
    seeds: [encoded(INNER), encodeInner(INNER, SHARED, 64, 10)],
    runs: 1000,
    run: async (input) => {
      const sealer = await EchSealer.make(OPENABLE);
      const { failure, log } = await serverHearing(sealer.seal(OUTER, input.subarray(0, 12_000)), SIDES);
      if (failure?.kind === 'internal') throw new Error(`${failure.why}: ${failure.detail}`);
      if (log.length > 100) throw new Error(`${log.length} outputs`);
    },
  },
};

/** A TlsError is how a parser refuses. */
function refusing(parse: (input: Bytes) => void): (input: Bytes) => void {
  return (input) => {
    try {
      parse(input);
    } catch (error) {
      if (!(error instanceof TlsError)) throw error;
    }
  };
}

function same(read: Bytes, written: Bytes): void {
  if (hex(read) !== hex(written)) throw new Error(`reads ${hex(read)} and writes ${hex(written)}`);
}
