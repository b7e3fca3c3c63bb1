import { beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { compileModule } from '../../scripts/native.mjs';
import { scratchPath } from '../support/scratch.ts';
import { readAll, runTlsify, TlsifyProcess } from '../support/tlsify-process.ts';
import { connectArguments, expectFailure, listen, TEST_LIMIT_MS } from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

const ROOT = resolve(import.meta.dir, '../..');
const checkout = scratchPath('faulty-checkout');
const command = join(checkout, 'bin/tlsify');

/** A copy of the program with a defect that nobody has thought of: the module with the system calls has lost one of them. */
beforeAll(() => {
  for (const folder of [checkout, join(checkout, 'build')]) mkdirSync(folder);
  for (const name of ['bin', 'src', 'native', 'package.json'])
    cpSync(join(ROOT, name), join(checkout, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'));
  const source = readFileSync(join(ROOT, 'native/os.c'), 'utf8');
  const faulty = source.replace('call(receive,', 'call(receiveNothing,');
  expect(faulty).not.toBe(source);
  const path = join(checkout, 'native/os.c');
  writeFileSync(path, faulty);
  compileModule(join(checkout, 'build/tlsify-os.node'), ['-O1'], path);
});

test('a defect in the middle of a session, behind the sandbox: exit 70, two lines and a status line that say so', async () => {
  const { port } = await listen((socket) => {
    socket.write('anything');
  });
  const tlsify = new TlsifyProcess(connectArguments(port), { command });
  const stdout = readAll(tlsify.stdout);
  const ending = await tlsify.ending;
  expectFailure(ending, { code: 70, why: 'internal-error', says: /an internal error \(TypeError: .*\)\n.*report/ });
  expect(ending.status[0]).toMatchObject({ kind: 'internal' });
  expect((await stdout).length).toBe(0);
});

test('the same copy does what does not need the call that is missing', async () => {
  const result = await runTlsify(['connect', '127.0.0.1:1', '--name', 'localhost'], '', { command });
  expectFailure(result, { code: 69, why: 'connection-refused', says: /nobody listens there/ });
});
