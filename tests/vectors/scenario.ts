import assert from 'node:assert/strict';
import { ALERT } from '../../src/core/alerts.ts';
import { type Bytes, equal } from '../../src/core/bytes.ts';
import { FAILURES, type Why } from '../../src/core/failures.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import type { CertificateVerifier, KeyHolder } from '../../src/engine/answer.ts';
import { ClientMachine } from '../../src/engine/client/machine.ts';
import type { ClientState } from '../../src/engine/client/states.ts';
import { ClientConnection } from '../../src/engine/client.ts';
import { type ClientHello, encodeClientHello } from '../../src/engine/codec/messages.ts';
import { type ClientConfig, defaultClientConfig } from '../../src/engine/config.ts';
import type { Connection, ProtocolVersion, Ticket } from '../../src/engine/connection.ts';
import { EngineConnection } from '../../src/engine/engine.ts';
import type { Step } from '../../src/engine/machine.ts';
import { ServerMachine } from '../../src/engine/server/machine.ts';
import { ServerConnection } from '../../src/engine/server.ts';
import { defaultServerConfig, type ServerConfig } from '../../src/engine/server-config.ts';
import { acceptAnyCertificate, ConnectionDriver } from '../support/connection-driver.ts';
import { DeterministicCrypto } from '../support/deterministic-crypto.ts';
import { heldCredential } from '../support/pair13.ts';
import { ScriptedServer, type ServerScript } from '../support/scripted-server.ts';
import { softwareKeys } from '../support/software-keys.ts';
import { type Tamper, Tampered } from '../support/tls12.ts';
import {
  answersIn,
  networkBytes,
  type Step as RecordedStep,
  type Recording,
  RecordingConnection,
} from './recording.ts';

/** What is recorded, under the name of the behaviour that it pins. */
export interface Scenario {
  /** Of both ends, unless their configurations say otherwise. */
  readonly version: ProtocolVersion;
  /** One after another. A client offers the last ticket that it got. */
  readonly connections: readonly Scene[];
}

/** One connection: a client of ours, with a server of ours, one that follows a script, or none but the bytes of `hears`. */
export interface Scene {
  readonly client?: Partial<ClientConfig>;
  readonly server?: Partial<ServerConfig>;
  /** Plays the server. */
  readonly script?: ServerScript;
  readonly clientKeys?: KeyHolder;
  readonly serverKeys?: KeyHolder;
  readonly clientVerifier?: CertificateVerifier;
  readonly serverVerifier?: CertificateVerifier;
  /** A first ClientHello that we would not send, and that its client believes to have sent. It is not recorded then. */
  readonly offers?: (hello: ClientHello) => ClientHello;
  /** What an end does otherwise than we would: it is not recorded then. */
  readonly tamperClient?: Tamper;
  readonly tamperServer?: Tamper;
  /** What becomes of the client's bytes on their way. */
  readonly toServer?: (bytes: Bytes) => readonly Bytes[];
  readonly toClient?: (bytes: Bytes) => readonly Bytes[];
  /** The one end that is recorded. Default: all that are ours. */
  readonly pins?: 'client' | 'server';
  /** What the recorded ends fail for in the end, or the one of them that finds it. Default: nothing. */
  readonly fails?: Why;
  /** What is done once nobody has anything more to say. Default: a line each way, and the end. */
  readonly afterwards?: (stage: Stage) => Promise<void> | void;
}

/** The two ends, as far as there are any. */
export interface Stage {
  readonly client: ConnectionDriver;
  /** Ours; without one, of the script's place nobody. */
  readonly server: ConnectionDriver;
  readonly scripted: ScriptedServer;
  /** Carries bytes both ways until there are none. */
  readonly exchange: () => Promise<void>;
}

/** Of servers whose certificate is not the matter: the shortest there is. */
const SERVER_KEYS = softwareKeys([heldCredential('ed25519')]);

/** When all of it happens, unless a configuration has another clock. */
export const RECORDED_AT_MS = 1_700_000_000_000;

/** An end of the scene of that number in the scenario of that name, which says the same each time. */
export function clientOf(
  name: string,
  scenario: Scenario,
  at: number,
  session: Ticket | null,
  crypto: CryptoProvider = new DeterministicCrypto(`${name}, client ${at}`),
): Connection {
  const { client, tamperClient, offers } = scenario.connections[at] as Scene;
  const config: ClientConfig = {
    ...defaultClientConfig(crypto, 'localhost', () => RECORDED_AT_MS),
    minVersion: scenario.version,
    maxVersion: scenario.version,
    groups: ['x25519', 'secp256r1'],
    keyShareGroups: ['x25519'],
    signatureSchemes: SCHEMES,
    certificateSignatureSchemes: SCHEMES,
    certificateCompressions: [],
    grease: false,
    ech: null,
    session,
    ...client,
  };
  if (tamperClient === undefined && offers === undefined) return new ClientConnection(config, crypto);
  const machine = offers === undefined ? new ClientMachine({ config, crypto }) : new Offering(config, crypto, offers);
  return new EngineConnection(new Tampered(machine, tamperClient), config);
}

/** A client with a ClientHello of somebody else's making. */
class Offering extends ClientMachine {
  readonly #change: (hello: ClientHello) => ClientHello;

  constructor(config: ClientConfig, crypto: CryptoProvider, change: (hello: ClientHello) => ClientHello) {
    super({ config, crypto });
    this.#change = change;
  }

  override start(): Step<ClientState> {
    const { state } = super.start();
    if (state.state !== 'expect-server-hello') throw new Error(`a client starts with ${state.state}`);
    const hello = this.#change(state.offer.hello);
    const encoded = encodeClientHello(hello);
    const offer = { ...state.offer, hello, encoded };
    return { state: { ...state, offer }, actions: [{ action: 'send', message: encoded }] };
  }
}

/** The server's end. See {@link clientOf}. */
export function serverOf(
  name: string,
  scenario: Scenario,
  at: number,
  crypto: CryptoProvider = new DeterministicCrypto(`${name}, server ${at}`),
): Connection {
  const { server, tamperServer } = scenario.connections[at] as Scene;
  const config: ServerConfig = {
    ...defaultServerConfig(crypto, () => RECORDED_AT_MS),
    minVersion: scenario.version,
    maxVersion: scenario.version,
    groups: ['x25519', 'secp256r1'],
    signatureSchemes: SCHEMES,
    certificateSignatureSchemes: SCHEMES,
    certificateCompressions: [],
    grease: false,
    ...server,
  };
  if (tamperServer === undefined) return new ServerConnection(config, crypto);
  return new EngineConnection(new Tampered(new ServerMachine({ config, crypto }), tamperServer), config);
}

/** Good in both versions, and few: they stand in every hello. */
const SCHEMES = ['ecdsa_secp256r1_sha256', 'ed25519', 'rsa_pss_rsae_sha256'] as const;

/** How a scenario is played otherwise than to be recorded anew. */
export interface Playing {
  /** A recording of the same scenario: its answers, the other end's certificates and signatures among them, are given again. */
  readonly earlier?: Recording;
  /** Default: what repeats itself. It also does what effects ask for. */
  readonly crypto?: (role: 'client' | 'server') => CryptoProvider;
  /** Called when an end has completed its handshake. */
  readonly opened?: (role: 'client' | 'server') => void;
  /** Sees the ends of a connection when nothing more is said. */
  readonly watch?: (stage: Stage) => void;
}

/** Plays the scenario, and writes down what its ends of ours say. @throws when it does not end as it should */
export async function record(
  name: string,
  scenario: Scenario,
  { earlier, crypto, opened, watch }: Playing = {},
): Promise<Omit<Recording, 'records'>> {
  const connections: { client?: RecordedStep[]; server?: RecordedStep[] }[] = [];
  let session: Ticket | null = null;
  for (const [at, scene] of scenario.connections.entries()) {
    const before = earlier?.connections[at] ?? {};
    const cryptos = { client: crypto?.('client'), server: crypto?.('server') };
    const client = new RecordingConnection(
      clientOf(name, scenario, at, session, cryptos.client),
      answersIn(before.client ?? []),
      { opened: () => opened?.('client') },
    );
    const server = new RecordingConnection(
      serverOf(name, scenario, at, cryptos.server),
      answersIn(before.server ?? []),
      { opened: () => opened?.('server') },
    );
    const stage = stageOf(scene, { client, server }, cryptos);
    await perform(scene, stage);
    const taken = pinned(scene);
    requireEnd(scene, stage, taken, { client: networkBytes(client.steps), server: networkBytes(server.steps) });
    watch?.(stage);
    connections.push({
      ...(taken.includes('client') ? { client: client.steps } : {}),
      ...(taken.includes('server') ? { server: server.steps } : {}),
    });
    session = stage.client.tickets.at(-1) ?? session;
  }
  return { behaviour: name, connections };
}

/** The failure that was to be, and its alert where the other end hears it: one of the recorded ends found it, or all are well. */
function requireEnd(
  { fails, script }: Scene,
  { client, server, scripted }: Stage,
  taken: readonly ('client' | 'server')[],
  sent: Readonly<Record<'client' | 'server', Bytes>>,
): void {
  const failures = taken.map((role) => ({ client, server })[role].failure).filter((failure) => failure !== undefined);
  const found = failures.find(({ why }) => why !== 'alert-received') ?? failures[0];
  assert.equal(found?.why, fails, found?.detail ?? '');
  if (fails === undefined || FAILURES[fails].kind === 'internal') return;
  const { alert } = FAILURES[fails];
  if (alert === null) return;
  const victim = client.failure?.why === fails ? 'client' : 'server';
  const heard = victim === 'server' ? client.failure : server.failure;
  const inTheClear = Uint8Array.of(21, 3, 3, 0, 2, 2, ALERT[alert]);
  const isHeard = script === undefined ? heard?.detail === alert : scripted.alerts.at(-1)?.name === alert;
  assert.ok(isHeard || equal(sent[victim].subarray(-7), inTheClear), `no ${alert} was sent`);
}

/** The ends of a scene that are ours and did as we do. */
function pinned({ pins, script, offers, tamperClient, tamperServer }: Scene): readonly ('client' | 'server')[] {
  if (pins !== undefined) return [pins];
  return [
    ...(tamperClient === undefined && offers === undefined ? (['client'] as const) : []),
    ...(script === undefined && tamperServer === undefined ? (['server'] as const) : []),
  ];
}

function stageOf(
  scene: Scene,
  { client, server }: Readonly<Record<'client' | 'server', Connection>>,
  crypto: Readonly<Record<'client' | 'server', CryptoProvider | undefined>>,
): Stage {
  const { script, clientVerifier, serverVerifier, clientKeys, serverKeys = SERVER_KEYS } = scene;
  const stage = {
    client: new ConnectionDriver(client, clientVerifier ?? acceptAnyCertificate, clientKeys, crypto.client),
    server: new ConnectionDriver(server, serverVerifier ?? acceptAnyCertificate, serverKeys, crypto.server),
    scripted: new ScriptedServer(script),
  };
  const whole = (bytes: Bytes): readonly Bytes[] => [bytes];
  const { toServer = whole, toClient = whole } = scene;
  const exchange = async (): Promise<void> => {
    for (;;) {
      await stage.client.settle();
      if (script === undefined) await stage.server.settle();
      const up = stage.client.takeNetworkOutputs();
      for (const bytes of up.flatMap(toServer))
        await (script === undefined ? stage.server.receive(bytes) : stage.scripted.hear(bytes));
      const down = script === undefined ? stage.server.takeNetworkOutputs() : takeScripted(stage.scripted);
      for (const bytes of down.flatMap(toClient)) await stage.client.receive(bytes);
      if (up.length === 0 && down.length === 0) return;
    }
  };
  return { ...stage, exchange };
}

function takeScripted(scripted: ScriptedServer): Bytes[] {
  const bytes = scripted.take();
  return bytes.length === 0 ? [] : [bytes];
}

async function perform(scene: Scene, stage: Stage): Promise<void> {
  if (scene.script === undefined) await stage.server.start();
  await stage.client.start();
  await stage.exchange();
  await (scene.afterwards ?? talk)(stage);
  await stage.exchange();
}

/** A line each way, and the end; nothing where the handshake has failed. */
async function talk({ client, server, exchange }: Stage): Promise<void> {
  if (client.connection.phase !== 'open' || server.connection.phase !== 'open') return;
  client.connection.send(Buffer.from('GET /\n'));
  await exchange();
  server.connection.send(Buffer.from('hello\n'));
  server.connection.closeWrite();
  await exchange();
  client.connection.closeWrite();
}
