import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heldEchKey } from '../../../tests/support/ech-keys.ts';
import { concat, EMPTY, unhex } from '../../core/bytes.ts';
import { nodeCrypto } from '../../crypto-node/provider.ts';
import {
  chooseEchConfig,
  decodeEchConfig,
  decodeEchConfigList,
  type EchConfigContents,
  encodeEchConfig,
  encodeEchConfigList,
  isPublicName,
  suiteOf,
} from './config.ts';

const CONFIG = heldEchKey('').config;
const OTHER_VERSION = unhex('badd 0005 0504030201');
const changed = (changes: Partial<EchConfigContents>) => decodeEchConfig(encodeEchConfig({ ...CONFIG, ...changes }));
const chosen = (...changes: Partial<EchConfigContents>[]) => chooseEchConfig(changes.map(changed), nodeCrypto);

test('a config is written as it was read', () => {
  const config = changed({ extensions: new Map([[0x1234, unhex('0102')]]), suites: [{ kdf: 1, aead: 0x9999 }] });
  assert.deepEqual(encodeEchConfig(config), config.encoded);
  assert.deepEqual(decodeEchConfigList(encodeEchConfigList([config.encoded, CONFIG.encoded])), [config, CONFIG]);
});

test('a list or a config that is cut short anywhere, or goes on, is a decode-error', () => {
  const list = encodeEchConfigList([CONFIG.encoded]);
  for (let length = 0; length < list.length; length++)
    assert.throws(() => decodeEchConfigList(list.subarray(0, length)), { why: 'decode-error' });
  for (let length = 0; length < CONFIG.encoded.length; length++)
    assert.throws(() => decodeEchConfig(CONFIG.encoded.subarray(0, length)), { why: 'decode-error' });
  assert.throws(() => decodeEchConfigList(concat(list, Uint8Array.of(0))), { why: 'decode-error' });
  assert.throws(() => decodeEchConfig(concat(CONFIG.encoded, Uint8Array.of(0))), { why: 'decode-error' });
});

test('a list is not empty, and neither is what a config must have', () => {
  assert.throws(() => decodeEchConfigList(Uint8Array.of(0, 0)), { why: 'decode-error' });
  const empty: Partial<EchConfigContents>[] = [{ publicKey: EMPTY }, { suites: [] }, { publicName: '' }];
  for (const changes of empty)
    assert.throws(() => decodeEchConfigList(encodeEchConfigList([encodeEchConfig({ ...CONFIG, ...changes })])), {
      why: 'decode-error',
    });
});

test('other versions are passed over, whatever is in them; alone they are no config', () => {
  assert.deepEqual(decodeEchConfigList(encodeEchConfigList([OTHER_VERSION, CONFIG.encoded])), [CONFIG]);
  assert.deepEqual(decodeEchConfigList(encodeEchConfigList([OTHER_VERSION])), []);
  assert.throws(() => decodeEchConfig(OTHER_VERSION), { why: 'decode-error' });
});

test('two extensions of one type are a decode-error, known or not', () => {
  const twice = encodeEchConfig({
    ...CONFIG,
    extensions: new Map([
      [1, EMPTY],
      [2, EMPTY],
    ]),
  });
  twice[twice.length - 3] = 1;
  assert.throws(() => decodeEchConfig(twice), { why: 'decode-error' });
});

test('the first config is chosen that can be used, and the best of its suites', () => {
  const second = { configId: 2 };
  const useless: Partial<EchConfigContents>[] = [
    { kem: 0x6666 },
    { kem: 0x0010 },
    { publicKey: new Uint8Array(31).fill(9) },
    { suites: [{ kdf: 1, aead: 0x2222 }] },
    { suites: [{ kdf: 2, aead: 1 }] },
    { extensions: new Map([[0x8001, EMPTY]]) },
    { publicName: 'dns_names_have_no_underscores.example' },
  ];
  for (const changes of useless) {
    assert.equal(chosen(changes), null);
    assert.equal(chosen(changes, second)?.config.configId, 2);
  }
  assert.equal(chosen(CONFIG, second)?.config.configId, CONFIG.configId);
  assert.equal(chosen({ extensions: new Map([[0x7fff, EMPTY]]) })?.group, 'x25519');
  assert.equal(chosen({ suites: [suiteOf('chacha20-poly1305'), suiteOf('aes-128-gcm')] })?.aead, 'aes-128-gcm');
  assert.equal(chosen({ suites: [{ kdf: 9, aead: 1 }, suiteOf('aes-256-gcm')] })?.aead, 'aes-256-gcm');
  assert.equal(chooseEchConfig([heldEchKey('', {}, 'secp256r1').config], nodeCrypto)?.group, 'secp256r1');
});

test('a public name is a host name that nobody takes for an address', () => {
  for (const name of ['a', 'public.example', 'A-b.C', '1.example', `${'x'.repeat(63)}.example`, '0xg.0x1g', 'a--b'])
    assert.equal(isPublicName(name), true, name);
  const wrong = [
    '',
    '.',
    '.a',
    'a.',
    'a..b',
    '-a.b',
    'a-.b',
    'a_b',
    'ä',
    'a b',
    '1',
    'a.1',
    '127.0.0.1',
    'a.0x',
    'a.0XfF',
    '0',
  ];
  for (const name of [...wrong, `${'x'.repeat(64)}.example`, 'a.example\n'])
    assert.equal(isPublicName(name), false, name);
});
