/**
 * A shim for BoringSSL's TLS test runner (ssl/test/PORTING.md there): one process a test, one connection after another to the
 * runner's port, the engine driven in the open so that each refusal can be compared with the runner's expectation.
 * docs/conformance.md tells how to run it. Exit codes: 0 as expected, 1 a failure (named on stderr), 89 out of scope.
 */

import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { basename } from 'node:path';
import { TlsError } from '../../src/core/failures.ts';
import { ClientConnection } from '../../src/engine/client.ts';
import type { Ticket } from '../../src/engine/connection.ts';
import { ServerConnection } from '../../src/engine/server.ts';
import { Exchange } from './exchange.ts';
import { Excluded } from './exclusions.ts';
import { parseFlags, type ShimFlags } from './flags.ts';
import { clientConfig, cryptoOf, keysOf, serverConfig } from './settings.ts';
import { Wire } from './wire.ts';

/** Of all connections of this process, so that a server knows its own tickets again. */
const TICKET_KEY = new Uint8Array(randomBytes(32));

const START_MS = Date.now();

/** One connection after another; a client resumes the last session that it got. */
async function runConnections(all: readonly ShimFlags[]): Promise<void> {
  let session: Ticket | null = null;
  for (const [index, flags] of all.entries()) {
    if (index > 0 && session === null && !flags.bools.has('server')) throw new Error('no session to resume');
    // A clock that stands still but for the time that passes between connections.
    const delayMs = index * 1000 * (flags.ints.get('resumption-delay')?.[0] ?? 0);
    session = await runConnection(flags, session, index > 0, () => START_MS + delayMs);
  }
}

/** @returns the session to offer the next time: the newest, or the one that was offered. */
async function runConnection(
  flags: ShimFlags,
  session: Ticket | null,
  resumes: boolean,
  now: () => number,
): Promise<Ticket | null> {
  const connection = flags.bools.has('server')
    ? new ServerConnection(serverConfig(flags, now), cryptoOf(flags))
    : new ClientConnection(clientConfig(flags, session, now), cryptoOf(flags));
  const keys = keysOf(flags, TICKET_KEY);
  const wire = await Wire.open(number(flags, 'port'), flags.bools.has('ipv6'));
  const id = new DataView(new ArrayBuffer(8));
  id.setBigUint64(0, BigInt(number(flags, 'shim-id')), true);
  wire.write(new Uint8Array(id.buffer));
  const exchange = new Exchange({ connection, wire, flags, keys, resumes });
  try {
    await exchange.run();
  } finally {
    await wire.close();
  }
  return exchange.tickets.at(-1) ?? session;
}

function number(flags: ShimFlags, name: string): number {
  const value = flags.ints.get(name)?.[0];
  if (value === undefined) throw new Error(`no -${name}`);
  return value;
}

/** @throws Excluded also for a later connection, before the first is made */
function inScope(argv: readonly string[]): ShimFlags[] {
  const all = parseFlags(argv);
  for (const flags of all) {
    keysOf(flags, TICKET_KEY);
    if (flags.bools.has('server')) serverConfig(flags, () => START_MS);
    else clientConfig(flags, null, () => START_MS);
  }
  return all;
}

/** For counts.ts: adds a line to `file` with the test's name, and the reason why it is not for us if there is one. */
function explain(argv: readonly string[], file: string): never {
  const name = basename(argv[argv.indexOf('-write-settings') + 1] as string).slice(0, -1);
  let reason = '';
  try {
    inScope(argv);
  } catch (error) {
    // What a flag gives the engine may be what the engine is to refuse.
    if (!(error instanceof TlsError)) reason = error instanceof Excluded ? error.reason : `failed: ${error}`;
  }
  appendFileSync(file, `${name}\t${reason}\n`);
  process.exit(89);
}

const argv = process.argv.slice(2);
if (argv.includes('-is-handshaker-supported')) {
  console.log('No');
  process.exit(0);
}
const explained = argv.indexOf('-explain');
if (explained >= 0) explain(argv.toSpliced(explained, 2), argv[explained + 1] as string);
try {
  await runConnections(inScope(argv));
  process.exit(0);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(error instanceof Excluded ? 89 : 1);
}
