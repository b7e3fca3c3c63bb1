import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY, hex, unhex } from '../core/bytes.ts';
import { nodeCrypto as crypto } from '../crypto-node/provider.ts';
import { deriveSecret, HASH_BYTES, hkdfExpand, hkdfExpandLabel, hkdfExtract, hkdfLabel } from './hkdf.ts';

interface Rfc5869Case {
  readonly inputKeyingMaterial: string;
  readonly salt: string;
  readonly info: string;
  readonly key: string;
  readonly output: string;
}

const RFC_5869: Readonly<Record<string, Rfc5869Case>> = {
  'A.1': {
    inputKeyingMaterial: '0b'.repeat(22),
    salt: '000102030405060708090a0b0c',
    info: 'f0f1f2f3f4f5f6f7f8f9',
    key: '077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5',
    output: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  },
  'A.2': {
    inputKeyingMaterial: hex(Uint8Array.from({ length: 80 }, (_, index) => index)),
    salt: hex(Uint8Array.from({ length: 80 }, (_, index) => 0x60 + index)),
    info: hex(Uint8Array.from({ length: 80 }, (_, index) => 0xb0 + index)),
    key: '06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244',
    output:
      'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c' +
      '59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87',
  },
  'A.3': {
    inputKeyingMaterial: '0b'.repeat(22),
    salt: '',
    info: '',
    key: '19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04',
    output: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
  },
};

for (const [name, { inputKeyingMaterial, salt, info, key, output }] of Object.entries(RFC_5869))
  test(`HKDF, RFC 5869 ${name}`, () => {
    const extracted = hkdfExtract(crypto, 'sha256', unhex(salt), unhex(inputKeyingMaterial));
    assert.equal(hex(extracted), key);
    assert.equal(hex(hkdfExpand(crypto, 'sha256', extracted, unhex(info), output.length / 2)), output);
  });

test('HKDF-Expand gives any length up to 255 hashes, each a prefix of the longer', () => {
  const key = unhex('07'.repeat(32));
  for (const hash of ['sha256', 'sha384', 'sha512'] as const) {
    const longest = hkdfExpand(crypto, hash, key, EMPTY, 255 * HASH_BYTES[hash]);
    for (const length of [0, 1, HASH_BYTES[hash] - 1, HASH_BYTES[hash], HASH_BYTES[hash] + 1, 1000])
      assert.deepEqual(hkdfExpand(crypto, hash, key, EMPTY, length), longest.slice(0, length));
    assert.throws(() => hkdfExpand(crypto, hash, key, EMPTY, 255 * HASH_BYTES[hash] + 1), RangeError);
  }
});

test('the key schedule of RFC 8448 section 3', () => {
  const zeros = new Uint8Array(32);
  const emptyHash = crypto.hash('sha256', EMPTY);
  const early = hkdfExtract(crypto, 'sha256', EMPTY, zeros);
  assert.equal(hex(early), '33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a');
  const derived = deriveSecret(crypto, 'sha256', early, hkdfLabel('derived'), emptyHash);
  assert.equal(hex(derived), '6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba');
  const shared = unhex('8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d');
  const handshake = hkdfExtract(crypto, 'sha256', derived, shared);
  assert.equal(hex(handshake), '1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac');
  const helloHash = unhex('860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8');
  const client = deriveSecret(crypto, 'sha256', handshake, hkdfLabel('c hs traffic'), helloHash);
  assert.equal(hex(client), 'b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21');
  const server = deriveSecret(crypto, 'sha256', handshake, hkdfLabel('s hs traffic'), helloHash);
  assert.equal(hex(server), 'b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38');
  assert.equal(
    hex(hkdfExpandLabel(crypto, 'sha256', server, hkdfLabel('key'), EMPTY, 16)),
    '3fce516009c21727d0f2e4e86ee403bc',
  );
  assert.equal(hex(hkdfExpandLabel(crypto, 'sha256', server, hkdfLabel('iv'), EMPTY, 12)), '5d313eb2671276ee13000b30');
  const master = hkdfExtract(
    crypto,
    'sha256',
    deriveSecret(crypto, 'sha256', handshake, hkdfLabel('derived'), emptyHash),
    zeros,
  );
  assert.equal(hex(master), '18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919');
});

test('a label or context that does not fit its length byte is refused', () => {
  const secret = new Uint8Array(32);
  assert.throws(() => hkdfLabel('x'.repeat(250)), RangeError);
  assert.throws(() => hkdfExpandLabel(crypto, 'sha256', secret, hkdfLabel('key'), new Uint8Array(256), 16), RangeError);
});
