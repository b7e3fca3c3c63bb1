import { execFileSync } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { authority, daysFromNow, serverCertificate } from '../support/certificates.ts';
import { heldEchKey } from '../support/ech-keys.ts';
import { echList, listenEch } from '../support/ech-server.ts';
import { PeerProcess } from '../support/peer-process.ts';
import { scratchPath } from '../support/scratch.ts';
import { filesOf, ISSUING_CA, localServer } from '../support/test-pki.ts';

/** Servers, good and bad, for the transcripts to talk to: the variables name their ports. */
export interface World {
  readonly variables: Readonly<Record<string, string>>;
  readonly stop: () => Promise<void>;
}

/** `openssl s_server` that answers any request with a page, with these files. */
function openssl(files: { readonly chain: string; readonly leaf: string; readonly key: string }, ...more: string[]) {
  return PeerProcess.start((port) => ({
    program: 'openssl',
    args: [
      ...['s_server', '-quiet', '-rev', '-accept', `127.0.0.1:${port}`],
      ...['-cert', files.leaf, '-cert_chain', files.chain, '-key', files.key, ...more],
    ],
    comesFrom: 'the package openssl',
  }));
}

const NAMES = { dns: ['localhost'], ip: ['127.0.0.1'] };

export async function startWorld(): Promise<World> {
  const stranger = authority('A CA that nobody knows');
  const [good, tls12, old, expired, elsewhere, unknown] = await Promise.all([
    openssl(localServer(), '-tls1_3'),
    openssl(localServer(), '-tls1_2'),
    openssl(localServer(), '-tls1_1'),
    openssl(filesOf(serverCertificate(ISSUING_CA, NAMES, { notAfter: daysFromNow(-1), notBefore: daysFromNow(-9) }))),
    openssl(filesOf(serverCertificate(ISSUING_CA, { dns: ['elsewhere.test'] }))),
    openssl(filesOf(serverCertificate(stranger, NAMES))),
  ]);
  const http = await listen((socket) => socket.end('HTTP/1.0 400 Bad Request\r\n\r\n'));
  const silent = await listen(() => {});
  const closing = await listen((socket) => socket.end());
  const echKey = heldEchKey('key');
  const [ech, noEch, notPublic] = [
    await listenEch([echKey]),
    await listenEch([]),
    await listenEch([echKey], ['localhost']),
  ];
  const lists = { ECH_LIST: echList(echKey), ECH_OLD: echList(heldEchKey('old key', { configId: 9 })) };
  const echPeers = { ECH: ech.peer, NO_ECH: noEch.peer, ECH_NOT_PUBLIC: notPublic.peer };
  const peers = { GOOD: good, TLS12: tls12, OLD: old, EXPIRED: expired, ELSEWHERE: elsewhere, UNKNOWN: unknown };
  const servers = { HTTP: http, SILENT: silent, CLOSING: closing };
  const quiet = scratchPath('quiet');
  execFileSync('mkfifo', [quiet]);
  const variables: Record<string, string> = { CA: localServer().ca, QUIET: quiet, ...lists };
  for (const [name, peer] of Object.entries({ ...peers, ...echPeers })) variables[name] = String(peer.port);
  for (const [name, server] of Object.entries(servers)) variables[name] = String(portOf(server));
  return {
    variables,
    stop: async () => {
      await Promise.all(Object.values(peers).map((peer) => peer.stop()));
      for (const server of [...Object.values(servers), ...Object.values(echPeers)]) server.close();
    },
  };
}

async function listen(accept: Parameters<typeof createServer>[1] & {}): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    accept(socket);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return server.unref();
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  return address.port;
}
