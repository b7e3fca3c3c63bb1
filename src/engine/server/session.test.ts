import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ascii, type Bytes, concat, latin1 } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { decodeSession12, encodeSession12, type Session12 } from '../tls12/server/session.ts';
import { type CookieContent, decodeCookieContent, encodeCookieContent } from './retry.ts';
import { decodeSession13, encodeSession13, type Session13 } from './session.ts';
import { decodeTerms, encodeTerms, SEALED_FORMAT, type SessionTerms } from './session-terms.ts';

const TERMS: SessionTerms = {
  establishedAtMs: 1_700_000_000_000.5,
  serverName: 'a.test',
  alpn: 'h2',
  certificatePolicy: 'clients',
  peer: {
    verified: true,
    matched: ['dns:a.test', 'email:\u00e9@a.test'],
    subject: 'CN=\u{1f511} "\\',
    spkiSha256: 'aa',
    certificateSha256: 'bb',
    notAfterSeconds: 1_800_000_000,
  },
  signatureScheme: 'ed25519',
};
const BARE: SessionTerms = { ...TERMS, serverName: null, alpn: null, peer: null, signatureScheme: null };
const SESSION13: Session13 = { ...TERMS, suite: 'TLS_AES_256_GCM_SHA384', secret: new Uint8Array(48).fill(1) };
const SESSION12: Session12 = {
  ...TERMS,
  suite: 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  masterSecret: new Uint8Array(48).fill(2),
  group: 'x25519',
};
const COOKIE: CookieContent = {
  suite: 'TLS_AES_128_GCM_SHA256',
  group: 'secp256r1',
  issuedAtSeconds: 1_700_000_000,
  helloHash: new Uint8Array(32).fill(3),
};

/** What is sealed, and by whom it is read: null for what is none. */
const SEALED: Readonly<Record<string, { readonly plaintext: Bytes; readonly read: (plaintext: Bytes) => unknown }>> = {
  'a session of TLS 1.3': { plaintext: encodeSession13(SESSION13), read: decodeSession13 },
  'a session of TLS 1.2': { plaintext: encodeSession12(SESSION12), read: decodeSession12 },
  'a cookie': { plaintext: encodeCookieContent(COOKIE), read: decodeCookieContent },
};

test('what is sealed is read as what it was', () => {
  assert.deepEqual(decodeSession13(encodeSession13(SESSION13)), SESSION13);
  assert.deepEqual(decodeSession12(encodeSession12(SESSION12)), SESSION12);
  assert.deepEqual(decodeCookieContent(encodeCookieContent(COOKIE)), COOKIE);
  assert.deepEqual(decodeTerms(encodeTerms(BARE)), BARE);
});

for (const [name, { plaintext, read }] of Object.entries(SEALED))
  describe(`${name} is none`, () => {
    test('in another format, or in the one before there were numbers', () => {
      assert.equal(plaintext[0], SEALED_FORMAT);
      for (const format of [0, SEALED_FORMAT + 1, 255])
        assert.equal(read(concat(Uint8Array.of(format), plaintext.subarray(1))), null);
      assert.equal(read(plaintext.subarray(1)), null);
    });

    test('where a byte is missing or left over', () => {
      for (let length = 0; length < plaintext.length; length++) assert.equal(read(plaintext.subarray(0, length)), null);
      assert.equal(read(concat(plaintext, Uint8Array.of(0))), null);
    });

    test('for the reader of another', () => {
      for (const other of Object.values(SEALED)) if (other.read !== read) assert.equal(other.read(plaintext), null);
    });
  });

describe('the terms of a session', () => {
  const { peer, establishedAtMs, ...others } = TERMS;
  const otherwise: Readonly<Record<string, unknown>> = {
    'no terms': null,
    'a list': [],
    'nothing': {},
    'a time that is text': { ...TERMS, establishedAtMs: '1' },
    'a number for a name': { ...TERMS, serverName: 1 },
    'a number for a protocol': { ...TERMS, alpn: 1 },
    'no policy': { ...TERMS, certificatePolicy: undefined },
    'a policy that is none': { ...TERMS, certificatePolicy: null },
    'no peer, not even null': { ...TERMS, peer: undefined },
    'a peer that is text': { ...TERMS, peer: 'CN=a' },
    'a peer without what it matched': { ...TERMS, peer: { ...peer, matched: undefined } },
    'a peer that matched a number': { ...TERMS, peer: { ...peer, matched: [1] } },
    'a peer that is perhaps verified': { ...TERMS, peer: { ...peer, verified: 1 } },
    'a peer without a subject': { ...TERMS, peer: { ...peer, subject: null } },
    'a peer without a key': { ...TERMS, peer: { ...peer, spkiSha256: 1 } },
    'a peer without a certificate': { ...TERMS, peer: { ...peer, certificateSha256: 1 } },
    'a peer without an end': { ...TERMS, peer: { ...peer, notAfterSeconds: null } },
    'a peer with more': { ...TERMS, peer: { ...peer, more: 1 } },
    'an unknown scheme': { ...TERMS, signatureScheme: 'none' },
    'a scheme that every object has': { ...TERMS, signatureScheme: 'toString' },
    'more': { ...TERMS, more: 1 },
    'another order': { ...others, peer, establishedAtMs },
  };
  const text = latin1(encodeTerms(TERMS));
  const texts: Readonly<Record<string, string>> = {
    ...Object.fromEntries(Object.entries(otherwise).map(([name, terms]) => [name, JSON.stringify(terms)])),
    'no JSON': text.slice(1),
    'white space': `${text} `,
    'a member twice': text.replace('{', '{"alpn":"h2",'),
    'a number beyond all numbers': text.replace('1800000000', '1e999'),
    'a prototype': text.replace('{', '{"__proto__":{},'),
    'more depth than there is stack': '['.repeat(65_535),
  };
  for (const [name, json] of Object.entries(texts))
    test(`cannot be ${name}`, () => {
      const bytes = ascii(json.replace(/[\u007f-\uffff]/g, '?'));
      assert.throws(() => decodeTerms(bytes), TlsError);
    });
});
