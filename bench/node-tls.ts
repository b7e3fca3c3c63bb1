/** node:tls of the running runtime as a client and a server, in memory: what ours is measured beside. */
import { Duplex } from 'node:stream';
import { connect, createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import type { NamedGroup } from '../src/crypto/provider.ts';
import { CERTIFICATE, groupsOf, type Protocol } from './pair.ts';

/** Both ends' contexts for one protocol. */
export interface Contexts {
  readonly client: SecureContext;
  readonly server: SecureContext;
}

/** An open connection. */
export interface NodePair {
  readonly client: TLSSocket;
  readonly server: TLSSocket;
}

/** With the certificate that ours shows. */
export function contexts(protocol: Protocol): Contexts {
  const { version, suite } = protocol;
  const ciphers = version === 'TLSv1.3' ? suite : OPENSSL_SUITES[suite];
  if (ciphers === undefined) throw new Error(`no name for ${suite}`);
  const ecdhCurve = groupsOf(protocol)
    .map((group) => OPENSSL_GROUPS[group] ?? group)
    .join(':');
  const shared = { minVersion: version, maxVersion: version, ciphers, ecdhCurve };
  return {
    client: createSecureContext(shared),
    server: createSecureContext({ ...shared, cert: CERTIFICATE.pem, key: CERTIFICATE.key.privatePem }),
  };
}

const OPENSSL_SUITES: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
};

const OPENSSL_GROUPS: Readonly<Partial<Record<NamedGroup, string>>> = { x25519: 'X25519', secp256r1: 'P-256' };

/** One handshake. Neither side judges the other's certificate. */
export async function handshake({ client, server }: Contexts, session?: Buffer): Promise<NodePair> {
  const [near, far] = [new PipeEnd(), new PipeEnd()];
  near.other = far;
  far.other = near;
  const accepted = new TLSSocket(far, { isServer: true, secureContext: server });
  const connected = connect({
    socket: near,
    secureContext: client,
    servername: 'localhost',
    rejectUnauthorized: false,
    ...(session === undefined ? {} : { session }),
  });
  await new Promise<void>((resolve, reject) => {
    let open = 0;
    const opened = () => {
      open += 1;
      if (open === 2) resolve();
    };
    accepted.once('secure', opened).once('error', reject);
    connected.once('secureConnect', opened).once('error', reject);
  });
  if (connected.isSessionReused() !== (session !== undefined))
    throw new Error('node:tls: not the kind of handshake that was asked for');
  return { client: connected, server: accepted };
}

/** The session of an open connection, once the server's tickets are there: in TLS 1.3 they come behind the handshake, with data. */
export async function sessionOf({ client, server }: NodePair): Promise<Buffer> {
  await new Promise<void>((resolve) => {
    client.once('data', () => resolve());
    server.write('data');
  });
  const session = client.getSession();
  if (session === undefined) throw new Error('node:tls: no session');
  return session;
}

/** Drops both ends. */
export function end({ client, server }: NodePair): void {
  client.destroy();
  server.destroy();
}

/** One end of a pipe in memory. */
class PipeEnd extends Duplex {
  other: PipeEnd | null = null;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.other?.push(chunk);
    done();
  }

  override _final(done: () => void): void {
    this.other?.push(null);
    done();
  }
}
