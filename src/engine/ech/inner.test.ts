import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Bytes, concat, EMPTY } from '../../core/bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import { encodeShortCodePoints } from '../codec/extensions.ts';
import { type ClientHello, decodeClientHello, encodeClientHello } from '../codec/messages.ts';
import { EXTENSION, VERSION } from '../codec/registry.ts';
import { ECH_INNER, encodeOuterExtensions } from './extension.ts';
import { encodeInner, paddingBytes, reconstructInner, requireInner } from './inner.ts';

const hello = (...extensions: [number, Bytes][]): ClientHello => ({
  legacyVersion: VERSION.tls12,
  random: new Uint8Array(32).fill(1),
  sessionId: new Uint8Array(32).fill(2),
  cipherSuites: [0x1301],
  compressionMethods: Uint8Array.of(0),
  extensions: new Map(extensions),
});
const body = (length: number) => new Uint8Array(length).fill(length);
const OUTER = hello(
  [1, body(1)],
  [2, body(2)],
  [3, body(3)],
  [EXTENSION.encrypted_client_hello, body(9)],
  [4, body(4)],
);

/** What is sealed: an inner ClientHello that refers to these. */
const referring = (...types: number[]): Bytes =>
  encodeClientHello({
    ...hello([7, body(7)], [EXTENSION.ech_outer_extensions, encodeOuterExtensions(types)], [8, body(8)]),
    sessionId: EMPTY,
  }).subarray(4);
const typesOf = (message: Bytes) => [...decodeClientHello(message.subarray(4)).extensions.keys()];

test('what is compressed comes back, whatever it is, with the session id of the outer ClientHello', () => {
  const extension = fc.tuple(fc.nat(0xfc00), fc.uint8Array({ maxLength: 40 }));
  const list = fc.uniqueArray(extension, { selector: ([code]) => code, maxLength: 12 });
  fc.assert(
    fc.property(list, fc.nat(12), fc.nat(12), fc.nat(255), (extensions, from, count, maximumNameBytes) => {
      const inner = hello(...(extensions as [number, Bytes][]));
      const compressed = extensions.slice(from, from + count).map(([code]) => code);
      const outer = { ...inner, random: new Uint8Array(32).fill(3), cipherSuites: [0xc02b, 0x1301] };
      const encoded = encodeInner(inner, compressed, maximumNameBytes, 5);
      assert.equal(encoded.length % 32, 0);
      assert.deepEqual(reconstructInner(encoded, outer), encodeClientHello(inner));
    }),
    { numRuns: 300 },
  );
});

test('references are in the order of the outer ClientHello, with gaps or without', () => {
  assert.deepEqual(typesOf(reconstructInner(referring(1, 2, 3, 4), OUTER)), [7, 1, 2, 3, 4, 8]);
  assert.deepEqual(typesOf(reconstructInner(referring(1, 4), OUTER)), [7, 1, 4, 8]);
});

const FORBIDDEN: Readonly<Record<string, readonly number[]>> = {
  'in another order': [2, 1],
  'twice': [2, 2],
  'to what is not there': [1, 5],
  'to encrypted_client_hello': [3, EXTENSION.encrypted_client_hello],
  'to ech_outer_extensions': [EXTENSION.ech_outer_extensions],
};
for (const [name, types] of Object.entries(FORBIDDEN))
  test(`references ${name} are an illegal_parameter`, () => {
    const outer = { ...OUTER, extensions: new Map(OUTER.extensions).set(EXTENSION.ech_outer_extensions, EMPTY) };
    assert.throws(() => reconstructInner(referring(...types), outer), { why: 'illegal-parameter' });
  });

test('a reference to what is there already is an illegal_parameter', () => {
  const outer = hello([7, body(1)], [8, body(2)]);
  for (const type of [7, 8])
    assert.throws(() => reconstructInner(referring(type), outer), { why: 'illegal-parameter' });
});

test('what is more than a block of extensions can hold is an illegal_parameter, up to the last byte', () => {
  const others = 2 * 4 + 7 + 8;
  const most = LIMITS.extensionBlockBytes - others - 4;
  assert.equal(typesOf(reconstructInner(referring(1), hello([1, new Uint8Array(most)]))).length, 3);
  assert.throws(() => reconstructInner(referring(1), hello([1, new Uint8Array(most + 1)])), {
    why: 'illegal-parameter',
  });
});

test('padding is zeros, of any length, and the session id is not said twice', () => {
  const encoded = referring(1);
  assert.deepEqual(reconstructInner(concat(encoded, new Uint8Array(100)), OUTER), reconstructInner(encoded, OUTER));
  assert.throws(() => reconstructInner(concat(encoded, Uint8Array.of(0, 0, 1)), OUTER), { why: 'illegal-parameter' });
  assert.throws(() => reconstructInner(encodeClientHello(OUTER).subarray(4), OUTER), { why: 'illegal-parameter' });
  // Before its extensions a ClientHello may end: then it lacks its mark.
  const bare = encodeClientHello(hello()).length - 4 - 32 - 2;
  for (let length = 0; length < encoded.length; length++)
    if (length !== bare)
      assert.throws(() => reconstructInner(encoded.subarray(0, length), OUTER), { why: 'decode-error' });
  const withoutExtensions = reconstructInner(encoded.subarray(0, bare), OUTER);
  assert.throws(() => requireInner(decodeClientHello(withoutExtensions.subarray(4))), { why: 'illegal-parameter' });
});

test('padding hides the length of a name, and whether there is one', () => {
  const lengths = [0, 1, 20, 64].map((name) => 100 + name + paddingBytes(100 + name, 64, name));
  assert.deepEqual(new Set(lengths).size, 1);
  assert.equal(91 + paddingBytes(91, 64, null), lengths[0]);
  // RFC 9849 section 6.1.3: a longer name than expected is only rounded up.
  assert.equal(paddingBytes(165, 64, 65), 27);
  for (let length = 1; length < 100; length++) assert.equal((length + paddingBytes(length, 0, 0)) % 32, 0);
});

test('an inner ClientHello has its mark, and TLS 1.3 alone', () => {
  const mark: [number, Bytes] = [EXTENSION.encrypted_client_hello, ECH_INNER];
  const versions = (...list: number[]): [number, Bytes] => [EXTENSION.supported_versions, encodeShortCodePoints(list)];
  requireInner(hello(mark, versions(0x0a0a, VERSION.tls13, 0x0305)));
  const wrong: readonly ClientHello[] = [
    hello(versions(VERSION.tls13)),
    hello([EXTENSION.encrypted_client_hello, Uint8Array.of(0)], versions(VERSION.tls13)),
    hello([EXTENSION.encrypted_client_hello, Uint8Array.of(1, 1)], versions(VERSION.tls13)),
    hello(mark),
    ...[0x0303, 0x0302, 0x0300].map((version) => hello(mark, versions(VERSION.tls13, version))),
  ];
  for (const one of wrong) assert.throws(() => requireInner(one), { why: 'illegal-parameter' });
  assert.throws(() => requireInner(hello(mark, [EXTENSION.supported_versions, Uint8Array.of(1, 3)])), {
    why: 'decode-error',
  });
});
