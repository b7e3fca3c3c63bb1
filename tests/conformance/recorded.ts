/**
 * Conversations of the shim that are recorded and played again without BoringSSL's runner, over TCP: what its flags make of the engine
 * is pinned by what goes over the network. `bun tests/conformance/recorded.ts` records those anew that have changed.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { ascii, type Bytes, concat, equal } from '../../src/core/bytes.ts';
import { ClientConnection } from '../../src/engine/client.ts';
import type { Answer, Connection, Ticket } from '../../src/engine/connection.ts';
import { ServerConnection } from '../../src/engine/server.ts';
import { serverCertificate, writeServerFiles } from '../support/certificates.ts';
import { acceptAnyCertificate, ConnectionDriver } from '../support/connection-driver.ts';
import { DeterministicCrypto } from '../support/deterministic-crypto.ts';
import { scratchPath } from '../support/scratch.ts';
import {
  answersIn,
  formatRecording,
  networkBytes,
  parseBytes,
  parseRecording,
  type Recording,
  RecordingConnection,
  type Step,
} from '../vectors/recording.ts';
import { Exchange } from './exchange.ts';
import { parseFlags, type ShimFlags } from './flags.ts';
import { clientConfig, keysOf, serverConfig } from './settings.ts';
import { Wire } from './wire.ts';

const FILES = writeServerFiles(
  scratchPath('shim'),
  serverCertificate(undefined, { dns: ['localhost'] }, { key: 'p256' }),
);
const CERTIFIED = ['-cert-file', FILES.chain, '-key-file', FILES.key];

/** What the shim is told, and how it ends if not well. */
interface ShimScenario {
  readonly argv: readonly string[];
  /** What the other end is told, who has a certificate in any case. */
  readonly peer?: readonly string[];
  readonly fails?: RegExp;
}

/** By what is pinned. */
export const SHIM_SCENARIOS: Readonly<Record<string, ShimScenario>> = {
  'a client echoes, inverted, in TLS 1.3': { argv: [] },
  'a client echoes, inverted, in TLS 1.2': { argv: ['-max-version', '771', '-expect-version', '771'] },
  '-no-tls12 offers TLS 1.3 alone': { argv: ['-no-tls12'] },
  '-host-name and -advertise-alpn are in the ClientHello': {
    argv: ['-host-name', 'a.test', '-advertise-alpn', '\x02h2\x01x', '-expect-alpn', 'h2'],
    peer: ['-select-alpn', 'h2'],
  },
  '-curves and -key-shares': {
    argv: ['-curves', '23', '-curves', '29', '-key-shares', '29', '-expect-curve-id', '29'],
  },
  '-no-key-shares asks for a HelloRetryRequest': { argv: ['-no-key-shares', '-expect-hrr'] },
  '-enable-grease': { argv: ['-enable-grease'] },
  '-enable-ocsp-stapling': { argv: ['-enable-ocsp-stapling'] },
  '-verify-prefs': { argv: ['-verify-prefs', '1027', '-expect-peer-signature-algorithm', '1027'] },
  '-verify-fail': { argv: ['-verify-fail', '-verify-peer'], fails: /certificate-unknown-issuer/ },
  '-shim-writes-first': { argv: ['-shim-writes-first'] },
  '-key-update comes with the echo': { argv: ['-key-update'] },
  '-max-send-fragment': { argv: ['-max-send-fragment', '64'] },
  '-export-keying-material': { argv: ['-export-keying-material', '16', '-export-label', 'EXPORTER-x'] },
  '-resume-count offers the ticket, in TLS 1.3': { argv: ['-resume-count', '1'] },
  '-resume-count offers the ticket, in TLS 1.2': { argv: ['-resume-count', '1', '-max-version', '771'] },
  'a client shows its certificate': { argv: CERTIFIED, peer: ['-require-any-client-certificate'] },
  'a server echoes, inverted, in TLS 1.3': { argv: ['-server', ...CERTIFIED] },
  'a server echoes, inverted, in TLS 1.2': { argv: ['-server', ...CERTIFIED, '-max-version', '771'] },
  'a server requires a certificate': {
    argv: ['-server', ...CERTIFIED, '-require-any-client-certificate', '-verify-peer'],
    peer: CERTIFIED,
  },
  'a server requires a certificate, and there is none': {
    argv: ['-server', ...CERTIFIED, '-require-any-client-certificate', '-verify-peer'],
    fails: /client-certificate-missing/,
  },
  '-select-alpn': { argv: ['-server', ...CERTIFIED, '-select-alpn', 'h2'], peer: ['-advertise-alpn', '\x02h2'] },
  '-no-ticket gives none': { argv: ['-server', ...CERTIFIED, '-no-ticket'] },
  'a server resumes': { argv: ['-server', ...CERTIFIED, '-resume-count', '1'] },
};

/** A clock that stands still. */
const now = () => 1_700_000_000_000;
const TICKET_KEY = new Uint8Array(32).fill(1);

/** @returns what it failed for, or the empty string */
async function runShim(
  argv: readonly string[],
  port: number,
  wrap: (connection: Connection, at: number) => Connection,
): Promise<string> {
  let session: Ticket | null = null;
  try {
    for (const [at, flags] of parseFlags(argv).entries()) {
      const connection = wrap(engineOf(flags, session, `shim ${at}`), at);
      const wire = await Wire.open(port, false);
      const exchange = new Exchange({ connection, wire, flags, keys: keysOf(flags, TICKET_KEY), resumes: at > 0 });
      try {
        await exchange.run();
      } finally {
        await wire.close();
      }
      session = exchange.tickets.at(-1) ?? session;
    }
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function engineOf(flags: ShimFlags, session: Ticket | null, seed: string): Connection {
  const crypto = new DeterministicCrypto(seed);
  return flags.bools.has('server')
    ? new ServerConnection(serverConfig(flags, now), crypto)
    : new ClientConnection(clientConfig(flags, session, now), crypto);
}

/** Plays the shim against an end of ours. @throws when it does not end as it should */
export async function recordShim(name: string, { argv, peer = [], fails }: ShimScenario): Promise<Recording> {
  const role = argv.includes('-server') ? 'client' : 'server';
  const [flags] = parseFlags(role === 'server' ? ['-server', ...CERTIFIED, ...peer] : peer);
  let session: Ticket | null = null;
  let count = 0;
  const host = await listen(async (socket) => {
    const driver = new ConnectionDriver(
      engineOf(flags as ShimFlags, session, `peer ${count++}`),
      acceptAnyCertificate,
      keysOf(flags as ShimFlags, TICKET_KEY),
    );
    await greet(driver, socket);
    session = driver.tickets.at(-1) ?? session;
  });
  const connections: RecordingConnection[] = [];
  const failure = await runShim(
    argv,
    host.port,
    (connection, at) => (connections[at] = new RecordingConnection(connection)),
  );
  await host.close();
  assert.match(failure, fails ?? /^$/);
  return {
    behaviour: name,
    records: [],
    connections: connections.map(({ steps }) => (role === 'client' ? { server: steps } : { client: steps })),
  };
}

/** What the runner does: says hello, waits for the echo, and closes. */
async function greet(driver: ConnectionDriver, socket: Socket): Promise<void> {
  const say = (): void => {
    for (const bytes of driver.takeNetworkOutputs()) socket.write(bytes);
  };
  let isGreeted = false;
  let heard = 0;
  await driver.start();
  say();
  for await (const chunk of socket) {
    await driver.receive(new Uint8Array(chunk));
    if (driver.session !== undefined && !isGreeted && driver.failure === undefined) {
      isGreeted = true;
      driver.connection.send(GREETING);
      await driver.settle();
    }
    heard += driver.takePlaintext().length;
    if (heard >= GREETING.length && !driver.connection.finished) {
      driver.connection.closeWrite();
      await driver.settle();
    }
    say();
  }
  socket.end();
}

const GREETING = ascii('hello');

/** Plays the other end's part to the shim of today. @throws when it says something else than was recorded */
export async function playShim({ argv, fails }: ShimScenario, recording: Recording): Promise<void> {
  const steps = recording.connections.map(({ client, server }) => client ?? server ?? []);
  let count = 0;
  const said: Bytes[] = [];
  const host = await listen(async (socket) => {
    said.push(await playPart(socket, steps[count++] ?? []));
  });
  const answers: readonly (readonly Answer[])[] = steps.map((each) => answersIn(each));
  const failure = await runShim(
    argv,
    host.port,
    (connection, at) => new RecordingConnection(connection, answers[at], { tickets: true }),
  );
  await host.close();
  assert.match(failure, fails ?? /^$/);
  assert.deepEqual(said, steps.map(networkBytes));
}

/** Says what was received once all is there that went before it, and hangs up at the first byte that differs. @returns all that was heard */
async function playPart(socket: Socket, steps: readonly Step[]): Promise<Bytes> {
  const chunks = socket[Symbol.asyncIterator]();
  const all = networkBytes(steps);
  let heard: Bytes = new Uint8Array(0);
  let expected = 0;
  const hear = async (): Promise<boolean> => {
    const { done, value } = await chunks.next();
    if (done) return false;
    heard = concat(heard, new Uint8Array(value));
    if (equal(heard, all.subarray(0, heard.length))) return true;
    socket.destroy();
    return false;
  };
  for (const [kind, bytes] of steps) {
    if (kind === 'network') expected += parseBytes(bytes).length;
    if (kind !== 'receive') continue;
    while (heard.length < expected) if (!(await hear())) return heard;
    socket.write(parseBytes(bytes));
  }
  while (await hear());
  socket.end();
  return heard;
}

const SILENCE_MS = 10_000;

async function listen(serve: (socket: Socket) => Promise<void>) {
  const served: Promise<void>[] = [];
  const host = createServer({ allowHalfOpen: true }, (socket) => {
    // Who waits for what the other end does not say any more would wait for ever.
    socket.setTimeout(SILENCE_MS, () => socket.destroy());
    served.push(serve(socket).catch(() => {}));
  });
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
  const { port } = host.address() as AddressInfo;
  const close = async (): Promise<void> => {
    await Promise.all(served);
    host.close();
  };
  return { port, close };
}

/** Where the recordings are. */
export const FOLDER = new URL('recorded/', import.meta.url);

export function fileOf(name: string): URL {
  return new URL(
    `${name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '')}.json`,
    FOLDER,
  );
}

if (import.meta.main) {
  mkdirSync(FOLDER, { recursive: true });
  for (const [name, scenario] of Object.entries(SHIM_SCENARIOS)) {
    const file = fileOf(name);
    const isUpToDate =
      existsSync(file) &&
      (await playShim(scenario, parseRecording(readFileSync(file, 'utf8'))).then(
        () => true,
        () => false,
      ));
    if (isUpToDate) continue;
    console.log(`recorded: ${name}`);
    writeFileSync(file, formatRecording(await recordShim(name, scenario)));
  }
}
