import { ascii } from '../../../src/core/bytes.ts';
import type { SessionFacts } from '../../../src/engine/connection.ts';
import { Fingerprint, numberedStream } from '../../support/numbered-stream.ts';
import { Lines, type TlsStream } from './tls-stream.ts';

/**
 * What a server does behind TLS: the commands of `../peers/README.md`, and a little of HTTP/1.1. Returns the fingerprint of what
 * was uploaded. @throws Ended
 */
export async function serveCommand(stream: TlsStream, session: SessionFacts): Promise<string | null> {
  const lines = new Lines(stream);
  const line = await lines.line();
  const [command, argument] = (line ?? '').split(' ');
  switch (command) {
    case 'echo':
      for (let bytes = await lines.rest(); bytes !== null; bytes = await lines.rest()) await stream.write(bytes);
      return null;
    case 'download':
      for (const chunk of numberedStream(Number(argument))) await stream.write(chunk);
      return null;
    case 'upload': {
      const received = await fingerprintOfRest(lines);
      await stream.write(ascii(`${received}\n`));
      return received;
    }
    case 'farewell':
      await stream.write(ascii('farewell'));
      await stream.closeWrite();
      return fingerprintOfRest(lines);
    case 'facts':
      await stream.write(ascii(`${JSON.stringify(session)}\n`));
      return null;
    case 'GET':
    case 'PUT':
      return answerHttp(stream, lines, argument ?? '', session);
    default:
      return null;
  }
}

/**
 * `/stream/BYTES` has so much of the numbered stream, any other path a page of the session's facts, and `/four` one whose script
 * gets three others when it is there, and adds their facts; PUT gets the fingerprint.
 */
async function answerHttp(
  stream: TlsStream,
  lines: Lines,
  path: string,
  session: SessionFacts,
): Promise<string | null> {
  let length = 0;
  for (let header = await lines.line(); header !== null && header !== ''; header = await lines.line())
    length = Number(/^content-length: (\d+)$/i.exec(header)?.[1] ?? length);
  const head = (type: string, bytes: number): Uint8Array =>
    ascii(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${bytes}\r\nConnection: close\r\n\r\n`);
  if (length > 0) {
    const received = await fingerprintOfRest(lines, length);
    await stream.write(head('text/plain', received.length));
    await stream.write(ascii(received));
    return received;
  }
  if (path.startsWith('/stream/')) {
    const bytes = Number(path.slice('/stream/'.length));
    await stream.write(head('text/plain', bytes));
    for (const chunk of numberedStream(bytes)) await stream.write(chunk);
  } else {
    const script = path === '/four' ? GET_OTHERS : '';
    const page = `<!doctype html><title>tlsify</title><pre>${JSON.stringify(session)}</pre>${script}\n`;
    await stream.write(head('text/html', page.length));
    await stream.write(ascii(page));
  }
  return null;
}

/** A browser may have made a second connection ahead of need; by the fourth, it has tickets. */
const GET_OTHERS = `<script>
  for (let times = 0; times < 3; times++) {
    const request = new XMLHttpRequest();
    request.open('GET', '/facts', false);
    request.send();
    document.write(/<pre>.*<.pre>/.exec(request.responseText)[0]);
  }
</script>`;

async function fingerprintOfRest(lines: Lines, bytes = Number.POSITIVE_INFINITY): Promise<string> {
  const fingerprint = new Fingerprint();
  let left = bytes;
  while (left > 0) {
    const chunk = await lines.rest();
    if (chunk === null) break;
    fingerprint.add(chunk);
    left -= chunk.length;
  }
  return fingerprint.toString();
}
