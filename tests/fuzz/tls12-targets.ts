import { type Bytes, EMPTY, hex } from '../../src/core/bytes.ts';
import { TlsError } from '../../src/core/failures.ts';
import * as extensions from '../../src/engine/codec/extensions12.ts';
import * as messages from '../../src/engine/codec/messages12.ts';
import { decodeSession12, encodeSession12, type Session12 } from '../../src/engine/tls12/server/session.ts';
import type { Pair } from '../support/carry.ts';
import { serverCertificate } from '../support/certificates.ts';
import { softwareKeys } from '../support/software-keys.ts';
import { NOW_MS, pairOf } from '../support/tls12.ts';
import type { Target } from './target.ts';

const LEAF = serverCertificate(undefined, { dns: ['localhost'] });
const KEYS = softwareKeys([{ chain: [LEAF.der], privatePem: LEAF.key.privatePem }]);
const PARAMETERS = messages.encodeEcdhParameters(29, new Uint8Array(32).fill(7));
const SESSION: Session12 = {
  suite: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
  masterSecret: new Uint8Array(48).fill(3),
  group: 'x25519',
  establishedAtMs: NOW_MS,
  serverName: 'localhost',
  alpn: null,
  certificatePolicy: '',
  peer: null,
  signatureScheme: null,
};

const PARSERS: readonly ((body: Bytes) => Bytes | null)[] = [
  (body) => messages.encodeCertificate12(messages.decodeCertificate12(body)).subarray(4),
  (body) => messages.encodeServerKeyExchange(messages.decodeServerKeyExchange(body)).subarray(4),
  (body) => messages.encodeCertificateRequest12(messages.decodeCertificateRequest12(body)).subarray(4),
  (body) => messages.encodeClientKeyExchange(messages.decodeClientKeyExchange(body)).subarray(4),
  (body) => messages.encodeNewSessionTicket12(messages.decodeNewSessionTicket12(body)).subarray(4),
  (body) => extensions.encodeRenegotiationInfo(extensions.decodeRenegotiationInfo(body)),
  (body) => {
    extensions.decodePointFormats(body);
    return null;
  },
  (body) => {
    const session = decodeSession12(body);
    return session === null ? null : encodeSession12(session);
  },
];

/** What only TLS 1.2 has. */
export const TLS12_TARGETS: Readonly<Record<string, Target>> = {
  'messages of TLS 1.2': {
    seeds: [
      messages.encodeCertificate12([LEAF.der, LEAF.der]).subarray(4),
      messages
        .encodeServerKeyExchange({ parameters: PARAMETERS, scheme: 0x0403, signature: new Uint8Array(70) })
        .subarray(4),
      messages
        .encodeCertificateRequest12({
          certificateTypes: [64, 1],
          signatureSchemes: [0x0403, 0x0804],
          authorities: [Uint8Array.of(0x30, 0)],
        })
        .subarray(4),
      messages.encodeClientKeyExchange(new Uint8Array(32)).subarray(4),
      messages.encodeNewSessionTicket12({ lifetimeHintSeconds: 60, ticket: Uint8Array.of(1, 2) }).subarray(4),
      extensions.encodeRenegotiationInfo(EMPTY),
      extensions.EC_POINT_FORMATS,
      encodeSession12(SESSION),
    ],
    runs: 20_000,
    run: (input) => {
      for (const parse of PARSERS) {
        let again: Bytes | null = null;
        try {
          again = parse(input);
        } catch (error) {
          if (!(error instanceof TlsError)) throw error;
        }
        if (again !== null && hex(again) !== hex(input))
          throw new Error(`reads ${hex(input)} and writes ${hex(again)}`);
      }
    },
  },
  'a handshake of TLS 1.2, changed on its way to the client': conversation('client'),
  'a handshake of TLS 1.2, changed on its way to the server': conversation('server'),
};

/** The input is a pattern of changes, applied by exclusive or to all that the victim hears. */
function conversation(victim: 'client' | 'server'): Target {
  return {
    seeds: [new Uint8Array(1200), new Uint8Array(64)],
    runs: 400,
    run: async (input) => {
      const pair = pairOf({ server: { clientCertificate: 'optional' }, serverKeys: KEYS, clientKeys: KEYS });
      await pair.server.start();
      await pair.client.start();
      let at = 0;
      const changed = (bytes: Bytes): Bytes => bytes.map((byte) => byte ^ (input[at++] ?? 0));
      for (;;) {
        const toServer = pair.client.takeNetwork();
        const toClient = pair.server.takeNetwork();
        if (toServer.length === 0 && toClient.length === 0) break;
        await pair.server.receive(victim === 'server' ? changed(toServer) : toServer);
        await pair.client.receive(victim === 'client' ? changed(toClient) : toClient);
      }
      survived(pair);
    },
  };
}

/** Each side ends in a failure that is not its own, waits for more, or is open; and never says much. */
function survived({ client, server }: Pair): void {
  for (const { failure, log } of [client, server]) {
    if (failure?.kind === 'internal') throw new Error(`${failure.why}: ${failure.detail}`);
    if (log.length > 100) throw new Error(`${log.length} outputs`);
  }
}
