import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ascii, type Bytes, concat, hex } from '../../core/bytes.ts';
import { AEADS } from '../../crypto/cipher-suites.ts';
import type { Aead, AeadAlgorithm } from '../../crypto/provider.ts';
import { nodeCrypto } from '../../crypto-node/provider.ts';
import { CONTENT_TYPE } from '../codec/registry.ts';
import type { ContentType, Sealer } from './protection.ts';
import { Opener12, Sealer12 } from './protection12.ts';

const EXPLICIT = Uint8Array.of(1, 2, 3, 4);
const XORED = Uint8Array.from({ length: 12 }, (_, index) => index);

function implicitFor(algorithm: AeadAlgorithm): Bytes {
  return AEADS[algorithm].tls12Nonce === 'explicit' ? EXPLICIT : XORED;
}

function pair(algorithm: AeadAlgorithm = 'aes-128-gcm', first = 0): { sealer: Sealer12; opener: Opener12 } {
  const aead = nodeCrypto.aead(algorithm, new Uint8Array(AEADS[algorithm].keyBytes).fill(1));
  const implicit = implicitFor(algorithm);
  return { sealer: new Sealer12(aead, implicit, first), opener: new Opener12(aead, implicit, first) };
}

function seal(sealer: Sealer, type: ContentType, content: Bytes): { header: Bytes; body: Bytes } {
  const record = new Uint8Array(sealer.recordBytes(content.length));
  assert.equal(sealer.seal(type, content, record, 0), record.length);
  return { header: record.subarray(0, 5), body: record.subarray(5) };
}

for (const algorithm of nodeCrypto.aeads)
  test(`records of ${algorithm} open in their order and in no other`, () => {
    const { sealer, opener } = pair(algorithm);
    const first = seal(sealer, CONTENT_TYPE.handshake, ascii('one'));
    const second = seal(sealer, CONTENT_TYPE.application_data, ascii('two'));
    assert.deepEqual(opener.open(first.header, first.body), { type: 22, content: ascii('one'), innerBytes: 3 });
    assert.deepEqual(opener.open(second.header, second.body), { type: 23, content: ascii('two'), innerBytes: 3 });
    assert.throws(() => opener.open(first.header, first.body), { why: 'bad-record-mac' });
    assert.equal(sealer.records, 2);
  });

test('every flipped bit is noticed: of the type, the version, the explicit nonce, the ciphertext, the tag', () => {
  const { header, body } = seal(pair().sealer, CONTENT_TYPE.application_data, ascii('content'));
  const record = concat(header, body);
  for (let bit = 0; bit < 8 * record.length; bit++) {
    // The length is what the caller cut the body by; the version is the record layer's to check, and fixed in what is authenticated.
    if (bit >= 8 && bit < 40) continue;
    const changed = record.slice();
    changed[bit >>> 3] = (changed[bit >>> 3] as number) ^ (1 << (bit & 7));
    assert.throws(() => pair().opener.open(changed.subarray(0, 5), changed.subarray(5)), { why: 'bad-record-mac' });
  }
});

test('a body shorter than its explicit nonce and tag is not authentic', () => {
  for (const bytes of [0, 7, 8, 23])
    assert.throws(() => pair().opener.open(Uint8Array.of(23, 3, 3, 0, bytes), new Uint8Array(bytes)), {
      why: 'bad-record-mac',
    });
});

interface Call {
  readonly nonce: string;
  readonly associatedData: string;
}

function recording(calls: Call[]): Aead {
  return {
    tagBytes: 16,
    seal: (nonce, associatedData, plaintext) => {
      calls.push({ nonce: hex(nonce), associatedData: hex(associatedData) });
      return plaintext.length + 16;
    },
    open: (nonce, associatedData) => {
      calls.push({ nonce: hex(nonce), associatedData: hex(associatedData) });
      return new Uint8Array(3);
    },
  };
}

test('nonces and associated data are those of RFC 5246, RFC 5288 and RFC 7905', () => {
  const calls: Call[] = [];
  const first = 2 ** 32 + 5;
  const explicit = seal(new Sealer12(recording(calls), EXPLICIT, first), CONTENT_TYPE.alert, ascii('abc'));
  const xored = seal(new Sealer12(recording(calls), XORED, first), CONTENT_TYPE.alert, ascii('abc'));
  const associatedData = '0000000100000005' + '15' + '0303' + '0003';
  assert.deepEqual(calls, [
    { nonce: '010203040000000100000005', associatedData },
    { nonce: '00010203040506060809' + '0a0e', associatedData },
  ]);
  assert.equal(hex(explicit.header), '15030300' + '1b');
  assert.equal(hex(explicit.body.subarray(0, 8)), '0000000100000005');
  assert.equal(hex(xored.header), '15030300' + '13');
});

test("the peer's explicit nonce is its own choice", () => {
  const calls: Call[] = [];
  const opener = new Opener12(recording(calls), EXPLICIT);
  const body = concat(
    Uint8Array.from({ length: 8 }, () => 0xab),
    new Uint8Array(19),
  );
  opener.open(Uint8Array.of(23, 3, 3, 0, body.length), body);
  assert.deepEqual(calls, [
    { nonce: '01020304abababababababab', associatedData: '0000000000000000' + '17' + '0303' + '0003' },
  ]);
});

test('the last sequence number is not followed by a first', () => {
  const { sealer, opener } = pair('aes-128-gcm', Number.MAX_SAFE_INTEGER - 1);
  const { header, body } = seal(sealer, CONTENT_TYPE.application_data, ascii('last'));
  opener.open(header, body);
  assert.throws(() => seal(sealer, CONTENT_TYPE.application_data, ascii('more')), { why: 'record-sequence-exhausted' });
  assert.throws(() => opener.open(header, body), { why: 'record-sequence-exhausted' });
});
