import assert from 'node:assert/strict';
import { ALERT } from '../../src/core/alerts.ts';
import { ascii, type Bytes, concat, hex } from '../../src/core/bytes.ts';
import { FAILURES } from '../../src/core/failures.ts';
import { LIMITS } from '../../src/core/limits.ts';
import { NO_KEYS } from '../../src/engine/answer.ts';
import type { Connection, Ticket } from '../../src/engine/connection.ts';
import { ConnectionDriver } from '../support/connection-driver.ts';
import { heldCredential } from '../support/pair13.ts';
import { softwareKeys } from '../support/software-keys.ts';
import { TOY_CRYPTO, toyKeys, trusting } from '../support/toy-crypto.ts';
import { clientOf, type Scenario, type Scene, serverOf } from '../vectors/scenario.ts';
import { ACCEPTED_SCENARIOS } from '../vectors/scenarios/ech.ts';
import { TLS12_SCENARIOS } from '../vectors/scenarios/tls12.ts';
import { TLS13_SCENARIOS } from '../vectors/scenarios/tls13.ts';
import { mutateRecords } from './mutate.ts';
import type { Target } from './target.ts';

const LEAF = heldCredential('ed25519');
const SERVER_KEYS = softwareKeys([LEAF]);

/** Lengths that cut headers, bodies and messages. */
const SIZES = [3, 1, 60, 5, 700, 2, 30];

type Role = 'client' | 'server';

/** One end of one connection of a scenario. */
interface Part {
  readonly open: () => ConnectionDriver;
  /** What its peer said when all went well. */
  readonly heard: Bytes;
}

/**
 * Whole conversations, without cryptography that would stop what was changed on its way: both roles and versions, in every setting of
 * the recorded scenarios. An input is two bytes, which name the part to play, and what the part hears.
 */
export const CONVERSATION_TARGETS: Readonly<Record<string, Target>> = {
  'a conversation of TLS 1.3, heard by a client': await conversation('client', TLS13_SCENARIOS),
  'a conversation of TLS 1.3, heard by a server': await conversation('server', TLS13_SCENARIOS),
  'a conversation with Encrypted Client Hello, heard by a client': await conversation('client', ACCEPTED_SCENARIOS),
  'a conversation with Encrypted Client Hello, heard by a server': await conversation('server', ACCEPTED_SCENARIOS),
  'a conversation of TLS 1.2, heard by a client': await conversation('client', TLS12_SCENARIOS),
  'a conversation of TLS 1.2, heard by a server': await conversation('server', TLS12_SCENARIOS),
};

/** @param altered takes the place of the connection that hears what was changed, for tests of the target itself */
export async function conversation(
  role: Role,
  scenarios: Readonly<Record<string, Scenario>>,
  altered: (connection: Connection) => Connection = (connection) => connection,
): Promise<Target> {
  const parts = await partsOf(role, scenarios, altered);
  return {
    seeds: parts.map(({ heard }, index) => concat(Uint8Array.of(index >>> 8, index), heard)),
    mutate: (seed, other, dice) =>
      concat(seed.subarray(0, 2), mutateRecords(seed.subarray(2), other.subarray(2), dice)),
    runs: 1500,
    run: async (input) => {
      const index = ((input[0] ?? 0) << 8) | (input[1] ?? 0);
      const { open } = parts[index % parts.length] as Part;
      const heard = input.subarray(2);
      const atOnce = await play(open(), [heard]);
      const inPieces = await play(open(), pieces(heard));
      assert.deepEqual(inPieces, atOnce, 'how the bytes come in changes what becomes of them');
    },
  };
}

/** Plays the part to the end of what it hears. @returns what came of it, in a form that does not depend on how the bytes came */
async function play(driver: ConnectionDriver, heard: readonly Bytes[]) {
  const { connection } = driver;
  const network: Bytes[] = [];
  await driver.start();
  for (const piece of heard) {
    await driver.receive(piece);
    assert.ok(driver.unreadBytes < 5 + LIMITS.ciphertextBytes, `${driver.unreadBytes} bytes held by the caller`);
  }
  if (connection.phase === 'open') {
    connection.exportKeyingMaterial('EXPORTER-fuzz', null, 16);
    connection.send(ascii('x'));
    connection.updateKeys();
    connection.closeWrite();
  }
  connection.receiveEnd();
  await driver.settle();
  network.push(driver.takeNetwork());
  requireSane(driver, concat(...network));
  const { failure, session, peerClosed, tickets, unreadBytes } = driver;
  const effects = driver.effects.map(({ effect }) => effect);
  const plaintext = driver.takePlaintext();
  return { network, plaintext, why: failure?.why, session, peerClosed, tickets, unreadBytes, effects };
}

/** A failure is the peer's, is final, and is told; nothing is said twice; nobody is let in before the end of the handshake. */
function requireSane({ connection, failure, log, session }: ConnectionDriver, network: Bytes): void {
  assert.ok(failure?.kind !== 'internal', `${failure?.why}: ${failure?.detail}`);
  assert.ok(log.length < 2000, `${log.length} outputs`);
  assert.equal(log.filter((output) => output === 'open').length, session === undefined ? 0 : 1);
  const opened = log.indexOf('open');
  const early = log.findIndex((output) => output === 'plaintext' || output === 'ticket' || output === 'peer-closed');
  assert.ok(early === -1 || (opened !== -1 && opened < early), `${log[early]} before the handshake is complete`);
  if (failure === undefined) return;
  assert.equal(log.at(-1), 'failed');
  assert.equal(connection.phase, 'failed');
  assert.equal(connection.receive(network), network.length);
  assert.equal(connection.next(), undefined);
  const { alert } = FAILURES[failure.why];
  if (alert === null || !log.includes('network')) return;
  // In the clear, or as this cryptography protects it: with its type, padding and a tag of zeros.
  const description = hex(Uint8Array.of(ALERT[alert]));
  assert.match(hex(network), new RegExp(`02${description}(15)?(00)*$`), `no ${alert}`);
}

function pieces(bytes: Bytes): Bytes[] {
  const cut: Bytes[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const size = SIZES[cut.length % SIZES.length] as number;
    cut.push(bytes.subarray(offset, offset + size));
    offset += size;
  }
  return cut;
}

/** Plays both ends of each connection that has two of ours, to hear what each is told. */
async function partsOf(
  role: Role,
  scenarios: Readonly<Record<string, Scenario>>,
  altered: (connection: Connection) => Connection,
): Promise<Part[]> {
  const parts: Part[] = [];
  for (const [name, scenario] of Object.entries(scenarios)) {
    let session: Ticket | null = null;
    for (const [at, scene] of scenario.connections.entries()) {
      if (scene.script !== undefined || scene.offers !== undefined) continue;
      const offered: Ticket | null = session;
      const ends = {
        client: () => clientOf(name, scenario, at, offered, TOY_CRYPTO),
        server: () => serverOf(name, scenario, at, TOY_CRYPTO),
      };
      const { heard, tickets } = await converse(
        driver(ends.client(), scene, 'client'),
        driver(ends.server(), scene, 'server'),
      );
      parts.push({ open: () => driver(altered(ends[role]()), scene, role), heard: heard[role] });
      session = tickets.at(-1) ?? session;
    }
  }
  return parts;
}

function driver(connection: Connection, scene: Scene, role: Role): ConnectionDriver {
  const keys = role === 'client' ? (scene.clientKeys ?? NO_KEYS) : (scene.serverKeys ?? SERVER_KEYS);
  return new ConnectionDriver(connection, trusting(LEAF.chain[0] as Bytes), toyKeys(keys), TOY_CRYPTO);
}

/** To the end of a full exchange. */
async function converse(client: ConnectionDriver, server: ConnectionDriver) {
  const heard = { client: [] as Bytes[], server: [] as Bytes[] };
  const carry = async (): Promise<void> => {
    for (;;) {
      const up = client.takeNetwork();
      const down = server.takeNetwork();
      if (up.length === 0 && down.length === 0) return;
      heard.server.push(up);
      heard.client.push(down);
      await server.receive(up);
      await client.receive(down);
    }
  };
  await server.start();
  await client.start();
  await carry();
  for (const end of [client, server]) {
    assert.equal(end.failure, undefined, `${end.failure?.why}: ${end.failure?.detail}`);
    end.connection.send(ascii('data'));
    end.connection.updateKeys();
    end.connection.send(ascii('more'));
    end.connection.closeWrite();
    await end.settle();
  }
  await carry();
  return { heard: { client: concat(...heard.client), server: concat(...heard.server) }, tickets: client.tickets };
}
