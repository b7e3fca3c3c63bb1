import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testConfig } from '../../tests/support/conversation.ts';
import { LIMITS } from '../core/limits.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { nodeCrypto } from '../crypto-node/provider.ts';
import { ClientConnection } from './client.ts';
import { type ClientConfig, checkClientConfig, defaultClientConfig } from './config.ts';

test('the defaults are valid, and offer what the provider has', () => {
  const config = defaultClientConfig(nodeCrypto, 'example.test', () => 0);
  checkClientConfig(config, nodeCrypto);
  assert.deepEqual(config.keyShareGroups, ['X25519MLKEM768', 'x25519']);
  assert.deepEqual(config.groups, nodeCrypto.groups);
  assert.ok(!config.suites.some((suite) => suite.includes('CCM')));
  assert.ok(!config.tls12Suites.some((suite) => suite.includes('CCM')));
  assert.deepEqual([config.minVersion, config.maxVersion], ['TLSv1.2', 'TLSv1.3']);

  const poor: CryptoProvider = Object.create(nodeCrypto, {
    groups: { value: ['secp384r1'] },
    aeads: { value: ['aes-256-gcm'] },
  });
  const little = defaultClientConfig(poor, null, () => 0);
  checkClientConfig(little, poor);
  assert.deepEqual(little.keyShareGroups, ['secp384r1']);
  assert.deepEqual(little.suites, ['TLS_AES_256_GCM_SHA384']);
  assert.deepEqual(little.tls12Suites, [
    'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
    'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
  ]);
});

const MISTAKES: readonly [field: string, changes: Partial<ClientConfig>][] = [
  ['suites', { suites: [] }],
  ['minVersion', { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' }],
  ['tls12Suites', { minVersion: 'TLSv1.2', tls12Suites: [] }],
  ['groups', { groups: [], keyShareGroups: [] }],
  ['groups', { minVersion: 'TLSv1.2', groups: ['X25519MLKEM768'], keyShareGroups: [] }],
  ['groups', { groups: ['x25519', 'x25519'] }],
  ['keyShareGroups', { keyShareGroups: ['secp521r1'] }],
  ['signatureSchemes', { signatureSchemes: [] }],
  ['signatureSchemes', { signatureSchemes: ['rsa_pkcs1_sha256'] }],
  ['certificateSignatureSchemes', { certificateSignatureSchemes: [] }],
  ['recordSizeLimit', { recordSizeLimit: 63 }],
  ['recordSizeLimit', { recordSizeLimit: LIMITS.plaintextBytes + 2 }],
  ['maxFragment', { maxFragment: 0 }],
  ['maxFragment', { maxFragment: LIMITS.plaintextBytes + 1 }],
  ['maxFragment', { maxFragment: 1.5 }],
  ['recordsPerKey', { recordsPerKey: 1 }],
  ['recordsPerKey', { recordsPerKey: LIMITS.recordsPerKey + 1 }],
  ['alpn', { alpn: [''] }],
  ['alpn', { alpn: ['x'.repeat(256)] }],
  ['alpn', { alpn: ['\u0100'] }],
  ['alpn', { alpn: Array.from({ length: 300 }, () => 'x'.repeat(255)) }],
  ...[
    '',
    '.',
    'example.test.',
    'a..b',
    '-a.test',
    '127.0.0.1',
    '127',
    '::1',
    'münchen.de',
    `${'a'.repeat(64)}.test`,
    'a.'.repeat(127),
    'x y',
  ].map((serverName): [string, Partial<ClientConfig>] => ['serverName', { serverName }]),
];

for (const [field, changes] of MISTAKES)
  test(`a configuration that cannot work is refused: ${JSON.stringify(changes).slice(0, 60)}`, () => {
    assert.throws(
      () => new ClientConnection(testConfig(changes), nodeCrypto),
      (error) => error instanceof RangeError && error.message.startsWith(`${field}:`),
    );
  });

test('what the provider cannot do cannot be offered', () => {
  const without = (name: string, value: unknown): CryptoProvider => Object.create(nodeCrypto, { [name]: { value } });
  const refused = (provider: CryptoProvider): void =>
    assert.throws(() => new ClientConnection(testConfig(), provider), RangeError);
  refused(without('aeads', ['aes-256-gcm']));
  refused(without('groups', ['x25519']));
  refused(without('signatureSchemes', ['ed25519']));
  refused(without('certificateCompressions', []));
});

test('host names of all sorts are accepted', () => {
  for (const serverName of ['localhost', 'EXAMPLE.test', 'xn--mnchen-3ya.de', '_dmarc.example.test', '1.2.3.example'])
    checkClientConfig(testConfig({ serverName }), nodeCrypto);
});
