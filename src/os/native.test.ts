// Every system call that concerns this process alone, once with success and once with the kernel's refusal. Those that change
// what the process may do are tried in children: tests/native/authority.test.ts.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { addressBuffer, decodeAddress, encodeAddress } from './addresses.ts';
import {
  AF,
  EPOLL,
  EPOLL_CTL,
  ERRNO,
  FD_CLOEXEC,
  IPPROTO,
  O,
  POLL,
  S,
  SHUT,
  SIGNAL,
  SO,
  SOCK,
  SOL_SOCKET,
  TCP,
  WNOHANG,
} from './constants.ts';
import { loadNative } from './load.ts';
import type { Native } from './native.ts';

const native = loadNative();
/** A descriptor that no process has. */
const NO_FD = 999_999;
const LOOPBACK = encodeAddress({ family: 'ip', address: Uint8Array.of(127, 0, 0, 1), port: 0, scope: 0 });

function pair(make: (fds: Int32Array) => number): [number, number] {
  const fds = new Int32Array(2);
  assert.equal(make(fds), 0);
  return [fds[0] as number, fds[1] as number];
}
const makePipe = () => pair((fds) => native.pipe(fds));
const makeSockets = (type: number = SOCK.STREAM) => pair((fds) => native.socketpair(AF.UNIX, type, fds));
const bytes = (text: string) => new TextEncoder().encode(text);

function close(...fds: readonly number[]): void {
  for (const fd of fds) assert.equal(native.close(fd), 0);
}

function pollOne(fd: number, events: number, timeoutMs: number): number {
  const revents = new Int32Array(1);
  assert.ok(native.poll(Int32Array.of(fd, events), revents, timeoutMs) >= 0);
  return revents[0] as number;
}

describe('descriptors', () => {
  test('read and write move exactly the range they are given', () => {
    const [from, to] = makePipe();
    const window = new Uint8Array(new ArrayBuffer(64), 16, 32);
    window.set([1, 2, 3, 4, 5, 6]);
    assert.equal(native.write(to, window, 2, 3), 3);
    const received = new Uint8Array(new ArrayBuffer(64), 8, 16);
    assert.equal(native.read(from, received, 4, 12), 3);
    assert.deepEqual([...new Uint8Array(received.buffer)].slice(8, 16), [0, 0, 0, 0, 3, 4, 5, 0]);
    assert.equal(native.write(to, window, 32, 0), 0);
    close(to);
    assert.equal(native.read(from, received, 0, 1), 0);
    close(from);
    assert.equal(native.read(NO_FD, received, 0, 1), -ERRNO.EBADF);
    assert.equal(native.write(NO_FD, received, 0, 1), -ERRNO.EBADF);
    assert.equal(native.close(NO_FD), -ERRNO.EBADF);
  });

  test('writev gathers, and skips what has gone out before', () => {
    const [from, to] = makePipe();
    const parts = [bytes('abc'), bytes(''), bytes('defg'), bytes('h')];
    assert.equal(native.writev(to, parts, 4), 4);
    assert.equal(native.writev(to, parts, 8), 0);
    const received = new Uint8Array(16);
    assert.equal(native.read(from, received, 0, 16), 4);
    assert.equal(Buffer.from(received.subarray(0, 4)).toString(), 'efgh');
    assert.throws(() => native.writev(to, parts, 9), RangeError);
    assert.throws(() => native.writev(to, parts, -1), RangeError);
    assert.throws(() => native.writev(to, new Array(65).fill(parts[0]), 0), RangeError);
    assert.throws(() => native.writev(to, [null as never], 0), TypeError);
    assert.equal(native.writev(NO_FD, parts, 0), -ERRNO.EBADF);
    close(from, to);
  });

  test('descriptors are close-on-exec, and their flags can be seen and set', () => {
    const [from, to] = makePipe();
    assert.equal(native.getFdFlags(from), FD_CLOEXEC);
    assert.equal(native.setCloseOnExec(from, false), 0);
    assert.equal(native.getFdFlags(from), 0);
    assert.equal(native.getStatusFlags(to) & (O.ACCMODE | O.NONBLOCK), O.WRONLY);
    assert.equal(native.setNonBlocking(to, true), 0);
    assert.equal(native.getStatusFlags(to) & O.NONBLOCK, O.NONBLOCK);
    for (const refused of [native.getFdFlags(NO_FD), native.getStatusFlags(NO_FD)]) assert.equal(refused, -ERRNO.EBADF);
    assert.equal(native.setCloseOnExec(NO_FD, true), -ERRNO.EBADF);
    assert.equal(native.setNonBlocking(NO_FD, true), -ERRNO.EBADF);
    close(from, to);
  });

  test('dup puts a copy where it is wanted', () => {
    const [from, to] = makePipe();
    const target = 200;
    assert.equal(native.dup(to, target, true), target);
    assert.equal(native.getFdFlags(target), FD_CLOEXEC);
    assert.equal(native.dup(to, target, false), target);
    assert.equal(native.getFdFlags(target), 0);
    assert.equal(native.dup(NO_FD, target, true), -ERRNO.EBADF);
    assert.equal(native.dup(to, to, true), -ERRNO.EINVAL);
    close(from, to, target);
  });

  test('openFile and fileType', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tlsify-os-'));
    const path = join(folder, 'file');
    const file = native.openFile(path, O.CREAT | O.EXCL | O.WRONLY, 0o600);
    assert.equal(native.fileType(file), S.IFREG);
    assert.equal(native.getFdFlags(file), FD_CLOEXEC);
    assert.equal(native.openFile(path, O.CREAT | O.EXCL | O.WRONLY, 0o600), -ERRNO.EEXIST);
    const directory = native.openFile(folder, O.DIRECTORY, 0);
    assert.equal(native.fileType(directory), S.IFDIR);
    const [from, to] = makePipe();
    assert.equal(native.fileType(from), S.IFIFO);
    const [left, right] = makeSockets();
    assert.equal(native.fileType(left), S.IFSOCK);
    assert.equal(native.fileType(NO_FD), -ERRNO.EBADF);
    const copy = native.dup(left, 301, true);
    assert.equal(native.sameFile(left, copy), 1);
    assert.equal(native.sameFile(left, from), 0);
    assert.equal(native.sameFile(left, NO_FD), -ERRNO.EBADF);
    native.close(copy);
    assert.equal(native.isTerminal(from), 0);
    assert.equal(native.isTerminal(NO_FD), 0);
    close(file, directory, from, to, left, right);
    rmSync(folder, { recursive: true });
  });
});

describe('RWF_NOWAIT', () => {
  const buffer = new Uint8Array(4096);

  test('sockets never wait', () => {
    const [left, right] = makeSockets();
    assert.equal(native.readNoWait(left, buffer, 0, 1), -ERRNO.EAGAIN);
    while (native.writeNoWait(left, buffer, 0, 4096) > 0);
    assert.equal(native.writeNoWait(left, buffer, 0, 4096), -ERRNO.EAGAIN);
    assert.ok(native.readNoWait(right, buffer, 0, 4096) > 0);
    close(left);
    assert.equal(native.writeNoWait(right, buffer, 0, 1), -ERRNO.EPIPE);
    close(right);
  });

  test('pipes do not wait, or say that they cannot promise it (before Linux 6.5)', () => {
    const [from, to] = makePipe();
    const empty = native.readNoWait(from, buffer, 0, 1);
    assert.ok(empty === -ERRNO.EAGAIN || empty === -ERRNO.EOPNOTSUPP, `${empty}`);
    const supported = empty === -ERRNO.EAGAIN;
    assert.equal(native.writeNoWait(to, buffer, 0, 10), supported ? 10 : -ERRNO.EOPNOTSUPP);
    assert.equal(native.readNoWait(from, buffer, 0, 100), supported ? 10 : -ERRNO.EOPNOTSUPP);
    close(from);
    assert.equal(native.writeNoWait(to, buffer, 0, 1), supported ? -ERRNO.EPIPE : -ERRNO.EOPNOTSUPP);
    close(to);
  });

  test('a terminal cannot promise it', () => {
    const terminal = native.openFile('/dev/ptmx', O.RDWR, 0);
    assert.equal(native.fileType(terminal), S.IFCHR);
    assert.equal(native.isTerminal(terminal), 1);
    assert.equal(native.readNoWait(terminal, buffer, 0, 1), -ERRNO.EOPNOTSUPP);
    assert.equal(native.writeNoWait(terminal, buffer, 0, 1), -ERRNO.EOPNOTSUPP);
    close(terminal);
  });
});

describe('sockets', () => {
  test('a connection over loopback', () => {
    const listener = native.socket(AF.INET, SOCK.STREAM, IPPROTO.TCP);
    assert.ok(listener > 0);
    assert.equal(native.getFdFlags(listener), FD_CLOEXEC);
    assert.equal(native.setSocketOption(listener, SOL_SOCKET, SO.REUSEADDR, 1), 0);
    assert.equal(native.getSocketOption(listener, SOL_SOCKET, SO.REUSEADDR), 1);
    assert.equal(native.bind(listener, LOOPBACK), 0);
    assert.equal(native.listen(listener, 5), 0);
    const address = addressBuffer();
    const length = native.socketName(listener, address);
    assert.equal(length, 16);

    const client = native.socket(AF.INET, SOCK.STREAM | SOCK.NONBLOCK, 0);
    assert.equal(native.connect(client, address.slice(0, length)), -ERRNO.EINPROGRESS);
    assert.equal(pollOne(client, POLL.OUT, 5000), POLL.OUT);
    assert.equal(native.getSocketOption(client, SOL_SOCKET, SO.ERROR), 0);
    assert.equal(native.setSocketOption(client, IPPROTO.TCP, TCP.NODELAY, 1), 0);

    const peer = addressBuffer();
    const peerLength = Int32Array.of(-1);
    const accepted = native.accept(listener, peer, peerLength);
    assert.equal(native.getStatusFlags(accepted) & O.NONBLOCK, O.NONBLOCK);
    assert.equal(native.getFdFlags(accepted), FD_CLOEXEC);
    const local = addressBuffer();
    assert.equal(native.socketName(client, local), 16);
    assert.deepEqual(peer.slice(0, peerLength[0]), local.slice(0, 16));
    assert.equal(native.peerName(client, peer), 16);
    assert.deepEqual(decodeAddress(peer.slice(0, 16)), decodeAddress(address.slice(0, 16)));
    assert.equal(native.setNonBlocking(listener, true), 0);
    assert.equal(native.accept(listener, peer, peerLength), -ERRNO.EAGAIN);
    assert.equal(peerLength[0], 0);

    const buffer = new Uint8Array(64);
    assert.equal(native.receive(accepted, buffer, 0, 64), -ERRNO.EAGAIN);
    assert.equal(native.send(client, bytes('hello'), 0, 5), 5);
    assert.equal(native.sendVector(client, [bytes('ab'), bytes('cd')], 1), 3);
    assert.equal(pollOne(accepted, POLL.IN, 5000), POLL.IN);
    assert.equal(native.receive(accepted, buffer, 0, 64), 8);
    assert.equal(Buffer.from(buffer.subarray(0, 8)).toString(), 'hellobcd');
    assert.equal(native.shutdown(client, SHUT.WR), 0);
    assert.equal(pollOne(accepted, POLL.RDHUP, 5000), POLL.RDHUP);
    assert.equal(native.receive(accepted, buffer, 0, 64), 0);
    close(client, accepted, listener);
  });

  test('what the kernel refuses', () => {
    const buffer = new Uint8Array(128);
    assert.equal(native.socket(AF.INET, 99, 0), -ERRNO.EINVAL);
    assert.equal(native.socketpair(AF.INET, SOCK.STREAM, new Int32Array(2)), -ERRNO.EOPNOTSUPP);
    const [left, right] = makeSockets();
    assert.equal(native.bind(left, new Uint8Array(1)), -ERRNO.EINVAL);
    assert.equal(native.connect(left, new Uint8Array(0)), -ERRNO.EINVAL);
    assert.equal(native.listen(NO_FD, 1), -ERRNO.EBADF);
    assert.equal(native.accept(left, buffer, new Int32Array(1)), -ERRNO.EINVAL);
    assert.equal(native.socketName(NO_FD, buffer), -ERRNO.EBADF);
    assert.equal(native.peerName(NO_FD, buffer), -ERRNO.EBADF);
    assert.equal(native.getSocketOption(left, SOL_SOCKET, 9999), -ERRNO.ENOPROTOOPT);
    assert.equal(native.setSocketOption(left, SOL_SOCKET, 9999, 1), -ERRNO.ENOPROTOOPT);
    assert.equal(native.shutdown(NO_FD, SHUT.WR), -ERRNO.EBADF);
    close(right);
    // No SIGPIPE comes with these.
    assert.equal(native.send(left, buffer, 0, 1), -ERRNO.EPIPE);
    assert.equal(native.sendVector(left, [buffer], 0), -ERRNO.EPIPE);
    close(left);
    const unbound = native.socket(AF.INET, SOCK.STREAM, 0);
    assert.equal(native.connect(unbound, LOOPBACK), -ERRNO.ECONNREFUSED);
    close(unbound);
    const [pipe, other] = makePipe();
    assert.equal(native.receive(pipe, buffer, 0, 1), -ERRNO.ENOTSOCK);
    close(pipe, other);
  });

  test('buffers for addresses must have room for any', () => {
    const [left, right] = makeSockets();
    assert.throws(() => native.socketName(left, new Uint8Array(127)), RangeError);
    assert.throws(() => native.peerName(left, new Uint8Array(127)), RangeError);
    assert.throws(() => native.accept(left, new Uint8Array(127), new Int32Array(1)), RangeError);
    assert.throws(() => native.accept(left, new Uint8Array(128), new Int32Array(0)), RangeError);
    close(left, right);
  });

  test('interfaces have numbers', () => {
    assert.equal(native.interfaceIndex('lo'), Number(readFileSync('/sys/class/net/lo/ifindex', 'utf8')));
    assert.equal(native.interfaceIndex('no-such-link'), -ERRNO.ENODEV);
  });
});

describe('passing descriptors', () => {
  test('descriptors arrive close-on-exec and work', () => {
    const [left, right] = makeSockets();
    const [from, to] = makePipe();
    assert.equal(native.sendDescriptors(left, bytes('x'), Int32Array.of(from, to)), 1);
    const payload = new Uint8Array(8);
    const fds = new Int32Array(16);
    const count = new Int32Array(1);
    assert.equal(native.receiveDescriptors(right, payload, fds, count), 1);
    assert.equal(count[0], 2);
    const [newFrom, newTo] = [fds[0] as number, fds[1] as number];
    assert.equal(native.getFdFlags(newFrom), FD_CLOEXEC);
    assert.equal(native.write(newTo, payload, 0, 1), 1);
    assert.equal(native.read(from, payload, 0, 8), 1);
    assert.equal(native.send(left, payload, 0, 3), 3);
    assert.equal(native.receiveDescriptors(right, payload, fds, count), 3);
    assert.equal(count[0], 0);
    close(left, right, from, to, newFrom, newTo);
  });

  test('sixteen arrive, and with more than the receiver has room for all are closed', () => {
    const [left, right] = makeSockets();
    const [from, to] = makePipe();
    const sixteen = new Int32Array(16).fill(to);
    const fds = new Int32Array(16);
    const count = new Int32Array(1);
    assert.equal(native.sendDescriptors(left, bytes('x'), sixteen), 1);
    assert.equal(native.receiveDescriptors(right, new Uint8Array(1), fds, count), 1);
    assert.equal(count[0], 16);
    close(...fds);
    assert.equal(native.sendDescriptors(left, bytes('x'), sixteen), 1);
    assert.equal(native.receiveDescriptors(right, new Uint8Array(1), new Int32Array(15), count), -ERRNO.EMSGSIZE);
    assert.equal(count[0], 0);
    close(to);
    // All copies of the writing end are closed, else this would wait for ever.
    assert.equal(native.read(from, new Uint8Array(1), 0, 1), 0);
    close(left, right, from);
  });

  test('what is refused', () => {
    const [left, right] = makeSockets();
    const send = (payload: number, fds: number[]) =>
      native.sendDescriptors(left, new Uint8Array(payload), Int32Array.from(fds));
    assert.equal(send(1, [NO_FD]), -ERRNO.EBADF);
    assert.throws(() => send(0, [left]), RangeError);
    assert.throws(() => send(1, []), RangeError);
    assert.throws(() => send(1, new Array(17).fill(left)), RangeError);
    const count = new Int32Array(1);
    assert.equal(native.receiveDescriptors(NO_FD, new Uint8Array(1), new Int32Array(1), count), -ERRNO.EBADF);
    const none = new Int32Array(0);
    assert.throws(() => native.receiveDescriptors(left, new Uint8Array(1), new Int32Array(1), none), RangeError);
    close(left, right);
  });
});

describe('waiting', () => {
  test('poll reports per pair, and skips negative descriptors', () => {
    const [from, to] = makePipe();
    const revents = Int32Array.of(-1, -1, -1);
    assert.equal(native.poll(Int32Array.of(from, POLL.IN, -1, POLL.IN, to, POLL.OUT), revents, 0), 1);
    assert.deepEqual([...revents], [0, 0, POLL.OUT]);
    close(to);
    assert.equal(pollOne(from, POLL.IN, 0), POLL.HUP);
    close(from);
    assert.equal(pollOne(NO_FD, POLL.IN, 0), POLL.NVAL);
    assert.equal(native.poll(new Int32Array(0), new Int32Array(0), 0), 0);
    assert.equal(native.poll(new Int32Array(128).fill(-1), new Int32Array(64), 0), 0);
    assert.throws(() => native.poll(new Int32Array(130).fill(-1), new Int32Array(65), 0), RangeError);
    assert.throws(() => native.poll(new Int32Array(3), new Int32Array(1), 0), RangeError);
  });

  test('epoll reports tokens', () => {
    const epoll = native.epollCreate();
    const [left, right] = makeSockets();
    assert.equal(native.epollControl(epoll, EPOLL_CTL.ADD, left, EPOLL.IN | EPOLL.RDHUP | EPOLL.ET, 0x7fffffff), 0);
    const pairs = new Int32Array(8);
    assert.equal(native.epollWait(epoll, pairs, 0), 0);
    assert.equal(native.send(right, new Uint8Array(1), 0, 1), 1);
    assert.equal(native.epollWait(epoll, pairs, 5000), 1);
    assert.deepEqual([...pairs.slice(0, 2)], [0x7fffffff, EPOLL.IN]);
    assert.equal(native.epollControl(epoll, EPOLL_CTL.ADD, left, 0, 0), -ERRNO.EEXIST);
    assert.equal(native.epollControl(epoll, EPOLL_CTL.DEL, left, 0, 0), 0);
    assert.equal(native.epollWait(NO_FD, pairs, 0), -ERRNO.EBADF);
    assert.throws(() => native.epollWait(epoll, new Int32Array(1), 0), RangeError);
    close(epoll, left, right);
  });

  test('the clock goes forward', () => {
    const before = native.monotonicMs();
    assert.equal(native.poll(new Int32Array(0), new Int32Array(0), 3), 0);
    assert.ok(native.monotonicMs() >= before + 3);
  });

  test('no signal of this process is refused, and no number that is none is taken', () => {
    assert.equal(native.signalDescriptor([0]), -ERRNO.EINVAL);
    assert.equal(native.signalDescriptor([2 ** 32 - 1]), -ERRNO.EINVAL);
    assert.equal(native.ignoreSignal(SIGNAL.SIGKILL), -ERRNO.EINVAL);
    assert.equal(native.defaultSignal(-1), -ERRNO.EINVAL);
    assert.equal(native.signalIgnored(-1), -ERRNO.EINVAL);
    assert.equal(native.kill(native.getpid(), 0), 0);
    assert.equal(native.kill(native.getpid(), 999), -ERRNO.EINVAL);
  });
});

describe('processes', () => {
  test('who we are', () => {
    assert.equal(native.getpid(), process.pid);
    assert.equal(native.getppid(), process.ppid);
    assert.equal(native.getuid(), process.getuid?.());
    assert.equal(native.geteuid(), process.geteuid?.());
    assert.equal(native.getgid(), process.getgid?.());
    assert.equal(native.getegid(), process.getegid?.());
  });

  test('what cannot be waited for, executed or limited', () => {
    assert.equal(native.wait(2 ** 31 - 1, new Int32Array(1), WNOHANG), -ERRNO.ECHILD);
    assert.equal(native.execute('/proc/nonexistent', ['a'], ['B=c']), -ERRNO.ENOENT);
    assert.throws(() => native.execute('/proc/nonexistent', new Array(5000).fill('a'), []), RangeError);
    assert.throws(() => native.execute('/proc/nonexistent', ['x'.repeat(600_000)], []), RangeError);
    assert.throws(() => native.execute('/proc/nonexistent', ['a\0b'], []), TypeError);
    assert.equal(native.prctl(-1, 0, 0, 0, 0), -ERRNO.EINVAL);
    assert.equal(native.setResourceLimit(999, 0, 0), -ERRNO.EINVAL);
    assert.equal(native.closeRange(5, 4, 0), -ERRNO.EINVAL);
  });
});

test('arguments of a wrong type or outside of their range are refused before the call', () => {
  const untyped = native as unknown as Record<string, (...values: unknown[]) => unknown>;
  const withoutArguments = ['epollCreate', 'unblockSignals', 'monotonicMs', 'fork', 'dropCapabilities'];
  withoutArguments.push('getuid', 'geteuid', 'getgid', 'getegid', 'getpid', 'getppid');
  for (const [name, call] of Object.entries(untyped)) {
    if (withoutArguments.includes(name)) continue;
    for (const values of [[], [Symbol('x')], [10n], [{}], [Number.NaN]]) assert.throws(() => call(...values), name);
  }
  const buffer = new Uint8Array(8);
  const wrong: readonly [keyof Native, unknown[], typeof TypeError][] = [
    ['read', [0, buffer, 0, 9], RangeError],
    ['read', [0, buffer, 9, 0], RangeError],
    ['read', [0, buffer, 4, 5], RangeError],
    ['read', [0, buffer, -1, 1], RangeError],
    ['read', [0, buffer, 0, -1], RangeError],
    ['read', [0, buffer, 0.5, 1], RangeError],
    ['read', [0, buffer, 2 ** 53 - 1, 2 ** 53 - 1], RangeError],
    ['read', [0, buffer, Number.POSITIVE_INFINITY, 1], RangeError],
    ['read', [2 ** 31, buffer, 0, 1], RangeError],
    ['read', [0, new Int32Array(8), 0, 1], TypeError],
    ['read', [0, new Uint8ClampedArray(8), 0, 1], TypeError],
    ['read', [0, new DataView(buffer.buffer), 0, 1], TypeError],
    ['read', [0, buffer.buffer, 0, 1], TypeError],
    ['write', [1, 'text', 0, 1], TypeError],
    ['poll', [buffer, new Int32Array(1), 0], TypeError],
    ['pipe', [new Int32Array(1)], RangeError],
    ['socketpair', [AF.UNIX, SOCK.STREAM, new Int32Array(1)], RangeError],
    ['setCloseOnExec', [0, 1], TypeError],
    ['openFile', ['a\0b', 0, 0], TypeError],
    ['openFile', ['x'.repeat(4096), 0, 0], RangeError],
    ['openFile', ['x', 0, -1], RangeError],
    ['setResUid', [-1], RangeError],
    ['setGroups', [new Array(65).fill(0)], RangeError],
    ['setGroups', [[-1]], RangeError],
    ['setGroups', [{ length: 1 }], TypeError],
    ['signalDescriptor', [['SIGTERM']], TypeError],
    ['wait', [1, new Int32Array(0), 0], RangeError],
    ['seccompFilter', [0, new Uint8Array(7)], RangeError],
    ['seccompFilter', [0, new Uint8Array(8 * 4097)], RangeError],
    ['landlockAddRule', [0, 1, new Uint8Array(65)], RangeError],
    ['resolve', ['x', '1', AF.INET, -1, new Uint8Array(0), new Int32Array(0)], RangeError],
    ['resolve', ['x', '1', AF.INET, -1, new Uint8Array(7), new Int32Array(1)], RangeError],
    ['resolve', ['x', '1', AF.INET, 2 ** 32, new Uint8Array(0), new Int32Array(1)], RangeError],
  ];
  for (const [name, values, error] of wrong)
    assert.throws(() => untyped[name]?.(...values), error, `${name} ${String(values)}`);
});
