// Reads the memory of a child process, which is the right of root, and of its parent unless kernel.yama.ptrace_scope is 2 or 3.
import { expect, setDefaultTimeout, test } from 'bun:test';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { authority } from '../support/certificates.ts';
import { scratchPath } from '../support/scratch.ts';
import { TlsifyProcess } from '../support/tlsify-process.ts';
import { listen, TEST_LIMIT_MS } from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

test('private keys beside the certificates of --ca are not in the memory of a session', async () => {
  const [root, other, local] = [authority('Root'), authority('Other'), authority('Local')];
  const [file, folder] = [scratchPath('both.pem'), scratchPath('folder')];
  mkdirSync(folder);
  writeFileSync(file, `${root.key.privatePem}${root.pem}`);
  writeFileSync(join(folder, 'ca.pem'), other.pem);
  writeFileSync(join(folder, 'key.pem'), other.key.privatePem);
  writeFileSync(join(folder, 'both.crt'), `${local.pem}${local.key.privatePem}`);

  const heard = Promise.withResolvers<void>();
  const { port } = await listen((socket) => void once(socket, 'data').then(() => heard.resolve()));
  // Only without the sandbox may its parent read the memory.
  const args = ['connect', `localhost:${port}`, '--no-system-ca', '--ca', file, '--ca', folder, '--sandbox=off'];
  const tlsify = new TlsifyProcess(args);
  await Promise.race([heard.promise, tlsify.ending]);
  const certificates = [root, other, local].map(({ pem }) => middleLine(pem));
  const keys = [root, other, local].map(({ key }) => middleLine(key.privatePem));
  const found = search(tlsify.pid, [...certificates, ...keys]);
  tlsify.kill('SIGKILL');
  await tlsify.ending;
  expect(found).toEqual([true, true, true, false, false, false]);
});

/** 64 characters that are nowhere else. */
function middleLine(pem: string): string {
  const lines = pem.split('\n');
  return lines[Math.floor(lines.length / 2) - 1] as string;
}

/** Which of the texts are in what a process can write to. */
function search(pid: number, texts: readonly string[]): boolean[] {
  const found = texts.map(() => false);
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  const piece = Buffer.alloc(2 ** 22);
  for (const line of readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
    const [, from, to] = /^(\w+)-(\w+) rw/.exec(line) ?? [];
    if (from === undefined || to === undefined) continue;
    const end = Number.parseInt(to, 16);
    for (let at = Number.parseInt(from, 16); at < end; at += piece.length - LONGEST_TEXT) {
      const count = readSync(memory, piece, 0, Math.min(piece.length, end - at), at);
      for (const [index, text] of texts.entries()) found[index] ||= piece.subarray(0, count).includes(text);
    }
  }
  closeSync(memory);
  return found;
}

const LONGEST_TEXT = 64;
