import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pair } from '../../../tests/support/carry.ts';
import { converse12, type Sides, type Tamper } from '../../../tests/support/tls12.ts';
import { clientHello, KEYS, serverHello } from '../../../tests/support/tls12-attacks.ts';
import { ascii, type Bytes, concat, EMPTY, equal } from '../../core/bytes.ts';
import { encodeShortCodePoints } from '../codec/extensions.ts';
import { encodeRenegotiationInfo } from '../codec/extensions12.ts';
import { decodeServerHello, isHelloRetryRequest, type ServerHello } from '../codec/messages.ts';
import { DOWNGRADE_SENTINEL, EXTENSION, HANDSHAKE_TYPE, SIGNALING_SUITE, VERSION } from '../codec/registry.ts';
import type { ProtocolVersion, Ticket } from '../connection.ts';

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const satisfies readonly ProtocolVersion[];
/** Good for a P-256 key in both versions. */
const BOTH = { signatureSchemes: ['ecdsa_secp256r1_sha256'] } as const;

/** A conversation of both versions, and the ServerHello of it. */
async function hello(sides: Sides): Promise<Pair & { readonly hello: ServerHello | undefined }> {
  let found: ServerHello | undefined;
  const watch: Tamper = (action) => {
    if (action.action === 'send' && action.message[0] === HANDSHAKE_TYPE.server_hello)
      found = decodeServerHello(action.message.slice(4));
    return [action];
  };
  const pair = await converse12({
    serverKeys: KEYS,
    tamperServer: watch,
    ...sides,
    client: { ...BOTH, ...sides.client },
    server: { ...BOTH, ...sides.server },
  });
  return { ...pair, hello: found };
}

describe('RFC 8446 section 4.1.3: the end of the random of a ServerHello', () => {
  const endOf = (found: ServerHello | undefined): Bytes => (found as ServerHello).random.slice(24);
  const marks = Object.values(DOWNGRADE_SENTINEL);

  test('says TLS 1.3 where a server that has it chooses TLS 1.2, in resumptions too', async () => {
    const server = { maxVersion: 'TLSv1.3' } as const;
    const full = await hello({ client: { maxVersion: 'TLSv1.2' }, server });
    assert.equal(full.client.session?.version, 'TLSv1.2');
    assert.deepEqual(endOf(full.hello), DOWNGRADE_SENTINEL.tls12);
    const session = full.client.tickets[0] as Ticket;
    const resumed = await hello({ client: { maxVersion: 'TLSv1.2', session }, server });
    assert.equal(resumed.client.session?.resumed, true);
    assert.deepEqual(endOf(resumed.hello), DOWNGRADE_SENTINEL.tls12);
  });

  test('is as random as the rest where a server has chosen the best it has', async () => {
    for (const maxVersion of VERSIONS) {
      const { client, hello: found } = await hello({ server: { maxVersion } });
      assert.equal(client.session?.version, maxVersion);
      assert.ok(marks.every((mark) => !equal(mark, endOf(found))));
    }
  });

  for (const [name, mark] of Object.entries(DOWNGRADE_SENTINEL))
    test(`that warns of a downgrade (${name}) is heard by clients of TLS 1.3, and by no others`, async () => {
      const tamperServer = serverHello(({ random }) => ({ random: concat(random.subarray(0, 24), mark) }));
      for (const minVersion of VERSIONS) {
        const { client, server } = await hello({ client: { minVersion }, tamperServer });
        // A server of TLS 1.2 does not even answer who wants nothing else than 1.3.
        if (minVersion === 'TLSv1.3') assert.equal(server.failure?.why, 'version-not-supported');
        else {
          assert.equal(client.failure?.why, 'downgrade-detected');
          assert.equal(server.failure?.detail, 'illegal_parameter');
        }
      }
      const { client } = await hello({ client: { maxVersion: 'TLSv1.2' }, tamperServer });
      // The random is signed: it is for that, and not for the mark, that this handshake fails.
      assert.equal(client.failure?.why, 'bad-signature');
    });

  test('is not looked at in TLS 1.3, whose Finished sees to it', async () => {
    const tamperServer: Tamper = (action) => {
      if (action.action !== 'send' || action.message[0] !== HANDSHAKE_TYPE.server_hello) return [action];
      if (isHelloRetryRequest(decodeServerHello(action.message.subarray(4)))) return [action];
      action.message.set(DOWNGRADE_SENTINEL.tls12, 4 + 2 + 24);
      return [action];
    };
    const { client } = await hello({ server: { maxVersion: 'TLSv1.3' }, tamperServer });
    assert.ok(client.failure?.why !== 'downgrade-detected');
  });
});

describe('RFC 7507: TLS_FALLBACK_SCSV', () => {
  const fallingBack = (versions: readonly number[] | null, legacyVersion: number = VERSION.tls12): Tamper =>
    clientHello(({ cipherSuites, extensions }) => {
      const changed = new Map(extensions);
      if (versions === null) changed.delete(EXTENSION.supported_versions);
      else changed.set(EXTENSION.supported_versions, encodeShortCodePoints(versions));
      return { legacyVersion, extensions: changed, cipherSuites: [...cipherSuites, SIGNALING_SUITE.fallback] };
    });
  const cases: readonly (readonly [string, Tamper, ProtocolVersion, 'refused' | 'ignored'])[] = [
    ['from 1.3 to 1.2, by its list, where there is 1.3', fallingBack([VERSION.tls12]), 'TLSv1.3', 'refused'],
    ['from 1.3 to 1.2, without a list, where there is 1.3', fallingBack(null), 'TLSv1.3', 'refused'],
    ['to 1.2, where that is the best there is', fallingBack([VERSION.tls12]), 'TLSv1.2', 'ignored'],
    ['to 1.2, without a list, where that is the best there is', fallingBack(null), 'TLSv1.2', 'ignored'],
    ['to 1.1', fallingBack(null, 0x0302), 'TLSv1.2', 'refused'],
    ['to 1.1, by its list', fallingBack([0x0302], 0x0302), 'TLSv1.3', 'refused'],
    ['to nothing less than all', fallingBack([VERSION.tls13, VERSION.tls12]), 'TLSv1.3', 'ignored'],
    ['from something newer', fallingBack([0x0305, VERSION.tls12]), 'TLSv1.3', 'ignored'],
  ];
  for (const [name, tamperClient, maxVersion, outcome] of cases)
    test(`a client that fell back ${name}: ${outcome}`, async () => {
      const { client, server } = await hello({ server: { maxVersion }, tamperClient });
      if (outcome === 'refused') {
        assert.equal(server.failure?.why, 'inappropriate-fallback');
        assert.equal(client.failure?.detail, 'inappropriate_fallback');
      } else assert.notEqual(server.failure?.why, 'inappropriate-fallback');
    });
});

describe('RFC 5746: secure renegotiation, which there is none of', () => {
  /** The ClientHello says it by extension, by suite, both or not at all. */
  const saying = (extension: Bytes | null, suite: boolean): Tamper =>
    clientHello(({ cipherSuites, extensions }) => {
      const changed = new Map(extensions);
      changed.delete(EXTENSION.renegotiation_info);
      if (extension !== null) changed.set(EXTENSION.renegotiation_info, extension);
      return {
        extensions: changed,
        cipherSuites: suite ? [SIGNALING_SUITE.renegotiation_info, ...cipherSuites] : cipherSuites,
      };
    });
  const none = encodeRenegotiationInfo(EMPTY);

  test('section 3.6: a server answers the extension, the suite and both with an empty extension, and who says neither with none', async () => {
    for (const [tamperClient, answer] of [
      [saying(none, false), none],
      [saying(null, true), none],
      [saying(none, true), none],
      [saying(null, false), undefined],
    ] as const) {
      const { hello: found } = await hello({ tamperClient });
      assert.deepEqual(found?.extensions.get(EXTENSION.renegotiation_info), answer);
    }
  });

  test('section 3.6: a server refuses a first handshake that says it is another', async () => {
    for (const suite of [false, true]) {
      const { client, server } = await hello({ tamperClient: saying(encodeRenegotiationInfo(ascii('a')), suite) });
      assert.equal(server.failure?.why, 'renegotiation-mismatch');
      assert.equal(client.failure?.detail, 'handshake_failure');
    }
  });

  test('section 3.4: a client refuses an answer that says it is another, or none at all', async () => {
    for (const [body, why] of [
      [encodeRenegotiationInfo(ascii('a')), 'renegotiation-mismatch'],
      [null, 'secure-renegotiation-missing'],
      [EMPTY, 'decode-error'],
    ] as const) {
      const tamperServer = serverHello(({ extensions }) => {
        const changed = new Map(extensions);
        if (body === null) changed.delete(EXTENSION.renegotiation_info);
        else changed.set(EXTENSION.renegotiation_info, body);
        return { extensions: changed };
      });
      const { client } = await hello({ tamperServer });
      assert.equal(client.failure?.why, why);
    }
  });

  test('section 3.5: a resumption says it as a first handshake does', async () => {
    const session = (await hello({})).client.tickets[0] as Ticket;
    const { client, hello: found } = await hello({ client: { session } });
    assert.equal(client.session?.resumed, true);
    assert.deepEqual(found?.extensions.get(EXTENSION.renegotiation_info), none);
  });
});
