import { type Attacker, loopback, text } from '../attacker.ts';
import { type AttemptGroup, attempt, type Prepared, prepared, readOnly, readWrite, writeOnly } from '../attempt.ts';
import type { Scene } from '../scene.ts';

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const MSG_FASTOPEN = 0x20000000;

/** A socket that was there before the sandbox, and is on the list. */
function withSocket(
  family: number,
  type: number,
  run: (attacker: Attacker, socket: number, scene: Scene) => number,
): (attacker: Attacker, scene: Scene) => Prepared {
  return (attacker, scene) => {
    const socket = attacker.must('socket', family, type, 0);
    return { keep: [readWrite(socket)], run: () => run(attacker, socket, scene) };
  };
}

function socketPair(attacker: Attacker): [mine: number, other: number] {
  const ends = new Int32Array(2);
  attacker.must('socketpair', AF_UNIX, SOCK_STREAM, 0, ends);
  return [ends[0] as number, ends[1] as number];
}

/** `struct msghdr` of one byte. */
function message(attacker: Attacker, name: Uint8Array | null, control: Uint8Array | null): BigUint64Array {
  const piece = attacker.structure(text(''), 1);
  return attacker.structure(name, name?.length ?? 0, piece, 1, control, control?.length ?? 0, 0);
}

export const NETWORK: AttemptGroup = {
  title: 'Network and other sockets',
  attempts: [
    attempt('make a TCP socket', (a) => a.sys('socket', AF_INET, SOCK_STREAM, 0)),
    attempt('make a TCP socket over IPv6', (a) => a.sys('socket', AF_INET6, SOCK_STREAM, 0), { feature: 'IPv6' }),
    attempt('make a UDP socket', (a) => a.sys('socket', AF_INET, SOCK_DGRAM, 0)),
    attempt('make a Unix socket', (a) => a.sys('socket', AF_UNIX, SOCK_STREAM, 0)),
    attempt('make a pair of sockets', (a) => a.sys('socketpair', AF_UNIX, SOCK_STREAM, 0, new Int32Array(2))),
    attempt('make a raw socket', (a) => a.sys('socket', AF_INET, SOCK_RAW, 1), { capability: 'CAP_NET_RAW' }),
    attempt('make a packet socket', (a) => a.sys('socket', 17, SOCK_RAW, 0x0300), {
      capability: 'CAP_NET_RAW',
      feature: 'CONFIG_PACKET',
    }),
    attempt('make a netlink socket', (a) => a.sys('socket', 16, SOCK_RAW, 0)),
    attempt('make a vsock socket', (a) => a.sys('socket', 40, SOCK_STREAM, 0), { feature: 'vsock' }),
    attempt("make a socket of the kernel's cryptography", (a) => a.sys('socket', 38, 5, 0), { feature: 'AF_ALG' }),
    prepared(
      'connect to a TCP port of loopback',
      withSocket(AF_INET, SOCK_STREAM, (a, socket, s) => a.sys('connect', socket, loopback(s.tcpPort), 16)),
    ),
    attempt('connect to a TCP port of loopback by a new socket', (a, s) => {
      const socket = a.sys('socket', AF_INET, SOCK_STREAM, 0);
      return socket < 0 ? socket : a.sys('connect', socket, loopback(s.tcpPort), 16);
    }),
    prepared(
      'connect to it by MSG_FASTOPEN in sendto',
      withSocket(AF_INET, SOCK_STREAM, (a, socket, s) =>
        a.sys('sendto', socket, text('x'), 1, MSG_FASTOPEN, loopback(s.tcpPort), 16),
      ),
    ),
    prepared(
      'connect to it by MSG_FASTOPEN in sendmsg',
      withSocket(AF_INET, SOCK_STREAM, (a, socket, s) =>
        a.sys('sendmsg', socket, message(a, loopback(s.tcpPort), null), MSG_FASTOPEN),
      ),
    ),
    prepared(
      'connect to an abstract Unix socket',
      withSocket(AF_UNIX, SOCK_STREAM, (a, socket, s) =>
        a.sys('connect', socket, s.abstractSocket, s.abstractSocket.length),
      ),
    ),
    prepared(
      'connect to a Unix socket in the file system',
      withSocket(AF_UNIX, SOCK_STREAM, (a, socket, s) => a.sys('connect', socket, s.pathSocket, s.pathSocket.length)),
    ),
    prepared(
      'send a datagram to loopback by sendto',
      withSocket(AF_INET, SOCK_DGRAM, (a, socket, s) =>
        a.sys('sendto', socket, text('x'), 1, 0, loopback(s.tcpPort), 16),
      ),
    ),
    prepared(
      'bind a TCP port',
      withSocket(AF_INET, SOCK_STREAM, (a, socket) => a.sys('bind', socket, loopback(0), 16)),
    ),
    prepared(
      'listen on a socket',
      withSocket(AF_INET, SOCK_STREAM, (a, socket) => a.sys('listen', socket, 1)),
    ),
    prepared('accept a connection', (a) => {
      const listener = a.must('socket', AF_INET, SOCK_STREAM, 0);
      a.must('listen', listener, 1);
      const name = new Uint8Array(16);
      a.must('getsockname', listener, name, Int32Array.of(16));
      const client = a.must('socket', AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
      a.sys('connect', client, loopback(((name[2] as number) << 8) | (name[3] as number)), 16);
      return { keep: [readWrite(listener)], run: () => a.sys('accept4', listener, null, null, 0) };
    }),
    prepared(
      "learn a socket's address",
      withSocket(AF_INET, SOCK_STREAM, (a, socket) =>
        a.sys('getsockname', socket, new Uint8Array(128), Int32Array.of(128)),
      ),
    ),
    prepared(
      'read a socket option',
      withSocket(AF_INET, SOCK_STREAM, (a, socket) =>
        a.sys('getsockopt', socket, 1, 4, new Int32Array(1), Int32Array.of(4)),
      ),
    ),
    prepared(
      'set a socket option',
      withSocket(AF_INET, SOCK_STREAM, (a, socket) => a.sys('setsockopt', socket, 1, 2, Int32Array.of(1), 4)),
    ),
    prepared(
      'list the network interfaces',
      withSocket(AF_INET, SOCK_DGRAM, (a, socket) =>
        a.sys('ioctl', socket, 0x8912 /* SIOCGIFCONF */, a.structure(4096n, new Uint8Array(4096))),
      ),
    ),
    prepared('receive from a socket that it may only write', (a) => {
      const [mine, other] = socketPair(a);
      a.must('write', other, text('x'), 1);
      return { keep: [writeOnly(mine)], run: () => a.sys('recvfrom', mine, new Uint8Array(1), 1, 0, null, null) };
    }),
    prepared('shut down a socket that it may only read', (a) => {
      const [mine] = socketPair(a);
      return { keep: [readOnly(mine)], run: () => a.sys('shutdown', mine, 2) };
    }),
    prepared('receive a descriptor', (a, s) => {
      const [mine, other] = socketPair(a);
      a.must('sendmsg', other, message(a, null, rightsTo(s.fileDescriptor)), 0);
      return {
        keep: [readWrite(mine)],
        run: () => a.sys('recvmsg', mine, message(a, null, new Uint8Array(24)), 0),
      };
    }),
  ],
};

/** What stays possible, and is said to be. */
export const POSSIBLE: AttemptGroup = {
  title: 'Not stopped',
  attempts: [
    attempt('use its processor', () => {
      let sum = 0;
      for (let index = 0; index < 1e5; index++) sum += index;
      return sum;
    }),
    attempt('use memory within its limit', (a) => a.sys('mmap', 0, 2 ** 24, 3, 0x22, -1, 0)),
    attempt('tell the time', (a) => a.sys('clock_gettime', 0, new BigUint64Array(2))),
    prepared('pass on a descriptor that it has over a Unix socket that it has', (a) => {
      const [mine, other] = socketPair(a);
      return {
        keep: [readWrite(mine), readWrite(other)],
        run: () => a.sys('sendmsg', mine, message(a, null, rightsTo(other)), 0),
      };
    }),
    prepared('send to anyone by a datagram socket that it has (a session has none)', (a, s) => {
      const socket = a.must('socket', AF_INET, SOCK_DGRAM, 0);
      const datagram = message(a, loopback(s.tcpPort), null);
      return { keep: [readWrite(socket)], run: () => a.sys('sendmsg', socket, datagram, 0) };
    }),
  ],
};

/** `struct cmsghdr` of SCM_RIGHTS with one descriptor. */
function rightsTo(fd: number): Uint8Array {
  const control = new Uint8Array(24);
  new Int32Array(control.buffer).set([20, 0, 1 /* SOL_SOCKET */, 1 /* SCM_RIGHTS */, fd]);
  return control;
}
