import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { carry } from '../../tests/support/carry.ts';
import { acceptAnyCertificate, type ConnectionDriver } from '../../tests/support/connection-driver.ts';
import { echKey, heldEchKey } from '../../tests/support/ech-keys.ts';
import { converse13, heldCredential, type Sides13 } from '../../tests/support/pair13.ts';
import { softwareKeys } from '../../tests/support/software-keys.ts';
import { type Bytes, hex, latin1 } from '../core/bytes.ts';
import { LIMITS } from '../core/limits.ts';
import { nodeCrypto } from '../crypto-node/provider.ts';
import { ClientConnection } from './client.ts';
import { decodeShortCodePoints } from './codec/extensions.ts';
import { type ClientHello, decodeClientHello } from './codec/messages.ts';
import { decodeOfferedPsks } from './codec/pre-shared-key.ts';
import { EXTENSION, HANDSHAKE_TYPE, VERSION } from './codec/registry.ts';
import { type ClientConfig, checkClientConfig, defaultClientConfig } from './config.ts';
import { decodeEchConfigList, encodeEchConfigList, suiteOf } from './ech/config.ts';
import { decodeEchClientHello, type EchClientHelloOuter } from './ech/extension.ts';
import { checkServerConfig, defaultServerConfig } from './server-config.ts';

const HELD = heldEchKey('held');
const OTHER = heldEchKey('other', { configId: 8 });
const OLD = heldEchKey('old', { configId: 9 });
const CLIENT_KEYS = softwareKeys([heldCredential('ed25519', 'client')]);
const serverKeys = softwareKeys([heldCredential()], undefined, [HELD, OTHER, OLD]);

/** Both ends have the config, unless told otherwise. */
function sides({ client, server, ...others }: Sides13 = {}): Sides13 {
  return {
    serverKeys,
    client: { serverName: 'secret.example', ech: [HELD.config], ...client },
    server: { ech: [echKey(HELD)], ...server },
    ...others,
  };
}

interface Heard {
  readonly client: ConnectionDriver;
  readonly server: ConnectionDriver;
  /** The ClientHellos that an observer sees. */
  readonly hellos: readonly ClientHello[];
  readonly observed: string;
}

async function handshake(changes: Sides13 = {}): Promise<Heard> {
  const flights: Bytes[] = [];
  const both = sides({
    ...changes,
    toServer: (bytes) => {
      flights.push(bytes.slice());
      return [bytes];
    },
  });
  const pair = await converse13(both);
  return { ...pair, hellos: flights.flatMap(hellosOf), observed: flights.map(latin1).join('') };
}

/** Of a flight of whole records. */
function hellosOf(flight: Bytes): ClientHello[] {
  const hellos: ClientHello[] = [];
  for (let at = 0; at < flight.length; ) {
    const length = 5 + (((flight[at + 3] as number) << 8) | (flight[at + 4] as number));
    const record = flight.subarray(at, at + length);
    if (record[0] === 22 && record[5] === HANDSHAKE_TYPE.client_hello)
      hellos.push(decodeClientHello(record.subarray(9)));
    at += length;
  }
  return hellos;
}

function echOf(hello: ClientHello): EchClientHelloOuter {
  const ech = decodeEchClientHello(hello.extensions.get(EXTENSION.encrypted_client_hello) as Bytes);
  assert.ok(ech.type === 'outer');
  return ech;
}

const statusOf = ({ client, server }: Heard) => [client.session?.ech, server.session?.ech];
const RETRY: Partial<ClientConfig> = { keyShareGroups: [] };

describe('Encrypted Client Hello', () => {
  for (const [name, client] of Object.entries({ 'at once': {}, 'after a HelloRetryRequest': RETRY }))
    for (const minVersion of ['TLSv1.3', 'TLSv1.2'] as const)
      test(`is accepted ${name} by a client from ${minVersion} on, and keeps the name`, async () => {
        const heard = await handshake({ client: { ...client, minVersion } });
        assert.deepEqual(statusOf(heard), ['accepted', 'accepted']);
        assert.equal(heard.server.session?.serverName, 'secret.example');
        assert.equal(heard.client.session?.serverName, 'secret.example');
        assert.equal(heard.client.session?.helloRetryRequest, client === RETRY);
        assert.match(heard.observed, /public\.example/);
        assert.doesNotMatch(heard.observed, /secret/);
        assert.equal(heard.hellos.length, client === RETRY ? 2 : 1);
      });

  test('carries data, exports and logs the same on both ends', async () => {
    const log = { insecureKeyLog: true } as const;
    const { client, server, hellos } = await handshake({ client: log, server: log });
    assert.deepEqual(client.keyLog.sort(), server.keyLog.sort());
    assert.ok(!client.keyLog[0]?.includes(hex(hellos[0]?.random as Bytes)));
    client.connection.send(Uint8Array.of(1, 2, 3));
    await carry({ client, server });
    assert.deepEqual(server.takePlaintext(), Uint8Array.of(1, 2, 3));
    const [ours, theirs] = [client, server].map(({ connection }) => connection.exportKeyingMaterial('x', null, 32));
    assert.deepEqual(ours, theirs);
  });

  for (const group of ['x25519', 'secp256r1'] as const)
    for (const aead of ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'] as const)
      test(`works with ${group} and ${aead}`, async () => {
        const held = heldEchKey('one', { suites: [suiteOf(aead)] }, group);
        const heard = await handshake({
          client: { ech: [held.config], ...RETRY },
          server: { ech: [echKey(held)] },
          serverKeys: softwareKeys([heldCredential()], undefined, [held]),
        });
        assert.deepEqual(statusOf(heard), ['accepted', 'accepted']);
        assert.deepEqual(echOf(heard.hellos[0] as ClientHello).suite, suiteOf(aead));
      });

  test('a client with a certificate shows it, and it is not seen', async () => {
    const heard = await handshake({ clientKeys: CLIENT_KEYS, server: { clientCertificate: 'required' } });
    assert.equal(heard.server.session?.peer?.subject, 'CN=client');
    assert.equal(heard.client.session?.ech, 'accepted');
  });

  test('works without a name, and with the public one, which is never referred to', async () => {
    for (const serverName of [null, 'public.example']) {
      const heard = await handshake({ client: { serverName } });
      assert.deepEqual(statusOf(heard), ['accepted', 'accepted']);
      assert.equal(heard.server.session?.serverName, serverName);
    }
  });

  test('is padded: names of all lengths up to the longest, and none, look the same', async () => {
    const lengths = new Set<number>();
    for (const serverName of [null, 'a.b', 'secret.example', `${'x'.repeat(56)}.example`]) {
      const { hellos } = await handshake({ client: { serverName, grease: false } });
      lengths.add(echOf(hellos[0] as ClientHello).payload.length);
    }
    assert.equal(lengths.size, 1);
  });

  test('offers TLS 1.2 outside if the configuration does, and only there', async () => {
    const { hellos, server } = await handshake({ client: { minVersion: 'TLSv1.2' } });
    const [outer] = hellos as [ClientHello];
    assert.ok(decodeShortCodePoints('', outer.extensions.get(43) as Bytes).includes(VERSION.tls12));
    assert.ok(outer.extensions.has(EXTENSION.extended_master_secret));
    assert.equal(server.session?.version, 'TLSv1.3');
  });
});

describe('a resumption', () => {
  const tickets = { keepTickets: true } as const;
  const first = () => handshake({ client: tickets, server: { ticketLifetimeSeconds: 60 } });

  for (const [name, client] of Object.entries({ 'at once': {}, 'after a HelloRetryRequest': RETRY }))
    test(`${name} offers its ticket within, and random bytes of the same lengths around it`, async () => {
      const [ticket] = (await first()).client.tickets;
      assert.ok(ticket !== undefined);
      const heard = await handshake({
        client: { ...tickets, ...client, session: ticket },
        server: { ticketLifetimeSeconds: 60 },
      });
      assert.deepEqual(statusOf(heard), ['accepted', 'accepted']);
      assert.deepEqual([heard.client.session?.resumed, heard.server.session?.resumed], [true, true]);
      assert.ok(!heard.observed.includes(latin1(ticket.ticket)));
      const offered = heard.hellos.map((hello) => {
        assert.equal([...hello.extensions.keys()].at(-1), EXTENSION.pre_shared_key);
        assert.ok(hello.extensions.has(EXTENSION.psk_key_exchange_modes));
        return decodeOfferedPsks(hello.extensions.get(EXTENSION.pre_shared_key) as Bytes);
      });
      for (const { identities, binders } of offered) {
        assert.deepEqual(identities, offered[0]?.identities);
        assert.equal(identities[0]?.identity.length, ticket.ticket.length);
        assert.deepEqual([identities.length, binders.length, binders[0]?.length], [1, 1, 32]);
      }
    });

  test('is not for who knows only the outside', async () => {
    const [ticket] = (await first()).client.tickets;
    const heard = await handshake({
      client: { ...tickets, session: ticket ?? null, ech: [OTHER.config] },
      server: { ticketLifetimeSeconds: 60 },
    });
    assert.equal(heard.client.failure?.why, 'ech-rejected');
    assert.equal(heard.server.effects.find(({ effect }) => effect === 'open-ticket')?.effect, 'open-ticket');
    assert.deepEqual(heard.client.tickets, []);
  });

  test('of TLS 1.2 is not offered', async () => {
    const ticket12 = { version: 'TLSv1.2', serverName: 'secret.example' } as const;
    const [ticket] = (await first()).client.tickets;
    const heard = await handshake({
      client: { ...tickets, minVersion: 'TLSv1.2', session: { ...ticket, ...ticket12 } as typeof ticket & object },
    });
    assert.deepEqual(statusOf(heard), ['accepted', 'accepted']);
    assert.equal(heard.hellos[0]?.extensions.get(EXTENSION.session_ticket)?.length, 0);
    assert.ok(!heard.hellos[0]?.extensions.has(EXTENSION.pre_shared_key));
  });
});

describe('a server that cannot open it', () => {
  const unknown: Partial<ClientConfig> = { ech: [OTHER.config] };
  const publicNames: (string | null)[] = [];
  const clientVerifier: Sides13['clientVerifier'] = (chain, staple, publicName) => {
    publicNames.push(publicName);
    return acceptAnyCertificate(chain, staple, publicName);
  };

  for (const [name, retry] of Object.entries({ 'at once': {}, 'after a HelloRetryRequest': RETRY }))
    test(`shows the public name ${name}, proposes its configs, and nothing else is said`, async () => {
      publicNames.length = 0;
      const { client, server, hellos } = await handshake({
        client: { ...unknown, ...retry },
        server: { ech: [echKey(HELD), echKey(OLD, false)] },
        clientVerifier,
      });
      assert.deepEqual(publicNames, ['public.example']);
      assert.equal(client.failure?.why, 'ech-rejected');
      assert.deepEqual(client.failure?.retryConfigs, encodeEchConfigList([HELD.config.encoded]));
      assert.deepEqual([server.failure?.why, server.failure?.detail], ['alert-received', 'ech_required']);
      assert.equal(server.session?.ech, 'rejected');
      assert.equal(server.session?.serverName, 'public.example');
      assert.ok(!client.log.includes('open'));
      assert.deepEqual(client.tickets, []);
      assert.deepEqual(echOf(hellos.at(-1) as ClientHello), echOf(hellos[0] as ClientHello));
    });

  test('is tried again with what it proposes', async () => {
    const { client } = await handshake({ client: unknown });
    const ech = decodeEchConfigList(client.failure?.retryConfigs as Bytes);
    assert.deepEqual(statusOf(await handshake({ client: { ech } })), ['accepted', 'accepted']);
  });

  test('and that has none says so by its silence', async () => {
    const { client, server } = await handshake({ server: { ech: [] } });
    assert.equal(client.failure?.why, 'ech-rejected');
    assert.equal(client.failure?.retryConfigs, undefined);
    assert.equal(server.session?.ech, 'not-offered');
  });

  test('and speaks only TLS 1.2 has none, and its certificate is for the public name', async () => {
    publicNames.length = 0;
    const { client, server } = await handshake({
      client: { minVersion: 'TLSv1.2', keepTickets: true },
      server: { ech: [], minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', ticketLifetimeSeconds: 60 },
      clientVerifier,
    });
    assert.deepEqual(publicNames, ['public.example']);
    assert.equal(client.failure?.why, 'ech-rejected');
    assert.equal(client.failure?.retryConfigs, undefined);
    assert.deepEqual(client.tickets, []);
    assert.ok(!client.log.includes('open'));
    assert.equal(server.failure?.detail, 'ech_required');
  });

  test('and is not the public name either is not believed', async () => {
    const failure = { kind: 'certificate-rejected', why: 'certificate-name-mismatch' } as const;
    for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
      const { client } = await handshake({
        client: { ...unknown, minVersion: 'TLSv1.2' },
        server: { minVersion: 'TLSv1.2', maxVersion: version, ech: version === 'TLSv1.3' ? [echKey(HELD)] : [] },
        clientVerifier: (_chain, _staple, publicName) => {
          assert.equal(publicName, 'public.example');
          return { answer: 'refused', failure };
        },
      });
      assert.deepEqual(client.failure, failure);
    }
  });

  for (const version of ['TLSv1.3', 'TLSv1.2'] as const)
    test(`does not learn who the client is (${version})`, async () => {
      const { client, server } = await handshake({
        client: { ...unknown, minVersion: 'TLSv1.2' },
        server: {
          clientCertificate: 'optional',
          minVersion: 'TLSv1.2',
          maxVersion: version,
          ech: version === 'TLSv1.3' ? [echKey(HELD)] : [],
        },
        clientKeys: CLIENT_KEYS,
      });
      assert.equal(client.failure?.why, 'ech-rejected');
      assert.equal(server.failure?.detail, 'ech_required');
      assert.ok(!client.effects.some(({ effect }) => effect === 'choose-certificate' || effect === 'sign'));
      assert.ok(!server.effects.some(({ effect }) => effect === 'verify-certificate'));
    });
});

describe('keys of a server', () => {
  test('of one config_id are tried one after the other, and no more than a few', async () => {
    const same = Array.from({ length: LIMITS.echTrials + 1 }, (_, index) => heldEchKey(`${index}`));
    const holder = softwareKeys([heldCredential()], undefined, same);
    for (const [index, held] of same.entries()) {
      const heard = await handshake({
        client: { ech: [held.config] },
        server: { ech: same.map((key) => echKey(key)) },
        serverKeys: holder,
      });
      const tried = heard.server.effects.filter(({ effect }) => effect === 'open-ech').length;
      assert.equal(tried, Math.min(index + 1, LIMITS.echTrials));
      assert.equal(heard.server.session?.ech, index < LIMITS.echTrials ? 'accepted' : 'rejected');
    }
  });

  test('of another config_id are not tried, nor is a suite that the config has not', async () => {
    const narrow = heldEchKey('narrow', { suites: [suiteOf('aes-256-gcm')] });
    const wide = { ...narrow.config, suites: [suiteOf('aes-128-gcm')] };
    for (const ech of [[OTHER.config], [wide]]) {
      const { client, server } = await handshake({ client: { ech }, server: { ech: [echKey(narrow)] } });
      assert.equal(client.failure?.why, 'ech-rejected');
      assert.ok(!server.effects.some(({ effect }) => effect === 'open-ech'));
    }
  });

  test('open what is sealed also where a HelloRetryRequest else keeps no state', async () => {
    for (const client of [RETRY, { ...RETRY, ech: [OTHER.config] }, { ...RETRY, ech: 'grease' as const }]) {
      const heard = await handshake({ client, server: { statelessRetry: true, ech: [echKey(HELD)] } });
      assert.equal(heard.hellos.length, 2);
      if (client === RETRY) assert.deepEqual(statusOf(heard), ['accepted', 'accepted']);
      else if (client.ech === 'grease') assert.deepEqual(statusOf(heard), ['grease', 'rejected']);
      else assert.equal(heard.client.failure?.why, 'ech-rejected');
      assert.equal(
        heard.server.effects.some(({ effect }) => effect === 'open-ech'),
        client === RETRY,
      );
    }
  });
});

describe('a client without configs', () => {
  test('sends what cannot be told from the real one, the same again after a HelloRetryRequest', async () => {
    const heard = await handshake({ client: { ech: 'grease', ...RETRY } });
    assert.deepEqual(statusOf(heard), ['grease', 'rejected']);
    const [first, second] = heard.hellos.map(echOf) as [EchClientHelloOuter, EchClientHelloOuter];
    assert.deepEqual(second, first);
    assert.equal(first.encapsulated.length, 32);
    assert.equal((first.payload.length - 16) % 32, 0);
    assert.equal(heard.server.session?.serverName, 'secret.example');
  });

  test('has what is sent in no two connections alike, of about the length of a real one', async () => {
    const real = echOf((await handshake()).hellos[0] as ClientHello).payload.length;
    const made = await Promise.all(Array.from({ length: 30 }, () => handshake({ client: { ech: 'grease' } })));
    const bodies = made.map(({ hellos }) => echOf(hellos[0] as ClientHello));
    assert.equal(new Set(bodies.map(({ payload }) => latin1(payload))).size, bodies.length);
    assert.ok(new Set(bodies.map(({ suite }) => suite.aead)).size > 1);
    assert.ok(bodies.some(({ payload }) => payload.length === real));
  });

  test('sends none where it is off, and none without TLS 1.3', async () => {
    assert.equal(defaultClientConfig(nodeCrypto, null, Date.now).ech, 'grease');
    for (const client of [{ ech: null }, { ech: 'grease', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }] as const) {
      const { hellos } = await handshake({ client, server: { minVersion: 'TLSv1.2' } });
      assert.ok(!hellos[0]?.extensions.has(EXTENSION.encrypted_client_hello));
    }
  });
});

describe('a configuration', () => {
  const client = (ech: ClientConfig['ech'], changes: Partial<ClientConfig> = {}) =>
    checkClientConfig({ ...defaultClientConfig(nodeCrypto, 'a.example', Date.now), ech, ...changes }, nodeCrypto);
  const server = (...held: Parameters<typeof echKey>[]) => {
    const ech = held.map((args) => echKey(...args));
    checkServerConfig({ ...defaultServerConfig(nodeCrypto, Date.now), ech }, nodeCrypto);
  };

  test('of a client has a config that can be used, and TLS 1.3: it never sends the name in the clear instead', () => {
    client([HELD.config]);
    assert.throws(() => client([]), RangeError);
    assert.throws(() => client([heldEchKey('', { kem: 0x9999 }).config]), RangeError);
    assert.throws(() => client([HELD.config], { maxVersion: 'TLSv1.2' }), RangeError);
  });

  test('of a server keeps what its configs promise, and has one for clients that have none', () => {
    server([HELD], [OLD, false]);
    assert.throws(() => server([HELD, false]), /none is for retrying/);
    assert.throws(() => server([heldEchKey('', { suites: [{ kdf: 1, aead: 9 }] })]), /suite/);
    assert.throws(() => server([heldEchKey('', { kem: 0x9999 })]), /KEM/);
    assert.throws(() => server([heldEchKey('', { publicName: '127.0.0.1' })]), /public name/);
    assert.throws(() => server([heldEchKey('', { extensions: new Map([[1, new Uint8Array(0)]]) })]), /extension/);
    assert.throws(
      () => server(...Array.from({ length: LIMITS.echConfigs + 1 }, () => [HELD] as [typeof HELD])),
      /length/,
    );
    const tls12 = { ...defaultServerConfig(nodeCrypto, Date.now), ech: [echKey(HELD)], maxVersion: 'TLSv1.2' as const };
    assert.throws(() => checkServerConfig(tls12, nodeCrypto), /TLS 1.3/);
  });

  test('whose key is no point at all fails before anything is sent', async () => {
    const config = heldEchKey('', { publicKey: new Uint8Array(32) }).config;
    const { client: failed, observed } = await handshake({ client: { ech: [config] } });
    assert.equal(failed.failure?.why, 'ech-config-unusable');
    assert.equal(observed, '');
    assert.throws(
      () => new ClientConnection({ ...defaultClientConfig(nodeCrypto, null, Date.now), ech: [] }, nodeCrypto),
    );
  });
});
