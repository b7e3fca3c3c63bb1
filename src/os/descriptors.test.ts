import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { AF, ERRNO, O, POLL, SOCK } from './constants.ts';
import { StreamDescriptor } from './descriptors.ts';
import { SystemError } from './errors.ts';
import { loadNative } from './load.ts';
import type { Native } from './native.ts';

const native = loadNative();
/** A kernel without RWF_NOWAIT for pipes: Linux before 6.5. */
const oldNative: Native = Object.create(native, {
  readNoWait: { value: () => -ERRNO.EOPNOTSUPP },
  writeNoWait: { value: () => -ERRNO.EOPNOTSUPP },
});

const buffer = new Uint8Array(65_536);

function pipe(using: Native): [StreamDescriptor, StreamDescriptor] {
  const fds = new Int32Array(2);
  assert.equal(native.pipe(fds), 0);
  return [new StreamDescriptor(using, fds[0] as number), new StreamDescriptor(using, fds[1] as number)];
}

/** The sum of what `step` returns until that is not positive. */
function total(step: () => number): number {
  let sum = 0;
  for (let count = step(); count > 0; count = step()) sum += count;
  return sum;
}

for (const [name, using] of [
  ['pipes', native],
  ['pipes of an old kernel', oldNative],
] as const) {
  test(`${name} are read and written without waiting, their flags untouched`, () => {
    const [from, to] = pipe(using);
    assert.equal(from.kind, 'pipe');
    const flags = [native.getStatusFlags(from.fd), native.getStatusFlags(to.fd)];
    assert.equal(from.read(buffer, 0, 10), -ERRNO.EAGAIN);
    assert.equal(to.write(buffer, 0, 10), 10);
    assert.equal(from.read(buffer, 0, 100), 10);
    const written = total(() => to.write(buffer, 0, 10_000));
    assert.equal(to.write(buffer, 0, 1), -ERRNO.EAGAIN);
    assert.ok(written >= 4096);
    assert.equal(
      total(() => from.read(buffer, 0, 65_536)),
      written,
    );
    assert.deepEqual([native.getStatusFlags(from.fd), native.getStatusFlags(to.fd)], flags);
    assert.equal(to.endWriting(false), 0);
    assert.equal(from.read(buffer, 0, 1), 0);
    native.close(from.fd);
  });

  test(`${name} without a reader give EPIPE`, () => {
    const [from, to] = pipe(using);
    native.close(from.fd);
    assert.equal(to.write(buffer, 0, 1), -ERRNO.EPIPE);
    native.close(to.fd);
  });
}

test('sockets are read and written without waiting; one that is also read is ended for all who hold it', () => {
  const fds = new Int32Array(2);
  assert.equal(native.socketpair(AF.UNIX, SOCK.STREAM, fds), 0);
  const [left, right] = [
    new StreamDescriptor(native, fds[0] as number),
    new StreamDescriptor(native, fds[1] as number),
  ];
  assert.equal(left.kind, 'socket');
  assert.equal(left.read(buffer, 0, 1), -ERRNO.EAGAIN);
  while (left.write(buffer, 0, 65_536) > 0);
  assert.equal(left.write(buffer, 0, 1), -ERRNO.EAGAIN);
  assert.equal(native.getStatusFlags(left.fd) & O.NONBLOCK, 0);
  const copy = native.dup(left.fd, 300, true);
  assert.equal(left.endWriting(true), 0);
  while (right.read(buffer, 0, 65_536) > 0);
  assert.equal(right.read(buffer, 0, 1), 0);
  for (const fd of [left.fd, right.fd, copy]) native.close(fd);
});

test('a socket that is only written is closed, and goes on for others who hold it', () => {
  const fds = new Int32Array(2);
  assert.equal(native.socketpair(AF.UNIX, SOCK.STREAM, fds), 0);
  const [left, right] = [fds[0] as number, fds[1] as number];
  const copy = native.dup(left, 300, true);
  assert.equal(new StreamDescriptor(native, left).endWriting(false), 0);
  assert.equal(native.send(copy, buffer, 0, 3), 3);
  assert.equal(native.receive(right, buffer, 0, 10), 3);
  native.close(copy);
  assert.equal(native.receive(right, buffer, 0, 10), 0);
  native.close(right);
});

test('a terminal that does not take its output any more stops the writer, not the process', () => {
  const terminal = new StreamDescriptor(native, native.openFile('/dev/ptmx', O.RDWR, 0));
  assert.equal(terminal.kind, 'device');
  assert.equal(terminal.read(buffer, 0, 1), -ERRNO.EAGAIN);
  // What is typed into this end is echoed back to it.
  const typed = new TextEncoder().encode('ab\n');
  assert.equal(terminal.write(typed, 0, 3), 3);
  assert.equal(native.poll(Int32Array.of(terminal.fd, POLL.IN), new Int32Array(1), 60_000), 1);
  assert.ok(terminal.read(buffer, 0, 16) > 0);
  buffer.fill(0x0a);
  while (terminal.write(buffer, 0, 65_536) > 0);
  assert.equal(terminal.write(buffer, 0, 65_536), -ERRNO.EAGAIN);
  native.close(terminal.fd);
});

test('regular files are read to their end', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsify-os-'));
  const path = join(folder, 'file');
  writeFileSync(path, 'abc');
  const from = new StreamDescriptor(native, native.openFile(path, O.RDONLY, 0));
  const to = new StreamDescriptor(native, native.openFile(join(folder, 'other'), O.CREAT | O.WRONLY, 0o600));
  assert.equal(from.kind, 'file');
  assert.equal(from.read(buffer, 0, 100), 3);
  assert.equal(from.read(buffer, 0, 100), 0);
  assert.equal(to.write(buffer, 0, 65_536), 65_536);
  assert.equal(to.endWriting(false), 0);
  native.close(from.fd);
  rmSync(folder, { recursive: true });
});

test('what is not a stream is refused', () => {
  const directory = native.openFile('/', O.DIRECTORY, 0);
  assert.throws(() => new StreamDescriptor(native, directory), RangeError);
  native.close(directory);
  assert.throws(() => new StreamDescriptor(native, 999_999), SystemError);
});
