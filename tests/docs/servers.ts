/** The servers of the world of the documentation: `node servers.ts FOLDER` says one line when all of them listen. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';

const folder = process.argv[2] as string;
const options = {
  cert: readFileSync(join(folder, 'leaf.pem')),
  key: readFileSync(join(folder, 'key.pem')),
  minVersion: 'TLSv1.3',
  ALPNProtocols: ['http/1.1'],
  allowHalfOpen: true,
} as const;

function https(socket: TLSSocket): void {
  let request = '';
  socket.on('data', (chunk: Buffer) => {
    request += chunk.toString('latin1');
    if (request.includes('\r\n\r\n'))
      socket.end('HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nThis is example.com.\n');
  });
  socket.on('end', () => socket.end());
  socket.on('error', () => {});
}

function imap(socket: TLSSocket): void {
  socket.write('* OK IMAP4rev2 ready\r\n');
  socket.on('data', (chunk: Buffer) => {
    const tag = chunk.toString('latin1').split(' ')[0] as string;
    socket.end(`* BYE\r\n${tag} OK bye\r\n`);
  });
  socket.on('end', () => socket.end());
  socket.on('error', () => {});
}

const servers = [
  createTlsServer(options, https).listen(443),
  createTlsServer(options, imap).listen(993),
  createServer((socket) => socket.end('220 this is not TLS\r\n')).listen(25),
];
await Promise.all(servers.map((server) => once(server, 'listening')));
console.log('listening');
