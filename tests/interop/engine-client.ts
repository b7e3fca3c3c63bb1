import { describe, expect, test } from 'bun:test';
import type { ProtocolVersion } from '../../src/engine/connection.ts';
import type { KeyKind } from '../support/keys.ts';
import { localServer } from '../support/test-pki.ts';
import { endpoint, localClient } from './client-suite.ts';
import type { ClientOptions, Outcome } from './endpoint/options.ts';
import { type HandshakePeer, type ServeOptions, startPeer } from './suite.ts';

/** What the tests of our client's certificates and sessions need to know of a server, beside {@link HandshakePeer}. */
export interface ServerPeer extends Pick<HandshakePeer, 'command' | 'request' | 'cannotHalfClose'> {
  /** In its answer, when it has seen a client's certificate. */
  readonly certificateSeen?: RegExp;
  /** How it answers a client without, if not by an alert. */
  readonly certificateMissed?: RegExp;
  /** Kinds of clients' keys that it takes; in TLS 1.2 the same. */
  readonly clientKeys: readonly KeyKind[];
  /** Versions in which it gives tickets. Default: both. */
  readonly resumes?: readonly ProtocolVersion[];
}

const VERSIONS: readonly ProtocolVersion[] = ['TLSv1.3', 'TLSv1.2'];

/** Our engine as a client, with what the command has no options for yet: certificates of its own, and sessions. */
export function describeEngineClient(peer: ServerPeer): void {
  let sessions = 0;

  async function start(options: Partial<ServeOptions>) {
    const service = await startPeer((port) => peer.command(port, { files: localServer(), ...options }));
    return (more: Partial<ClientOptions> = {}): Promise<Outcome> =>
      endpoint.connect({
        port: service.port,
        trusted: localServer().ca,
        request: peer.request,
        close: peer.cannotHalfClose === true ? 'after-peer' : 'after-sending',
        ...more,
      });
  }

  describe("our client's certificates and sessions", () => {
    for (const version of VERSIONS) {
      for (const key of peer.clientKeys)
        test(`${version}: a client certificate of ${key}`, async () => {
          const connect = await start({ version, trusted: localServer().ca });
          const outcome = await connect({ certificate: localClient(key) });
          expect(outcome).toMatchObject({ failure: null, session: { version, resumed: false } });
          if (peer.certificateSeen !== undefined) expect(outcome.text).toMatch(peer.certificateSeen);
        });

      test(`${version}: no client certificate where one is required`, async () => {
        const connect = await start({ version, trusted: localServer().ca });
        if (peer.certificateMissed !== undefined) {
          expect((await connect()).text).toMatch(peer.certificateMissed);
          return;
        }
        // Nothing is sent: a server that closes with something unread resets the connection, and its alert may be lost.
        const outcome = await connect({ request: '', close: 'after-peer' });
        expect(outcome).toMatchObject({ failure: { why: 'alert-received' }, text: '' });
      });
    }

    for (const version of peer.resumes ?? VERSIONS) {
      test(`${version}: resumes by ticket, again and again`, async () => {
        const connect = await start({ version });
        const session = `${sessions++}`;
        for (const resumed of [false, true, true])
          expect(await connect({ session })).toMatchObject({ failure: null, session: { version, resumed } });
      });

      test(`${version}: resumes a session of a client with a certificate`, async () => {
        const connect = await start({ version, trusted: localServer().ca });
        const options = { session: `${sessions++}`, certificate: localClient() };
        expect(await connect(options)).toMatchObject({ session: { version, resumed: false } });
        const second = await connect(options);
        expect(second).toMatchObject({ failure: null, session: { version, resumed: true } });
        if (peer.certificateSeen !== undefined) expect(second.text).toMatch(peer.certificateSeen);
      });

      test(`${version}: a session that the server no longer knows`, async () => {
        const session = `${sessions++}`;
        for (const connect of [await start({ version }), await start({ version })])
          expect(await connect({ session })).toMatchObject({ failure: null, session: { version, resumed: false } });
      });
    }
  });
}
