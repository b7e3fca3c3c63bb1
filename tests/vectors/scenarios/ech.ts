import { type Bytes, unhex } from '../../../src/core/bytes.ts';
import { CONTENT_TYPE } from '../../../src/engine/codec/registry.ts';
import { decodeEchConfig, type EchConfigContents, encodeEchConfig } from '../../../src/engine/ech/config.ts';
import { echKey, type HeldEchKey, heldEchKey } from '../../support/ech-keys.ts';
import { hpkePrivateKey } from '../../support/hpke-keys.ts';
import { heldCredential } from '../../support/pair13.ts';
import { softwareKeys } from '../../support/software-keys.ts';
import type { Scenario, Scene } from '../scenario.ts';

/** RFC 9180 appendix A.1.1: the recipient's. */
const PUBLIC_KEY = unhex('3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d');
const HELD: HeldEchKey = {
  name: 'ech',
  config: configOf({}),
  privateKey: hpkePrivateKey('x25519', unhex('4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8')),
};
const BOTH: Scene = {
  client: { ech: [HELD.config] },
  server: { ech: [echKey(HELD)] },
  serverKeys: softwareKeys([heldCredential('ed25519')], undefined, [HELD]),
};
const RETRIED: Scene = { ...BOTH, client: { ...BOTH.client, keyShareGroups: [] } };
const one = (scene: Scene): Scenario => ({ version: 'TLSv1.3', connections: [scene] });
const UNKNOWN = { ech: [configOf({ configId: 8 })] };

/** Encrypted Client Hello that its server understands. */
export const ACCEPTED_SCENARIOS: Readonly<Record<string, Scenario>> = {
  'ECH: accepted': one(BOTH),
  'ECH: accepted after a HelloRetryRequest': one(RETRIED),
  'ECH: a resumption': {
    version: 'TLSv1.3',
    connections: Array.from({ length: 2 }, () => ({
      ...BOTH,
      client: { ...BOTH.client, keepTickets: true },
      server: { ...BOTH.server, ticketLifetimeSeconds: 3600, ticketCount: 1 },
    })),
  },
};

/** Encrypted Client Hello, as RFC 9849 has it. */
export const ECH_SCENARIOS: Readonly<Record<string, Scenario>> = {
  ...ACCEPTED_SCENARIOS,
  'ECH: GREASE': one({ ...BOTH, client: { ech: 'grease' } }),
  'ECH: a server that proposes other configurations: ech-rejected': one({
    ...BOTH,
    client: UNKNOWN,
    fails: 'ech-rejected',
  }),
  'ECH: a server that proposes others after a HelloRetryRequest: ech-rejected': one({
    ...RETRIED,
    client: { ...UNKNOWN, keyShareGroups: [] },
    fails: 'ech-rejected',
  }),
  'ECH: a server that has none: ech-rejected': one({ ...BOTH, server: {}, fails: 'ech-rejected' }),
  'ECH: a second ClientHello that cannot be opened: bad-ech-payload': one({
    ...RETRIED,
    toServer: lastByteOfTheSecond,
    fails: 'bad-ech-payload',
  }),
  'ECH: a configuration with a key that is none: ech-config-unusable': one({
    client: { ech: [configOf({ publicKey: new Uint8Array(32) })] },
    pins: 'client',
    fails: 'ech-config-unusable',
  }),
};

function configOf(changes: Partial<EchConfigContents>) {
  return decodeEchConfig(encodeEchConfig({ ...heldEchKey('').config, publicKey: PUBLIC_KEY, ...changes }));
}

/** Behind a change_cipher_spec; its last extension is the sealed one. */
function lastByteOfTheSecond(bytes: Bytes): readonly Bytes[] {
  if (bytes[0] !== CONTENT_TYPE.change_cipher_spec || bytes.length < 200) return [bytes];
  return [bytes.map((byte, index) => (index === bytes.length - 1 ? byte ^ 1 : byte))];
}
