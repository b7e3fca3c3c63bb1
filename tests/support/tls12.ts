import { type Bytes, EMPTY } from '../../src/core/bytes.ts';
import { LIMITS } from '../../src/core/limits.ts';
import { TLS12_SUITES, type Tls12SuiteName } from '../../src/crypto/cipher-suites.ts';
import { SIGNATURE_SCHEMES } from '../../src/crypto/signature-schemes.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import type { KeyHolder } from '../../src/engine/answer.ts';
import { ClientMachine } from '../../src/engine/client/machine.ts';
import { decodeClientHello } from '../../src/engine/codec/messages.ts';
import { HANDSHAKE_TYPE } from '../../src/engine/codec/registry.ts';
import { type ClientConfig, checkClientConfig } from '../../src/engine/config.ts';
import { EngineConnection } from '../../src/engine/engine.ts';
import {
  type Action,
  type Event,
  expectMessage,
  type Machine,
  type MachineState,
  type Step,
} from '../../src/engine/machine.ts';
import { export12 } from '../../src/engine/tls12/open12.ts';
import { startServer12 } from '../../src/engine/tls12/server/hello.ts';
import { stepServer12 } from '../../src/engine/tls12/server/machine.ts';
import type { ServerConfig12, ServerState12 } from '../../src/engine/tls12/server/states.ts';
import { acceptAnyCertificate, ConnectionDriver } from './connection-driver.ts';
import { testConfig } from './conversation.ts';
import { softwareKeys } from './software-keys.ts';

export const NOW_MS = 1_700_000_000_000;

export const ALL_TLS12_SUITES = (Object.keys(TLS12_SUITES) as Tls12SuiteName[]).filter((suite) =>
  nodeCrypto.aeads.includes(TLS12_SUITES[suite].aead),
);

const TLS12_SCHEMES = nodeCrypto.signatureSchemes.filter((scheme) => SIGNATURE_SCHEMES[scheme].inTls12Handshake);

export function client12(changes: Partial<ClientConfig> = {}): ClientConfig {
  return testConfig({
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    tls12Suites: ALL_TLS12_SUITES,
    signatureSchemes: TLS12_SCHEMES,
    certificateSignatureSchemes: TLS12_SCHEMES,
    groups: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
    keepTickets: true,
    now: () => NOW_MS,
    ...changes,
  });
}

export function server12(changes: Partial<ServerConfig12> = {}): ServerConfig12 {
  return {
    maxVersion: 'TLSv1.2',
    tls12Suites: ALL_TLS12_SUITES,
    groups: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
    signatureSchemes: TLS12_SCHEMES,
    alpn: [],
    clientCertificate: 'none',
    certificateAuthorities: [],
    recordSizeLimit: LIMITS.plaintextBytes + 1,
    ticketLifetimeSeconds: 7200,
    certificatePolicy: '',
    now: () => NOW_MS,
    ...changes,
  };
}

/** Changes what a side does before it is done: an action becomes those that are returned. */
export type Tamper = (action: Action) => readonly Action[];

export interface Sides {
  readonly client?: Partial<ClientConfig>;
  readonly server?: Partial<ServerConfig12>;
  readonly clientKeys?: KeyHolder;
  readonly serverKeys?: KeyHolder;
  readonly tamperClient?: Tamper;
  readonly tamperServer?: Tamper;
  /** Sees each state that the client comes into. */
  readonly watchClient?: (state: MachineState) => void;
  /** The most bytes that arrive at once. */
  readonly pieceBytes?: number;
}

export interface Pair {
  readonly client: ConnectionDriver;
  readonly server: ConnectionDriver;
}

/** Our client and our TLS 1.2 server, run until neither has anything more to say. */
export async function converse12(sides: Sides): Promise<Pair> {
  const pair = pairOf(sides);
  await pair.server.start();
  await pair.client.start();
  await exchange12(pair, sides.pieceBytes);
  return pair;
}

export function pairOf(sides: Sides): Pair {
  const { client, server, clientKeys, serverKeys, tamperClient, tamperServer, watchClient } = sides;
  const config = client12(client);
  checkClientConfig(config, nodeCrypto);
  const settings = { maxFragment: 2 ** 14, recordsPerKey: 2 ** 10, padding: null };
  const clientMachine = new Tampered(new ClientMachine({ config, crypto: nodeCrypto }), tamperClient, watchClient);
  const serverMachine = new Tampered(new Tls12Server(server12(server)), tamperServer);
  return {
    client: new ConnectionDriver(new EngineConnection(clientMachine, settings), acceptAnyCertificate, clientKeys),
    server: new ConnectionDriver(
      new EngineConnection(serverMachine, settings),
      acceptAnyCertificate,
      serverKeys ?? softwareKeys([]),
    ),
  };
}

/** Carries bytes both ways until there are none. */
export async function exchange12({ client, server }: Pair, pieceBytes = Number.MAX_SAFE_INTEGER): Promise<void> {
  for (;;) {
    await client.settle();
    await server.settle();
    const toServer = client.takeNetwork();
    const toClient = server.takeNetwork();
    if (toServer.length === 0 && toClient.length === 0) return;
    for (const piece of pieces(toServer, pieceBytes)) await server.receive(piece);
    for (const piece of pieces(toClient, pieceBytes)) await client.receive(piece);
  }
}

function* pieces(bytes: Bytes, size: number): Generator<Bytes> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.slice(offset, offset + size);
}

interface ExpectClientHello {
  readonly state: 'expect-client-hello';
  readonly secrets: Readonly<Record<string, never>>;
}

/** The server's side of TLS 1.2 with nothing before it that would choose the version. */
class Tls12Server implements Machine<ServerState12 | ExpectClientHello> {
  readonly #context;

  constructor(config: ServerConfig12) {
    this.#context = { config, crypto: nodeCrypto };
  }

  start(): Step<ExpectClientHello> {
    return { state: { state: 'expect-client-hello', secrets: {} }, actions: [] };
  }

  step(state: ServerState12 | ExpectClientHello, event: Event): Step<ServerState12 | ExpectClientHello> {
    if (state.state !== 'expect-client-hello') return stepServer12(this.#context, state, event);
    const message = expectMessage(event, HANDSHAKE_TYPE.client_hello);
    return startServer12(this.#context, decodeClientHello(message.message.body), message);
  }

  exportKeyingMaterial(
    state: ServerState12 | ExpectClientHello,
    label: string,
    context: Bytes | null,
    length: number,
  ): Bytes {
    return state.state === 'tls12-open' ? export12(nodeCrypto, state, label, context, length) : EMPTY;
  }
}

class Tampered<State extends MachineState> implements Machine<State> {
  readonly #machine: Machine<State>;
  readonly #tamper: Tamper;
  readonly #watch: (state: MachineState) => void;

  constructor(
    machine: Machine<State>,
    tamper: Tamper = (action) => [action],
    watch: (state: MachineState) => void = () => {},
  ) {
    this.#machine = machine;
    this.#tamper = tamper;
    this.#watch = watch;
  }

  start(): Step<State> {
    return this.#tampered(this.#machine.start());
  }

  step(state: State, event: Event): Step<State> {
    return this.#tampered(this.#machine.step(state, event));
  }

  exportKeyingMaterial(state: State, label: string, context: Bytes | null, length: number): Bytes {
    return this.#machine.exportKeyingMaterial(state, label, context, length);
  }

  #tampered({ state, actions }: Step<State>): Step<State> {
    this.#watch(state);
    return { state, actions: actions.flatMap(this.#tamper) };
  }
}
