// Fetches https://HOST:PORT/ without node:tls: the TCP socket goes to another process as its descriptor 3, and that process's stdin and
// stdout are the plain bytes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';

const [host, port] = process.argv.slice(2);
const network = connect(Number(port), host);
await once(network, 'connect');
const tlsify = spawn('tlsify', ['connect', '--net-fd', '3', '--name', `dns:${host}`], {
  stdio: ['pipe', 'inherit', 'inherit', network],
});
network.destroy(); // our copy; the connection is the other process's now
tlsify.stdin.on('error', () => {}); // the exit code says what happened
tlsify.stdin.end(`GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`);
const [code] = await once(tlsify, 'exit');
process.exitCode = code ?? 70;
