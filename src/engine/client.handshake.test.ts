import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { brotliCompressSync, deflateSync, zstdCompressSync } from 'node:zlib';
import { converse, exchange, testConfig } from '../../tests/support/conversation.ts';
import { ascii, type Bytes, concat, EMPTY, latin1 } from '../core/bytes.ts';
import { TLS13_SUITES, type Tls13SuiteName } from '../crypto/cipher-suites.ts';
import { NAMED_GROUPS } from '../crypto/named-groups.ts';
import { SIGNATURE_SCHEMES } from '../crypto/signature-schemes.ts';
import { nodeCrypto } from '../crypto-node/provider.ts';
import { ClientConnection } from './client.ts';
import {
  decodeAuthorities,
  decodeCodePoints,
  decodeKeyShares,
  decodeProtocolNames,
  decodeServerName,
  decodeShortCodePoints,
  decodeU16,
  encodeCodePoints,
  encodeOcspResponse,
  encodeProtocolNames,
} from './codec/extensions.ts';
import { isGrease } from './codec/grease.ts';
import { encodeCertificate, encodeCertificateRequest, encodeCompressedCertificate } from './codec/messages.ts';
import { EXTENSION, HANDSHAKE_TYPE } from './codec/registry.ts';
import { type ClientConfig, usableSchemes } from './config.ts';

const COMPRESSORS = {
  zlib: (body: Bytes) => new Uint8Array(deflateSync(body)),
  brotli: (body: Bytes) => new Uint8Array(brotliCompressSync(body)),
  zstd: (body: Bytes) => new Uint8Array(zstdCompressSync(body)),
};

async function helloOf(changes: Partial<ClientConfig>) {
  const { server } = await converse({ silent: true }, changes);
  const [hello] = server.hellos;
  assert.ok(hello);
  const extension = (code: number): Bytes => {
    const body = hello.extensions.get(code);
    assert.ok(body, `extension ${code}`);
    return body;
  };
  return { hello, extension };
}

describe('ClientHello', () => {
  test('says what the configuration says', async () => {
    const authority = ascii('a DER name');
    const { hello, extension } = await helloOf({
      grease: false,
      serverName: 'Example.Test',
      alpn: ['h2', '\xff\x00'],
      suites: ['TLS_AES_256_GCM_SHA384', 'TLS_AES_128_GCM_SHA256'],
      groups: ['X25519MLKEM768', 'x25519', 'secp384r1'],
      keyShareGroups: ['X25519MLKEM768', 'x25519'],
      signatureSchemes: ['ed25519'],
      certificateSignatureSchemes: ['ed25519', 'rsa_pkcs1_sha256'],
      certificateCompressions: ['brotli', 'zlib'],
      certificateAuthorities: [authority],
      recordSizeLimit: 1024,
      keepTickets: true,
    });
    assert.equal(hello.legacyVersion, 0x0303);
    assert.equal(hello.sessionId.length, 32);
    assert.deepEqual(hello.compressionMethods, Uint8Array.of(0));
    assert.deepEqual(hello.cipherSuites, [0x1302, 0x1301]);
    assert.equal(latin1(decodeServerName(extension(EXTENSION.server_name))), 'example.test');
    assert.deepEqual(decodeProtocolNames(extension(EXTENSION.application_layer_protocol_negotiation)), [
      ascii('h2'),
      Uint8Array.of(0xff, 0),
    ]);
    assert.deepEqual(decodeShortCodePoints('', extension(EXTENSION.supported_versions)), [0x0304]);
    assert.deepEqual(decodeCodePoints('', extension(EXTENSION.supported_groups)), [0x11ec, 29, 24]);
    const shares = decodeKeyShares(extension(EXTENSION.key_share));
    assert.deepEqual(
      shares.map(({ group, share }) => [group, share.length]),
      [
        [0x11ec, NAMED_GROUPS.X25519MLKEM768.clientShareBytes],
        [29, 32],
      ],
    );
    assert.deepEqual(decodeCodePoints('', extension(EXTENSION.signature_algorithms)), [0x0807]);
    assert.deepEqual(decodeCodePoints('', extension(EXTENSION.signature_algorithms_cert)), [0x0807, 0x0401]);
    assert.deepEqual(decodeShortCodePoints('', extension(EXTENSION.compress_certificate)), [2, 1]);
    assert.deepEqual(decodeAuthorities(extension(EXTENSION.certificate_authorities)), [authority]);
    assert.equal(decodeU16('', extension(EXTENSION.record_size_limit)), 1024);
    assert.deepEqual(extension(EXTENSION.psk_key_exchange_modes), Uint8Array.of(1, 1));
    assert.deepEqual(extension(EXTENSION.status_request), Uint8Array.of(1, 0, 0, 0, 0));
  });

  test('leaves out what the configuration leaves out', async () => {
    const { hello } = await helloOf({
      grease: false,
      serverName: null,
      alpn: [],
      certificateSignatureSchemes: usableSchemes(testConfig()),
      certificateCompressions: [],
      certificateAuthorities: [],
      recordSizeLimit: null,
      requestOcsp: false,
      keepTickets: false,
    });
    assert.deepEqual(
      [...hello.extensions.keys()].sort((a, b) => a - b),
      [EXTENSION.supported_groups, EXTENSION.signature_algorithms, EXTENSION.supported_versions, EXTENSION.key_share],
    );
  });

  test('carries reserved values, and its extensions in many orders', async () => {
    const orders = new Set<string>();
    for (let times = 0; times < 8; times++) {
      const { hello, extension } = await helloOf({ grease: true });
      assert.ok(isGrease(hello.cipherSuites[0] as number));
      assert.ok(isGrease(decodeCodePoints('', extension(EXTENSION.supported_groups))[0] as number));
      assert.ok(isGrease(decodeCodePoints('', extension(EXTENSION.signature_algorithms))[0] as number));
      assert.ok(isGrease(decodeShortCodePoints('', extension(EXTENSION.supported_versions))[0] as number));
      assert.ok(isGrease(decodeKeyShares(extension(EXTENSION.key_share))[0]?.group as number));
      assert.equal([...hello.extensions.keys()].filter(isGrease).length, 2);
      orders.add([...hello.extensions.keys()].filter((code) => !isGrease(code)).join());
    }
    assert.ok(orders.size > 1);
  });

  test('is new each time', async () => {
    const [a, b] = [await helloOf({}), await helloOf({})];
    assert.notDeepEqual(a.hello.random, b.hello.random);
    assert.notDeepEqual(a.hello.sessionId, b.hello.sessionId);
    assert.notDeepEqual(a.extension(EXTENSION.key_share), b.extension(EXTENSION.key_share));
  });

  test('goes out in a record of TLS 1.0, as old middleboxes expect', () => {
    const connection = new ClientConnection(testConfig(), nodeCrypto);
    connection.start();
    const output = connection.next();
    assert.equal(output?.output, 'network');
    assert.deepEqual((output as { bytes: Bytes }).bytes.subarray(0, 3), Uint8Array.of(22, 3, 1));
  });
});

describe('a handshake', () => {
  const suites = (Object.keys(TLS13_SUITES) as Tls13SuiteName[]).filter((suite) =>
    nodeCrypto.aeads.includes(TLS13_SUITES[suite].aead),
  );
  for (const suite of suites)
    test(`with ${suite}`, async () => {
      const { client, server } = await converse({ suite }, { suites: [suite] });
      assert.equal(client.failure, undefined);
      assert.equal(client.session?.suite, suite);
      server.data(ascii('from the server'));
      client.connection.send(ascii('from the client'));
      await exchange({ client, server });
      assert.deepEqual(client.takePlaintext(), ascii('from the server'));
      assert.deepEqual(concat(...server.plaintext), ascii('from the client'));
    });

  for (const group of nodeCrypto.groups)
    test(`with a share of ${group}`, async () => {
      const { client, server } = await converse({}, { groups: [group], keyShareGroups: [group] });
      assert.equal(client.failure, undefined);
      assert.equal(client.session?.group, group);
      assert.equal(server.handshakeDone, true);
    });

  test('tells who it is with, and how', async () => {
    const { client } = await converse(
      {
        encryptedExtensions: new Map([
          [EXTENSION.server_name, EMPTY],
          [EXTENSION.supported_groups, encodeCodePoints([29])],
          [EXTENSION.application_layer_protocol_negotiation, encodeProtocolNames([ascii('h2')])],
        ]),
      },
      { alpn: ['http/1.1', 'h2'] },
    );
    assert.deepEqual(client.session, {
      version: 'TLSv1.3',
      suite: 'TLS_AES_128_GCM_SHA256',
      group: 'x25519',
      signatureScheme: 'ecdsa_secp256r1_sha256',
      alpn: 'h2',
      serverName: 'localhost',
      resumed: false,
      helloRetryRequest: false,
      ech: 'not-offered',
      peer: client.session?.peer ?? null,
    });
    assert.equal(client.session?.peer?.subject, 'CN=localhost');
    assert.deepEqual(client.log, ['network', 'effect', 'effect', 'effect', 'network', 'open']);
  });

  test("the client's flight is one piece: change_cipher_spec, then the Finished", async () => {
    const { server } = await converse();
    assert.deepEqual(
      server.records.map(({ outer, inner }) => [outer, inner]),
      [
        [22, 22],
        [20, 20],
        [23, 22],
      ],
    );
  });

  test('change_cipher_spec records of the server are dropped until it has finished', async () => {
    const { client, server } = await converse({ silent: true });
    server.raw(Uint8Array.of(20, 3, 3, 0, 1, 1));
    await exchange({ client, server });
    assert.equal(client.failure, undefined);
  });

  test('what a TLS 1.2 server warns of before ServerHello is not the end', async () => {
    const { client, server } = await converse({ silent: true });
    server.alert(1, 'unrecognized_name');
    await exchange({ client, server });
    assert.equal(client.failure, undefined);
  });

  test('a client certificate that is asked for is answered with none', async () => {
    const { client, server } = await converse({
      certificateRequest: encodeCertificateRequest({
        context: EMPTY,
        extensions: new Map([
          [EXTENSION.signature_algorithms, encodeCodePoints([SIGNATURE_SCHEMES.ed25519.codePoint])],
          [4242, ascii('an extension that nobody knows')],
        ]),
      }),
    });
    assert.equal(client.failure, undefined);
    assert.deepEqual(
      server.messages.map(({ whole }) => whole.subarray(0, 5)),
      [Uint8Array.of(HANDSHAKE_TYPE.certificate, 0, 0, 4, 0), server.messages[1]?.whole.subarray(0, 5)],
    );
    assert.equal(server.handshakeDone, true);
  });

  test('status_request in CertificateRequest is empty (RFC 8446 section 4.4.2.1), and asks for a staple', async () => {
    for (const [body, why] of [
      [EMPTY, undefined],
      [Uint8Array.of(1, 0, 0, 0, 0), 'decode-error'],
    ] as const) {
      const { client } = await converse({
        certificateRequest: encodeCertificateRequest({
          context: EMPTY,
          extensions: new Map([
            [EXTENSION.signature_algorithms, encodeCodePoints([SIGNATURE_SCHEMES.ed25519.codePoint])],
            [EXTENSION.status_request, body],
          ]),
        }),
      });
      assert.equal(client.failure?.why, why);
      const questions = client.effects.filter(({ effect }) => effect === 'choose-certificate');
      assert.deepEqual(
        questions.map((question) => 'ocspRequested' in question && question.ocspRequested),
        why === undefined ? [true] : [],
      );
    }
  });

  for (const [algorithm, compress] of Object.entries(COMPRESSORS))
    test(`with a certificate compressed by ${algorithm}`, async () => {
      const { client } = await converse({
        certificate: (message) => {
          const body = encodeCertificate(message).subarray(4);
          return encodeCompressedCertificate({
            algorithm: { zlib: 1, brotli: 2, zstd: 3 }[algorithm] as number,
            uncompressedBytes: body.length,
            compressed: compress(body),
          });
        },
      });
      assert.equal(client.failure, undefined);
      assert.ok(client.session);
    });

  test('the staple of the leaf goes to the verifier', async () => {
    const staple = ascii('an OCSP response');
    const { client } = await converse({
      certificate: ({ context, entries }) =>
        encodeCertificate({
          context,
          entries: entries.map((entry) => ({
            ...entry,
            extensions: new Map([[EXTENSION.status_request, encodeOcspResponse(staple)]]),
          })),
        }),
    });
    assert.equal(client.failure, undefined);
    const asked = client.effects.find(({ effect }) => effect === 'verify-certificate');
    assert.deepEqual(asked?.effect === 'verify-certificate' ? asked.ocspResponse : undefined, staple);
  });
});

describe('HelloRetryRequest', () => {
  for (const retry of [
    { group: 'secp256r1' as const },
    { cookie: ascii('cookie') },
    { group: 'secp256r1' as const, cookie: new Uint8Array(1000).fill(7) },
  ])
    test(`with ${Object.keys(retry).join(' and ')}`, async () => {
      const { client, server } = await converse({ retry });
      assert.equal(client.failure, undefined);
      assert.equal(client.session?.helloRetryRequest, true);
      assert.equal(client.session?.group, retry.group ?? 'x25519');
      const [first, second] = server.hellos;
      assert.ok(first && second);
      // RFC 8446 section 4.1.2: the same ClientHello but for the share, and the cookie.
      assert.deepEqual({ ...second, extensions: [] }, { ...first, extensions: [] });
      const changed = [...second.extensions]
        .filter(([code, body]) => Buffer.compare(body, first.extensions.get(code) ?? EMPTY) !== 0)
        .map(([code]) => code);
      assert.deepEqual(changed, [
        ...(retry.group === undefined ? [] : [EXTENSION.key_share]),
        ...(retry.cookie === undefined ? [] : [EXTENSION.cookie]),
      ]);
      const order = [...second.extensions.keys()].filter((code) => code !== EXTENSION.cookie);
      assert.deepEqual(order, [...first.extensions.keys()]);
      if (retry.group !== undefined) {
        const shares = decodeKeyShares(second.extensions.get(EXTENSION.key_share) as Bytes);
        assert.deepEqual(
          shares.map(({ group }) => group),
          [NAMED_GROUPS.secp256r1.codePoint],
        );
      }
      assert.deepEqual(
        server.records.map(({ outer }) => outer),
        [22, 20, 22, 23],
      );
    });

  test('a client that sends no share asks for one', async () => {
    const { client, server } = await converse({ retry: { group: 'x25519' } }, { keyShareGroups: [], grease: false });
    assert.deepEqual(decodeKeyShares(server.hellos[0]?.extensions.get(EXTENSION.key_share) as Bytes), []);
    assert.equal(client.session?.group, 'x25519');
  });
});
