/** A client and a server of ours in one process and in memory: what bench/handshake.ts and bench/record.ts measure. */
import { createPrivateKey, sign } from 'node:crypto';
import type { Bytes } from '../src/core/bytes.ts';
import type { Tls12SuiteName, Tls13SuiteName } from '../src/crypto/cipher-suites.ts';
import type { CryptoProvider, NamedGroup } from '../src/crypto/provider.ts';
import { signedBytes } from '../src/crypto/signed-content.ts';
import { nodeCrypto } from '../src/crypto-node/provider.ts';
import { type KeyHolder, NO_KEYS, performEffect } from '../src/engine/answer.ts';
import { ClientConnection } from '../src/engine/client.ts';
import { type ClientConfig, defaultClientConfig } from '../src/engine/config.ts';
import type { Answer, Connection, EffectId, Ticket } from '../src/engine/connection.ts';
import { ServerConnection } from '../src/engine/server.ts';
import { defaultServerConfig, type ServerConfig } from '../src/engine/server-config.ts';
import { Certificate } from '../src/x509/certificate.ts';
import { serverCertificate } from '../tests/support/certificates.ts';
import { cpuMicros } from './measure.ts';

/** What is spoken. */
export type Protocol = { readonly group: NamedGroup } & (
  | { readonly version: 'TLSv1.3'; readonly suite: Tls13SuiteName }
  | { readonly version: 'TLSv1.2'; readonly suite: Tls12SuiteName }
);

/** P-256, signed with SHA-256, for `localhost`. */
export const CERTIFICATE = serverCertificate(undefined, { dns: ['localhost'] }, { key: 'p256' });
/** DER. */
export const SPKI = new Certificate(CERTIFICATE.der).spki;
const PRIVATE_KEY = createPrivateKey(CERTIFICATE.key.privatePem);

/** What a role needs beside its configuration. */
export interface Roles {
  readonly client: CryptoProvider;
  readonly server: CryptoProvider;
  readonly keys: KeyHolder;
}

/** The server's keys in the same process. Tickets are kept in clear: sealing them is the key process's work. */
export const KEYS: KeyHolder = {
  choose: () => ({
    answer: 'certificate-chosen',
    choice: { credential: { chain: [CERTIFICATE.der], key: '' }, scheme: 'ecdsa_secp256r1_sha256' },
  }),
  sign: ({ content }) => ({
    answer: 'signed',
    signature: new Uint8Array(sign('sha256', signedBytes(content), PRIVATE_KEY)),
  }),
  sealTicket: ({ plaintext }) => ({ answer: 'ticket-sealed', ticket: plaintext.slice() }),
  openTicket: ({ ticket }) => ({ answer: 'ticket-opened', plaintext: ticket.slice() }),
  openEch: () => ({ answer: 'ech-opened', encodedInner: null }),
};

/** Ours, unwatched. */
export const PLAIN_ROLES: Roles = { client: nodeCrypto, server: nodeCrypto, keys: KEYS };

const ACCEPTED: Answer = {
  answer: 'certificate-accepted',
  spki: SPKI,
  identity: {
    verified: true,
    matched: [],
    subject: '',
    spkiSha256: '',
    certificateSha256: '',
    notAfterSeconds: 4_102_444_800,
  },
};

/** In TLS 1.2 the list also says which curves a certificate may be on. */
export function groupsOf({ version, group }: Pick<Protocol, 'version' | 'group'>): readonly NamedGroup[] {
  return version === 'TLSv1.3' ? [group] : [group, 'secp256r1'];
}

/** Both configurations. A server that resumes also gives one ticket. */
export function configurations(
  { version, suite, group }: Protocol,
  resumes: boolean,
): { client: ClientConfig; readonly server: ServerConfig } {
  const shared = {
    minVersion: version,
    maxVersion: version,
    groups: groupsOf({ version, group }),
    ...(version === 'TLSv1.3' ? { suites: [suite] } : { tls12Suites: [suite] }),
  } as const;
  return {
    client: {
      ...defaultClientConfig(nodeCrypto, 'localhost', Date.now),
      // A key pair more, which node:tls does not make.
      ech: null,
      ...shared,
      keyShareGroups: [group],
      keepTickets: resumes,
    },
    server: {
      ...defaultServerConfig(nodeCrypto, Date.now),
      ...shared,
      ticketCount: 1,
      ticketLifetimeSeconds: resumes ? 7200 : 0,
    },
  };
}

/** One connection, and what answers for it. */
export class Side {
  readonly connection: Connection;
  readonly #crypto: CryptoProvider;
  readonly #keys: KeyHolder;
  open = false;
  ticket: Ticket | null = null;
  plaintextBytes = 0;
  #outgoing: Bytes[] = [];

  constructor(connection: Connection, crypto: CryptoProvider, keys: KeyHolder) {
    this.connection = connection;
    this.#crypto = crypto;
    this.#keys = keys;
  }

  static client(config: ClientConfig, { client }: Roles): Side {
    return new Side(new ClientConnection(config, client), client, NO_KEYS);
  }

  static server(config: ServerConfig, { server, keys }: Roles): Side {
    return new Side(new ServerConnection(config, server), server, keys);
  }

  start(): void | Promise<void> {
    this.connection.start();
    return this.advance();
  }

  /** Takes what the connection puts out, and does its effects. @returns a promise only where the provider made one */
  advance(): void | Promise<void> {
    for (let output = this.connection.next(); output !== undefined; output = this.connection.next()) {
      if (output.output === 'network') this.#outgoing.push(output.bytes);
      else if (output.output === 'plaintext') this.plaintextBytes += output.bytes.length;
      else if (output.output === 'open') this.open = true;
      else if (output.output === 'ticket') this.ticket = output.ticket;
      else if (output.output === 'failed') throw new Error(JSON.stringify(output.failure));
      else if (output.output === 'effect') {
        const { id, effect } = output;
        const answer = performEffect(effect, this.#crypto, () => ACCEPTED, this.#keys);
        if (answer instanceof Promise) return this.#answerLater(id, answer);
        this.connection.answer(id, answer);
      }
    }
  }

  async #answerLater(id: EffectId, answer: Promise<Answer>): Promise<void> {
    this.connection.answer(id, await answer);
    await this.advance();
  }

  async receive(pieces: readonly Bytes[]): Promise<void> {
    for (const piece of pieces)
      for (let rest = piece; rest.length > 0; ) {
        rest = rest.subarray(this.connection.receive(rest));
        const work = this.advance();
        if (work !== undefined) await work;
      }
  }

  /** What is to go to the other side. */
  take(): readonly Bytes[] {
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    return outgoing;
  }
}

/** Open connections, and what each of either role has cost, in microseconds of CPU. */
export interface Handshakes {
  readonly clients: readonly Side[];
  readonly servers: readonly Side[];
  readonly clientMicros: number;
  readonly serverMicros: number;
}

/** One handshake of each pair, all in step, so that each role's share can be told from the process's CPU time. */
export async function handshakes(
  count: number,
  configuration: { readonly client: ClientConfig; readonly server: ServerConfig },
  roles: Roles,
): Promise<Handshakes> {
  const micros = { client: 0, server: 0 };
  let before = cpuMicros();
  const clocked = (role: 'client' | 'server') => {
    const now = cpuMicros();
    micros[role] += now - before;
    before = now;
  };
  const clients = Array.from({ length: count }, () => Side.client(configuration.client, roles));
  for (const client of clients) await client.start();
  clocked('client');
  const servers = Array.from({ length: count }, () => Side.server(configuration.server, roles));
  for (const server of servers) await server.start();
  for (let moved = true; moved; ) {
    moved = await exchange(clients, servers);
    clocked('server');
    moved = (await exchange(servers, clients)) || moved;
    clocked('client');
  }
  if (![...clients, ...servers].every(({ open }) => open)) throw new Error('not all connections are open');
  return { clients, servers, clientMicros: micros.client / count, serverMicros: micros.server / count };
}

/** @returns whether there was anything to receive */
async function exchange(from: readonly Side[], to: readonly Side[]): Promise<boolean> {
  let moved = false;
  for (const [index, side] of from.entries()) {
    const pieces = side.take();
    if (pieces.length === 0) continue;
    moved = true;
    await to[index]?.receive(pieces);
  }
  return moved;
}
