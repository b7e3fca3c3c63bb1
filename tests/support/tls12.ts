import type { Bytes } from '../../src/core/bytes.ts';
import { TLS12_SUITES, type Tls12SuiteName } from '../../src/crypto/cipher-suites.ts';
import { SIGNATURE_SCHEMES } from '../../src/crypto/signature-schemes.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import type { KeyHolder } from '../../src/engine/answer.ts';
import { ClientMachine } from '../../src/engine/client/machine.ts';
import { type ClientConfig, checkClientConfig } from '../../src/engine/config.ts';
import { EngineConnection } from '../../src/engine/engine.ts';
import type { Action, Event, Machine, MachineState, Step } from '../../src/engine/machine.ts';
import { ServerMachine } from '../../src/engine/server/machine.ts';
import { checkServerConfig, defaultServerConfig, type ServerConfig } from '../../src/engine/server-config.ts';
import { carry, inPieces, type Pair } from './carry.ts';
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

export function server12(changes: Partial<ServerConfig> = {}): ServerConfig {
  return {
    ...defaultServerConfig(nodeCrypto, () => NOW_MS),
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    tls12Suites: ALL_TLS12_SUITES,
    groups: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
    signatureSchemes: TLS12_SCHEMES,
    certificateSignatureSchemes: TLS12_SCHEMES,
    ticketLifetimeSeconds: 7200,
    ...changes,
  };
}

/** Changes what a side does before it is done: an action becomes those that are returned. */
export type Tamper = (action: Action) => readonly Action[];

export interface Sides {
  readonly client?: Partial<ClientConfig>;
  readonly server?: Partial<ServerConfig>;
  readonly clientKeys?: KeyHolder;
  readonly serverKeys?: KeyHolder;
  readonly tamperClient?: Tamper;
  readonly tamperServer?: Tamper;
  /** Sees each state that the client comes into. */
  readonly watchClient?: (state: MachineState) => void;
  /** The most bytes that arrive at once. */
  readonly pieceBytes?: number;
}

/** Our client and our TLS 1.2 server, run until neither has anything more to say. */
export async function converse12(sides: Sides): Promise<Pair> {
  const pair = pairOf(sides);
  await pair.server.start();
  await pair.client.start();
  await carry(pair, sides.pieceBytes === undefined ? {} : inPieces(sides.pieceBytes));
  return pair;
}

export function pairOf(sides: Sides): Pair {
  const { client, server, clientKeys, serverKeys, tamperClient, tamperServer, watchClient } = sides;
  const config = client12(client);
  checkClientConfig(config, nodeCrypto);
  const serverConfig = server12(server);
  checkServerConfig(serverConfig, nodeCrypto);
  const settings = { maxFragment: 2 ** 14, recordsPerKey: 2 ** 10, padding: null };
  const clientMachine = new Tampered(new ClientMachine({ config, crypto: nodeCrypto }), tamperClient, watchClient);
  const serverMachine = new Tampered(new ServerMachine({ config: serverConfig, crypto: nodeCrypto }), tamperServer);
  return {
    client: new ConnectionDriver(new EngineConnection(clientMachine, settings), acceptAnyCertificate, clientKeys),
    server: new ConnectionDriver(
      new EngineConnection(serverMachine, settings),
      acceptAnyCertificate,
      serverKeys ?? softwareKeys([]),
    ),
  };
}

/** A machine whose actions are changed before they are done. */
export class Tampered<State extends MachineState> implements Machine<State> {
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
