import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pair } from '../../tests/support/carry.ts';
import { converse12, type Sides, type Tamper } from '../../tests/support/tls12.ts';
import { KEYS, keyExchange, message, serverHello } from '../../tests/support/tls12-attacks.ts';
import { ascii, type Bytes, EMPTY, latin1 } from '../core/bytes.ts';
import type { Why } from '../core/failures.ts';
import {
  decodeCodePoints,
  decodeKeyShares,
  decodeProtocolNames,
  decodePskModes,
  decodeShortCodePoints,
  encodeKeyShareEntry,
  encodeProtocolNames,
  encodeU16,
} from './codec/extensions.ts';
import { chooseGrease, GREASE_RANDOM_BYTES, isGrease } from './codec/grease.ts';
import {
  type ClientHello,
  decodeCertificate,
  decodeCertificateRequest,
  decodeCertificateVerify,
  decodeClientHello,
  decodeEncryptedExtensions,
  decodeNewSessionTicket,
  encodeCertificate,
  encodeCertificateVerify,
  encodeEncryptedExtensions,
} from './codec/messages.ts';
import { EXTENSION, HANDSHAKE_TYPE } from './codec/registry.ts';
import type { ProtocolVersion } from './connection.ts';

/** RFC 8701 section 2. */
const PSK_MODES = [0x0b, 0x2a, 0x49, 0x68, 0x87, 0xa6, 0xc5, 0xe4];
/** Good for a P-256 key in both versions. */
const SCHEMES = ['ecdsa_secp256r1_sha256'] as const;

/** Both sides with all that may carry a reserved value, and what they send. */
async function talk(sides: Sides, maxVersion: ProtocolVersion = 'TLSv1.3') {
  const sent: Bytes[] = [];
  const record =
    (tamper: Tamper = (action) => [action]): Tamper =>
    (action) => {
      if (action.action === 'send') sent.push(action.message);
      return tamper(action);
    };
  const pair: Pair = await converse12({
    serverKeys: KEYS,
    clientKeys: KEYS,
    ...sides,
    client: {
      grease: true,
      alpn: ['a'],
      signatureSchemes: SCHEMES,
      certificateSignatureSchemes: [...SCHEMES, 'rsa_pkcs1_sha256'],
      ...sides.client,
    },
    server: {
      grease: true,
      alpn: ['a'],
      maxVersion,
      clientCertificate: 'required',
      signatureSchemes: SCHEMES,
      ...sides.server,
    },
    tamperClient: record(sides.tamperClient),
    tamperServer: record(sides.tamperServer),
  });
  return { ...pair, bodyOf: (type: number) => sent.find(([first]) => first === type)?.subarray(4) as Bytes };
}

describe('reserved values', () => {
  test('are in all that a client offers and that may have them, and a server takes no notice', async () => {
    const { client, server, bodyOf } = await talk({});
    assert.deepEqual([client.failure, server.failure, client.session?.alpn], [undefined, undefined, 'a']);
    const { cipherSuites, extensions } = decodeClientHello(bodyOf(HANDSHAKE_TYPE.client_hello));
    const body = (name: keyof typeof EXTENSION) => extensions.get(EXTENSION[name]) as Bytes;
    const [protocol] = decodeProtocolNames(body('application_layer_protocol_negotiation'));
    const firsts: Readonly<Record<string, number | undefined>> = {
      suites: cipherSuites[0],
      groups: decodeCodePoints('', body('supported_groups'))[0],
      shares: decodeKeyShares(body('key_share'))[0]?.group,
      versions: decodeShortCodePoints('', body('supported_versions'))[0],
      schemes: decodeCodePoints('', body('signature_algorithms'))[0],
      certificateSchemes: decodeCodePoints('', body('signature_algorithms_cert'))[0],
      protocols: new DataView(Uint8Array.from(protocol as Bytes).buffer).getUint16(0),
    };
    for (const [name, first] of Object.entries(firsts)) assert.ok(isGrease(first as number), name);
    assert.ok(PSK_MODES.includes(decodePskModes(body('psk_key_exchange_modes'))[0] as number));
    assert.equal([...extensions.keys()].filter(isGrease).length, 2);
  });

  test('are in what a server asks for and in its tickets, and a client takes no notice', async () => {
    const { client, server, bodyOf } = await talk({});
    assert.deepEqual([client.failure, server.failure, client.tickets.length], [undefined, undefined, 2]);
    const { extensions } = decodeCertificateRequest(bodyOf(HANDSHAKE_TYPE.certificate_request));
    for (const code of [EXTENSION.signature_algorithms, EXTENSION.signature_algorithms_cert])
      assert.ok(isGrease(decodeCodePoints('', extensions.get(code) as Bytes)[0] as number));
    assert.equal([...extensions.keys()].filter(isGrease).length, 1);
    const ticket = decodeNewSessionTicket(bodyOf(HANDSHAKE_TYPE.new_session_ticket));
    assert.deepEqual([...ticket.extensions.keys()].map(isGrease), [true]);
  });

  test('are nowhere if they are not wanted', async () => {
    const { bodyOf } = await talk({ client: { grease: false }, server: { grease: false } });
    const { cipherSuites, extensions } = decodeClientHello(bodyOf(HANDSHAKE_TYPE.client_hello));
    const request = decodeCertificateRequest(bodyOf(HANDSHAKE_TYPE.certificate_request));
    const ticket = decodeNewSessionTicket(bodyOf(HANDSHAKE_TYPE.new_session_ticket));
    const codes = [
      ...cipherSuites,
      ...[extensions, request.extensions, ticket.extensions].flatMap((map) => [...map.keys()]),
      ...decodeCodePoints('', extensions.get(EXTENSION.supported_groups) as Bytes),
      ...decodeCodePoints('', request.extensions.get(EXTENSION.signature_algorithms) as Bytes),
    ];
    assert.deepEqual(codes.filter(isGrease), []);
    assert.deepEqual([...decodePskModes(extensions.get(EXTENSION.psk_key_exchange_modes) as Bytes)], [1]);
    assert.deepEqual(
      decodeProtocolNames(extensions.get(EXTENSION.application_layer_protocol_negotiation) as Bytes).map(latin1),
      ['a'],
    );
  });
});

/** What a client sent, as a server would take it up. */
interface Sent {
  readonly suite: number;
  readonly group: number;
  readonly version: number;
  readonly scheme: number;
  readonly protocol: Bytes;
  readonly extension: number;
}

function sentIn({ cipherSuites, extensions }: ClientHello): Sent {
  const body = (name: keyof typeof EXTENSION) => extensions.get(EXTENSION[name]) as Bytes;
  return {
    suite: cipherSuites[0] as number,
    group: decodeCodePoints('', body('supported_groups'))[0] as number,
    version: decodeShortCodePoints('', body('supported_versions'))[0] as number,
    scheme: decodeCodePoints('', body('signature_algorithms'))[0] as number,
    protocol: decodeProtocolNames(body('application_layer_protocol_negotiation'))[0] as Bytes,
    extension: [...extensions.keys()].find(isGrease) as number,
  };
}

type Choice = readonly [why: Why, choose: (sent: Sent) => Tamper, server?: Sides['server']];

const withExtension = (code: number, body: Bytes): Tamper =>
  serverHello(({ extensions }) => ({ extensions: new Map([...extensions, [code, body]]) }));
const withEncryptedExtension = (code: number, body: Bytes): Tamper =>
  message(HANDSHAKE_TYPE.encrypted_extensions, (whole) =>
    encodeEncryptedExtensions(new Map([...decodeEncryptedExtensions(whole.subarray(4)), [code, body]])),
  );
const withCertificateExtension = (code: number): Tamper =>
  message(HANDSHAKE_TYPE.certificate, (whole) => {
    const { context, entries } = decodeCertificate(whole.subarray(4));
    return encodeCertificate({
      context,
      entries: entries.map((entry) => ({ ...entry, extensions: new Map([[code, EMPTY]]) })),
    });
  });
const signedAs = (scheme: number): Tamper =>
  message(HANDSHAKE_TYPE.certificate_verify, (whole) =>
    encodeCertificateVerify({ ...decodeCertificateVerify(whole.subarray(4)), scheme }),
  );

/** RFC 8701 section 3.1: where a server might choose one. */
const CHOICES: Readonly<Record<ProtocolVersion, Readonly<Record<string, Choice>>>> = {
  'TLSv1.3': {
    'as the version': [
      'illegal-parameter',
      ({ version }) => withExtension(EXTENSION.supported_versions, encodeU16(version)),
    ],
    'as the suite': ['illegal-parameter', ({ suite }) => serverHello(() => ({ cipherSuite: suite }))],
    'as the group of its share': [
      'illegal-parameter',
      ({ group }) => withExtension(EXTENSION.key_share, encodeKeyShareEntry({ group, share: Uint8Array.of(0) })),
    ],
    'as the group of a HelloRetryRequest': [
      'illegal-parameter',
      ({ group }) => withExtension(EXTENSION.key_share, encodeU16(group)),
      { groups: ['secp384r1'] },
    ],
    'as an extension of ServerHello': ['misplaced-extension', ({ extension }) => withExtension(extension, EMPTY)],
    'as an extension of EncryptedExtensions': [
      'misplaced-extension',
      ({ extension }) => withEncryptedExtension(extension, EMPTY),
    ],
    'as an extension of Certificate': ['misplaced-extension', ({ extension }) => withCertificateExtension(extension)],
    'as the protocol': [
      'unsolicited-alpn',
      ({ protocol }) =>
        withEncryptedExtension(EXTENSION.application_layer_protocol_negotiation, encodeProtocolNames([protocol])),
    ],
    'as the scheme of its signature': ['wrong-signature-scheme', ({ scheme }) => signedAs(scheme)],
  },
  'TLSv1.2': {
    'as the version': ['version-not-supported', ({ version }) => serverHello(() => ({ legacyVersion: version }))],
    'as the suite': ['illegal-parameter', ({ suite }) => serverHello(() => ({ cipherSuite: suite }))],
    'as the group of its share': [
      'illegal-parameter',
      ({ group }) =>
        keyExchange(({ parameters }) => ({
          parameters: Uint8Array.of(3, ...encodeU16(group), ...parameters.subarray(3)),
        })),
    ],
    'as an extension of ServerHello': ['misplaced-extension', ({ extension }) => withExtension(extension, EMPTY)],
    'as the protocol': [
      'unsolicited-alpn',
      ({ protocol }) =>
        withExtension(EXTENSION.application_layer_protocol_negotiation, encodeProtocolNames([protocol])),
    ],
    'as the scheme of its signature': ['wrong-signature-scheme', ({ scheme }) => keyExchange(() => ({ scheme }))],
  },
};

for (const version of ['TLSv1.3', 'TLSv1.2'] as const)
  describe(`a server of ${version} that chooses a reserved value is refused`, () => {
    for (const [name, [why, choose, server = {}]] of Object.entries(CHOICES[version]))
      test(name, async () => {
        let sent: Sent | undefined;
        const { client } = await talk(
          {
            server,
            tamperClient: (action) => {
              if (action.action === 'send' && action.message[0] === HANDSHAKE_TYPE.client_hello)
                sent ??= sentIn(decodeClientHello(action.message.subarray(4)));
              return [action];
            },
            tamperServer: (action) => (sent === undefined ? [action] : choose(sent)(action)),
          },
          version,
        );
        assert.equal(client.failure?.why, why);
      });
  });

/** RFC 8701 section 4.1. */
describe('a client that takes up a reserved value is refused', () => {
  const { signatureScheme, extensions } = chooseGrease(new Uint8Array(GREASE_RANDOM_BYTES));
  const cases: Readonly<Record<string, readonly [Why, Tamper]>> = {
    'as an extension of its Certificate': ['unsolicited-extension', withCertificateExtension(extensions[0])],
    'as the scheme of its signature': ['wrong-signature-scheme', signedAs(signatureScheme)],
  };
  for (const [name, [why, tamperClient]] of Object.entries(cases))
    test(name, async () => {
      const { server } = await talk({ tamperClient });
      assert.equal(server.failure?.why, why);
    });
});

test('a client that offers nothing but reserved values has nothing in common with us', async () => {
  const { server } = await talk({ client: { alpn: ['\x0a\x0a'] }, server: { alpn: [latin1(ascii('a'))] } });
  assert.equal(server.failure?.why, 'no-common-alpn');
});
