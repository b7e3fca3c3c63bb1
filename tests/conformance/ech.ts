import { type Bytes, equal } from '../../src/core/bytes.ts';
import type { Failure } from '../../src/core/failures.ts';
import { hpkeGroupByCodePoint } from '../../src/crypto/hpke.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import type { ClientConfig } from '../../src/engine/config.ts';
import type { SessionFacts } from '../../src/engine/connection.ts';
import { chooseEchConfig, decodeEchConfig, decodeEchConfigList } from '../../src/engine/ech/config.ts';
import type { EchKey } from '../../src/engine/server-config.ts';
import { echKey, type HeldEchKey } from '../support/ech-keys.ts';
import { hpkePrivateKey } from '../support/hpke-keys.ts';
import type { ShimFlags } from './flags.ts';

/** What a client does by -ech-config-list, -enable-ech-grease and -reject-unusable-ech-config. */
export function clientEch(flags: ShimFlags, maxVersion: ClientConfig['maxVersion']): ClientConfig['ech'] {
  const list = flags.strings.get('ech-config-list');
  const configs = list === undefined ? [] : decodeEchConfigList(base64(list));
  // As we do always; BoringSSL, unless told otherwise, goes on without.
  if (flags.bools.has('reject-unusable-ech-config')) return configs;
  if (maxVersion === 'TLSv1.3' && chooseEchConfig(configs, nodeCrypto) !== null) return configs;
  return flags.bools.has('enable-ech-grease') ? 'grease' : null;
}

/** The configs and keys of -ech-server-config, -ech-server-key and -ech-is-retry-config, in the order of the flags. */
export function serverEch(flags: ShimFlags): {
  readonly held: readonly HeldEchKey[];
  readonly keys: readonly EchKey[];
} {
  const privateKeys = flags.lists.get('ech-server-key') ?? [];
  const retries = flags.ints.get('ech-is-retry-config') ?? [];
  const held = (flags.lists.get('ech-server-config') ?? []).map((encoded, index) => {
    const config = decodeEchConfig(base64(encoded));
    const group = hpkeGroupByCodePoint(config.kem);
    if (group === undefined) throw new Error(`KEM ${config.kem}`);
    return { name: `${index}`, config, privateKey: hpkePrivateKey(group, base64(privateKeys[index] ?? '')) };
  });
  return { held, keys: held.map((key, index) => echKey(key, retries[index] === 1)) };
}

/** -expect-ech-accept holds both ways. A server without keys has no word in it. */
export function checkEchSession({ bools, lists }: ShimFlags, { ech }: SessionFacts): void {
  if (bools.has('server') && !lists.has('ech-server-config')) return;
  if (bools.has('expect-ech-accept') !== (ech === 'accepted')) throw new Error(`ECH was ${ech}`);
}

/** The name that a certificate is verified for, when it is not the usual one. */
export function checkPublicName({ bools, strings }: ShimFlags, publicName: string | null): void {
  const expected = strings.get('expect-ech-name-override');
  if (expected !== undefined && publicName !== expected) throw new Error(`the name to verify was ${publicName}`);
  if (bools.has('expect-no-ech-name-override') && publicName !== null)
    throw new Error(`the name to verify was ${publicName}`);
}

/** What a server that rejects has to say, if it says what it is to. */
export function checkRejection({ bools, strings }: ShimFlags, { why, retryConfigs }: Failure): void {
  const expected = strings.get('expect-ech-retry-configs');
  const none = bools.has('expect-no-ech-retry-configs');
  if (expected === undefined && !none) return;
  if (why !== 'ech-rejected') throw new Error('ECH was not rejected');
  const fits = none
    ? retryConfigs === undefined
    : retryConfigs !== undefined && equal(retryConfigs, base64(expected ?? ''));
  if (!fits) throw new Error('not the expected retry configs');
}

function base64(text: string): Bytes {
  return new Uint8Array(Buffer.from(text, 'base64'));
}
