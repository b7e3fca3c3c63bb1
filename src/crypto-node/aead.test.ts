import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Bytes, concat, EMPTY, hex, unhex } from '../core/bytes.ts';
import { AEADS } from '../crypto/cipher-suites.ts';
import type { AeadAlgorithm } from '../crypto/provider.ts';
import { nodeCrypto as crypto, NodeCrypto } from './provider.ts';

const ALGORITHMS = Object.keys(AEADS) as AeadAlgorithm[];
const TRAILER = Uint8Array.of(0x17);

interface Vector {
  readonly algorithm: AeadAlgorithm;
  readonly source: string;
  readonly key: string;
  readonly nonce: string;
  readonly associatedData: string;
  readonly plaintext: string;
  readonly sealed: string;
}

const GCM_PLAINTEXT =
  'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39';

const VECTORS: readonly Vector[] = [
  {
    algorithm: 'aes-128-gcm',
    source: 'McGrew and Viega, test case 4',
    key: 'feffe9928665731c6d6a8f9467308308',
    nonce: 'cafebabefacedbaddecaf888',
    associatedData: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    plaintext: GCM_PLAINTEXT,
    sealed:
      '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091' +
      '5bc94fbc3221a5db94fae95ae7121a47',
  },
  {
    algorithm: 'aes-256-gcm',
    source: 'McGrew and Viega, test case 16',
    key: 'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308',
    nonce: 'cafebabefacedbaddecaf888',
    associatedData: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    plaintext: GCM_PLAINTEXT,
    sealed:
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662' +
      '76fc6ece0f4e1768cddf8853bb2d551b',
  },
  {
    algorithm: 'chacha20-poly1305',
    source: 'RFC 8439 section 2.8.2',
    key: '808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f',
    nonce: '070000004041424344454647',
    associatedData: '50515253c0c1c2c3c4c5c6c7',
    plaintext: hex(
      new TextEncoder().encode(
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
      ),
    ),
    sealed:
      'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36' +
      '92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116' +
      '1ae10b594f09e26a7e902ecbd0600691',
  },
  {
    algorithm: 'aes-128-ccm-8',
    source: 'NIST SP 800-38C example 3',
    key: '404142434445464748494a4b4c4d4e4f',
    nonce: '101112131415161718191a1b',
    associatedData: '000102030405060708090a0b0c0d0e0f10111213',
    plaintext: '202122232425262728292a2b2c2d2e2f3031323334353637',
    sealed: 'e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951',
  },
];

for (const { algorithm, source, key, nonce, associatedData, plaintext, sealed } of VECTORS.filter(isOffered))
  test(`${algorithm}: ${source}`, () => {
    const aead = crypto.aead(algorithm, unhex(key));
    assert.equal(
      hex(seal(algorithm, unhex(key), unhex(nonce), unhex(associatedData), unhex(plaintext), EMPTY)),
      sealed,
    );
    assert.equal(hex(aead.open(unhex(nonce), unhex(associatedData), unhex(sealed)) ?? EMPTY), plaintext);
  });

/** SHA-256 of a full TLS 1.3 record sealed under a key of 0, 1, 2, …: the same from BoringSSL, OpenSSL and @noble. */
const FULL_RECORDS: Readonly<Record<AeadAlgorithm, string>> = {
  'aes-128-gcm': 'f45d779818f7123a2aba15529affab1007603b2f04f64891e19a7292acf16671',
  'aes-256-gcm': '06c756cb0ea83b21408c66a1314ea5c99e983469455e873456eaa13d5de415d4',
  'chacha20-poly1305': '4f850c808b49bb73d422f4835d7a4373a591a28b2e90e4106cca2ab9313e4d9f',
  'aes-128-ccm': 'cd171e8ce6f78d181e37430b48177af7d2d523b3dd059ee12ba94e68e4c286cb',
  'aes-128-ccm-8': '36b8518286205933e55273f0c97e5b8a55aac5b692ba4e80f87efa74790fefaf',
};

for (const algorithm of crypto.aeads) {
  const key = counting(AEADS[algorithm].keyBytes);
  const nonce = counting(12);
  const associatedData = unhex('1703034011');

  test(`${algorithm}: a full record is the same everywhere`, () => {
    const sealed = seal(algorithm, key, nonce, associatedData, counting(2 ** 14), TRAILER);
    assert.equal(hex(crypto.hash('sha256', sealed)), FULL_RECORDS[algorithm]);
  });

  test(`${algorithm}: what is sealed opens, and nothing around it is touched`, () => {
    fc.assert(
      fc.property(
        bytes(0, 300),
        bytes(0, 40),
        bytes(0, 20),
        fc.nat({ max: 20 }),
        (plaintext, trailer, extra, offset) => {
          const before = [plaintext, trailer, extra, nonce].map((input) => hex(input));
          const aead = crypto.aead(algorithm, key);
          const length = plaintext.length + trailer.length + aead.tagBytes;
          const output = new Uint8Array(offset + length + 10).fill(0xee);
          assert.equal(aead.seal(nonce, extra, plaintext, trailer, output, offset), length);
          assert.ok(output.subarray(0, offset).every((byte) => byte === 0xee));
          assert.ok(output.subarray(offset + length).every((byte) => byte === 0xee));
          const opened = aead.open(nonce, extra, output.subarray(offset, offset + length));
          assert.deepEqual(opened, concat(plaintext, trailer));
          assert.deepEqual(
            [plaintext, trailer, extra, nonce].map((input) => hex(input)),
            before,
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  test(`${algorithm}: no changed bit is accepted, of ciphertext, tag, associated data or nonce`, () => {
    const aead = crypto.aead(algorithm, key);
    const sealed = seal(algorithm, key, nonce, associatedData, counting(37), TRAILER);
    assert.notEqual(aead.open(nonce, associatedData, sealed), null);
    for (const changed of withOneBitChanged(sealed)) assert.equal(aead.open(nonce, associatedData, changed), null);
    for (const changed of withOneBitChanged(associatedData)) assert.equal(aead.open(nonce, changed, sealed), null);
    for (const changed of withOneBitChanged(nonce)) assert.equal(aead.open(changed, associatedData, sealed), null);
    assert.equal(
      crypto
        .aead(
          algorithm,
          key.map((byte) => byte ^ 1),
        )
        .open(nonce, associatedData, sealed),
      null,
    );
  });

  test(`${algorithm}: nothing shorter or longer is accepted, down to the empty string`, () => {
    const aead = crypto.aead(algorithm, key);
    const sealed = seal(algorithm, key, nonce, associatedData, counting(20), TRAILER);
    for (let length = 0; length < sealed.length; length++)
      assert.equal(aead.open(nonce, associatedData, sealed.subarray(0, length)), null);
    assert.equal(aead.open(nonce, associatedData, concat(sealed, Uint8Array.of(0))), null);
  });

  test(`${algorithm}: the plaintext is in memory of its own`, () => {
    const aead = crypto.aead(algorithm, key);
    for (const length of [0, 1, 100, 5000]) {
      const sealed = seal(algorithm, key, nonce, associatedData, counting(length), TRAILER);
      const opened = aead.open(nonce, associatedData, sealed) ?? assert.fail('not authentic');
      assert.equal(Object.getPrototypeOf(opened), Uint8Array.prototype);
      assert.ok(opened.buffer.byteLength < opened.length + 16);
      const again = aead.open(nonce, associatedData, sealed) ?? assert.fail('not authentic');
      opened.fill(0);
      sealed.fill(0);
      assert.deepEqual(again, concat(counting(length), TRAILER));
    }
  });

  test(`${algorithm}: a caller's mistakes are exceptions`, () => {
    for (const length of [0, AEADS[algorithm].keyBytes - 1, AEADS[algorithm].keyBytes + 1])
      assert.throws(() => crypto.aead(algorithm, new Uint8Array(length)), RangeError);
    const aead = crypto.aead(algorithm, key);
    const tooSmall = new Uint8Array(10 + 1 + aead.tagBytes - 1);
    assert.throws(() => aead.seal(nonce, associatedData, counting(10), TRAILER, tooSmall, 0));
  });

  test(`${algorithm}: the key is copied when the AEAD is made`, () => {
    const ownKey = key.slice();
    const aead = crypto.aead(algorithm, ownKey);
    ownKey.fill(0);
    const sealed = seal(algorithm, key, nonce, associatedData, counting(5), TRAILER);
    assert.deepEqual(aead.open(nonce, associatedData, sealed), concat(counting(5), TRAILER));
  });
}

test('AES-GCM is offered first, ChaCha20 after it, CCM last and only where the runtime has it', () => {
  const onBun = process.versions.bun !== undefined;
  assert.deepEqual(crypto.aeads, onBun ? ALGORITHMS.filter((algorithm) => !algorithm.includes('ccm')) : ALGORITHMS);
});

test('without software ChaCha20, what is not offered cannot be made', () => {
  const strict = new NodeCrypto({ softwareChaCha20: false });
  for (const algorithm of ALGORITHMS) {
    const make = () => strict.aead(algorithm, counting(AEADS[algorithm].keyBytes));
    if (strict.aeads.includes(algorithm)) assert.doesNotThrow(make);
    else assert.throws(make, RangeError);
  }
  const missing = ALGORITHMS.filter((algorithm) => !strict.aeads.includes(algorithm));
  const onBun = process.versions.bun !== undefined;
  assert.deepEqual(missing, onBun ? ['chacha20-poly1305', 'aes-128-ccm', 'aes-128-ccm-8'] : []);
});

function isOffered({ algorithm }: Vector): boolean {
  return crypto.aeads.includes(algorithm);
}

function seal(
  algorithm: AeadAlgorithm,
  key: Bytes,
  nonce: Bytes,
  associatedData: Bytes,
  plaintext: Bytes,
  trailer: Bytes,
): Bytes {
  const output = new Uint8Array(plaintext.length + trailer.length + AEADS[algorithm].tagBytes);
  const length = crypto.aead(algorithm, key).seal(nonce, associatedData, plaintext, trailer, output, 0);
  assert.equal(length, output.length);
  return output;
}

function counting(length: number): Bytes {
  return Uint8Array.from({ length }, (_, index) => index);
}

function bytes(minLength: number, maxLength: number): fc.Arbitrary<Bytes> {
  return fc.uint8Array({ minLength, maxLength });
}

function* withOneBitChanged(original: Bytes): Generator<Bytes> {
  for (let bit = 0; bit < 8 * original.length; bit++) {
    const changed = original.slice();
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
    yield changed;
  }
}
