import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { ascii } from '../../../src/core/bytes.ts';
import { nodeCrypto } from '../../../src/crypto-node/provider.ts';
import { ClientConnection } from '../../../src/engine/client.ts';
import type { Ticket } from '../../../src/engine/connection.ts';
import { ServerConnection } from '../../../src/engine/server.ts';
import { ConnectionDriver } from '../../support/connection-driver.ts';
import { Fingerprint, numberedStream } from '../../support/numbered-stream.ts';
import { clientConfig, clientKeys, serverConfig, serverKeys, verifier } from './configuration.ts';
import type { ClientOptions, Order, Outcome, ServerOptions, Word } from './options.ts';
import { serveCommand } from './service.ts';
import { Ended, TlsStream } from './tls-stream.ts';

/** Kept of what a client has received. */
const TEXT_BYTES = 65_536;
const tickets = new Map<string, Ticket>();

/** Does what the lines of its stdin order (`options.ts`), all at once, and says on stdout what came of it; ends with its stdin. */
for await (const line of createInterface({ input: process.stdin })) obey(JSON.parse(line) as Order);
process.exit(0);

function obey({ id, ...rest }: Order): void {
  switch (rest.order) {
    case 'listen':
      listen(id, rest.options);
      return;
    case 'connect':
      runClient(rest.options).then((outcome) => say({ id, word: 'over', outcome }));
      return;
  }
}

function say(word: Word): void {
  process.stdout.write(`${JSON.stringify(word)}\n`);
}

function listen(id: number, options: ServerOptions): void {
  const config = serverConfig(options);
  const keys = serverKeys(options);
  const verify = options.clientCertificate === undefined ? refuse : verifier(options.trusted, 'client');
  new ServerConnection(config, nodeCrypto); // throws now what it would throw at the first connection
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const driver = new ConnectionDriver(new ServerConnection(config, nodeCrypto), verify, keys);
    runServer(new TlsStream(socket, driver)).then((outcome) => say({ id, word: 'over', outcome }));
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no TCP address');
    say({ id, word: 'listening', port: address.port });
  });
}

function refuse(): never {
  throw new Error('no certificate was asked for');
}

async function runServer(stream: TlsStream): Promise<Outcome> {
  let received: string | null = null;
  await untilEnded(async () => {
    const session = await stream.handshake();
    received = await serveCommand(stream, session);
    await stream.closeWrite();
    while ((await stream.read()) !== null);
  });
  await stream.end();
  return outcomeOf(stream, received, '');
}

async function runClient(options: ClientOptions): Promise<Outcome> {
  const { session, request, bytes = 0, close = 'after-sending' } = options;
  const ticket = session === undefined ? null : (tickets.get(session) ?? null);
  const connection = new ClientConnection(clientConfig(options, ticket), nodeCrypto);
  const driver = new ConnectionDriver(connection, verifier(options.trusted, 'server'), clientKeys(options));
  const stream = new TlsStream(await dial(options.port), driver);
  const received = new Fingerprint();
  let text = '';
  const sending = async (): Promise<void> => {
    await stream.write(ascii(request));
    for (const chunk of numberedStream(bytes)) await stream.write(chunk);
    if (close === 'after-sending') await stream.closeWrite();
  };
  await untilEnded(async () => {
    await stream.handshake();
    const sent = untilEnded(sending);
    for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) {
      received.add(chunk);
      if (text.length < TEXT_BYTES) text += Buffer.from(chunk).toString('latin1');
    }
    await sent;
    if (close === 'after-peer') await stream.closeWrite();
  });
  await stream.end();
  const last = driver.tickets.at(-1);
  if (session !== undefined && last !== undefined) tickets.set(session, last);
  return outcomeOf(stream, received.toString(), text.slice(0, TEXT_BYTES));
}

function dial(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    socket.once('error', reject).once('connect', () => resolve(socket));
  });
}

async function untilEnded(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Ended)) throw error;
  }
}

function outcomeOf({ session, failure, peerClosed }: TlsStream, received: string | null, text: string): Outcome {
  return { session, failure, peerClosed, received, text };
}
