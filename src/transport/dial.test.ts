import { describe, expect, test } from 'bun:test';
import type { Bytes } from '../core/bytes.ts';
import { parseIpAddress } from '../core/ip-address.ts';
import { decodeAddress, encodeAddress, formatAddress, type SocketAddress } from '../os/addresses.ts';
import { AF, ERRNO, SOCK } from '../os/constants.ts';
import { loadNative } from '../os/load.ts';
import type { Native } from '../os/native.ts';
import { Poller } from '../os/poller.ts';
import { Dialling, type DialResult, type DialTarget } from './dial.ts';

/** What an address does to those who connect: `[after so many ms, with this errno, or 0 for a connection]`; undefined swallows. */
type Behaviour = readonly [afterMs: number, errno: number] | undefined;

/** Answers of the name server: after so many ms, these addresses or the absolute value of an EAI status; undefined: never. */
type Answer = readonly [afterMs: number, result: readonly string[] | number] | undefined;

const UNCONFINED = { user: null, filter: new Uint8Array(0) };

interface World {
  readonly ipv6?: Answer;
  readonly ipv4?: Answer;
  readonly hosts?: Readonly<Record<string, Behaviour>>;
}

/** A network in which nothing takes longer than it says, on a clock of its own. */
class Simulation {
  nowMs = 0;
  /** `[ms, address]` of each attempt. */
  readonly attempts: [number, string][] = [];
  readonly open = new Set<number>();
  readonly children = new Set<number>();
  readonly #world: World;
  readonly #readyAt = new Map<number, number>();
  readonly #answers = new Map<number, Bytes>();
  readonly #errors = new Map<number, number>();
  #nextFd = 100;

  constructor(world: World) {
    this.#world = world;
  }

  get native(): Native {
    const used: Partial<Native> = {
      monotonicMs: () => this.nowMs,
      signalIgnored: () => 0,
      resolve: (_host, service, family, _user, _filter, pid) => this.#resolve(Number(service), family, pid),
      socket: () => this.#fd(),
      connect: (fd, address) => this.#connect(fd, address),
      getSocketOption: (fd) => this.#errors.get(fd) ?? 0,
      setSocketOption: () => 0,
      read: (fd, buffer) => this.#read(fd, buffer),
      close: (fd) => (this.open.delete(fd) ? 0 : -ERRNO.EBADF),
      kill: () => 0,
      wait: (pid) => (this.children.delete(pid) ? pid : -ERRNO.ECHILD),
      poll: (pairs, revents, timeoutMs) => this.#poll(pairs, revents, timeoutMs),
    };
    return used as Native;
  }

  #fd(): number {
    this.open.add(this.#nextFd);
    return this.#nextFd++;
  }

  #resolve(port: number, family: number, pid: Int32Array): number {
    const fd = this.#fd();
    pid[0] = fd;
    this.children.add(fd);
    const answer = family === AF.INET6 ? this.#world.ipv6 : this.#world.ipv4;
    if (answer === undefined) return fd;
    const [afterMs, result] = answer;
    this.#readyAt.set(fd, this.nowMs + afterMs);
    const bytes = typeof result === 'number' ? [result] : [0, ...result.flatMap((text) => listed(text, port))];
    this.#answers.set(fd, Uint8Array.from(bytes));
    return fd;
  }

  #read(fd: number, buffer: Bytes): number {
    const answer = this.#answers.get(fd) as Bytes;
    buffer.set(answer);
    return answer.length;
  }

  #connect(fd: number, encoded: Bytes): number {
    const address = decodeAddress(encoded) as SocketAddress;
    const text = formatAddress(address);
    this.attempts.push([this.nowMs, text]);
    const behaviour = this.#world.hosts?.[text];
    if (behaviour === undefined) return -ERRNO.EINPROGRESS;
    const [afterMs, errno] = behaviour;
    if (afterMs === 0) return -errno;
    this.#readyAt.set(fd, this.nowMs + afterMs);
    this.#errors.set(fd, errno);
    return -ERRNO.EINPROGRESS;
  }

  #poll(pairs: Int32Array, revents: Int32Array, timeoutMs: number): number {
    const watched = [...revents.keys()].map((slot) => [slot, pairs[2 * slot] as number] as const);
    const times = watched.map(([, fd]) => this.#readyAt.get(fd) ?? Number.POSITIVE_INFINITY);
    const until = Math.min(...times, timeoutMs < 0 ? Number.POSITIVE_INFINITY : this.nowMs + timeoutMs);
    if (until === Number.POSITIVE_INFINITY) throw new Error('waits for ever');
    this.nowMs = Math.max(this.nowMs, until);
    let count = 0;
    for (const [slot, fd] of watched) {
      const ready = fd >= 0 && (this.#readyAt.get(fd) ?? Number.POSITIVE_INFINITY) <= this.nowMs;
      revents[slot] = ready ? (pairs[2 * slot + 1] as number) : 0;
      if (ready) count++;
    }
    return count;
  }
}

function endpoint(text: string, port: number): SocketAddress {
  return { family: 'ip', address: parseIpAddress(text) as Bytes, port, scope: 0 };
}

function listed(text: string, port: number): number[] {
  const encoded = encodeAddress(endpoint(text, port));
  return [encoded.length, ...encoded];
}

interface Dialled {
  readonly result: DialResult;
  readonly attempts: readonly [number, string][];
  readonly elapsedMs: number;
}

function dial(world: World, target: DialTarget = { host: 'host.test', port: 443 }, deadlineMs = 30_000): Dialled {
  const simulation = new Simulation(world);
  const { native } = simulation;
  const dialling = new Dialling(native, new Poller(native, 24), target, UNCONFINED);
  const result = dialling.finish(deadlineMs, { fd: -1, next: () => null });
  // Nothing is left behind: no losing socket, no child.
  expect([...simulation.open]).toEqual(result.dialled === 'connected' ? [result.socket] : []);
  expect(simulation.children.size).toBe(0);
  return { result, attempts: simulation.attempts, elapsedMs: simulation.nowMs };
}

function winner(dialled: Dialled): string {
  return dialled.result.dialled === 'connected' ? formatAddress(dialled.result.address) : 'nobody';
}

const V6 = '[2001:db8::6]:443';
const V4 = '192.0.2.4:443';
const six: Answer = [5, ['2001:db8::6']];
const four: Answer = [5, ['192.0.2.4']];
const prompt: Behaviour = [10, 0];

describe('which address is tried when', () => {
  test('IPv6 first, and the other not at all if that answers', () => {
    const dialled = dial({ ipv6: six, ipv4: four, hosts: { [V6]: prompt, [V4]: prompt } });
    expect(winner(dialled)).toBe(V6);
    expect(dialled.attempts).toEqual([[5, V6]]);
  });

  test('an address that swallows packets costs 250 ms', () => {
    const dialled = dial({ ipv6: six, ipv4: four, hosts: { [V4]: prompt } });
    expect(winner(dialled)).toBe(V4);
    expect(dialled.attempts).toEqual([
      [5, V6],
      [255, V4],
    ]);
    expect(dialled.elapsedMs).toBe(265);
  });

  test('an address that fails costs nothing more', () => {
    const late = dial({ ipv6: six, ipv4: four, hosts: { [V6]: [20, ERRNO.ECONNREFUSED], [V4]: prompt } });
    expect(late.attempts).toEqual([
      [5, V6],
      [25, V4],
    ]);
    const atOnce = dial({ ipv6: six, ipv4: four, hosts: { [V6]: [0, ERRNO.ENETUNREACH], [V4]: prompt } });
    expect(atOnce.attempts).toEqual([
      [5, V6],
      [5, V4],
    ]);
  });

  test('a dead look-up of IPv6 costs 50 ms', () => {
    const dialled = dial({ ipv6: undefined, ipv4: four, hosts: { [V4]: prompt } });
    expect(winner(dialled)).toBe(V4);
    expect(dialled.attempts).toEqual([[55, V4]]);
  });

  test('a dead look-up of IPv4 costs nothing', () => {
    const dialled = dial({ ipv6: six, ipv4: undefined, hosts: { [V6]: prompt } });
    expect(dialled.attempts).toEqual([[5, V6]]);
  });

  test('an answer for IPv6 within those 50 ms is still first; its absence ends the wait', () => {
    const slow = dial({ ipv6: [40, ['2001:db8::6']], ipv4: four, hosts: { [V6]: prompt, [V4]: prompt } });
    expect(slow.attempts).toEqual([[40, V6]]);
    const none = dial({ ipv6: [20, 2], ipv4: four, hosts: { [V4]: prompt } });
    expect(none.attempts).toEqual([[20, V4]]);
  });

  test('addresses that come late have their turn, even when the rest hangs', () => {
    const dialled = dial({ ipv6: [1000, ['2001:db8::6']], ipv4: four, hosts: { [V6]: prompt } });
    expect(dialled.attempts).toEqual([
      [55, V4],
      [1000, V6],
    ]);
    const soon = dial({ ipv6: [100, ['2001:db8::6']], ipv4: four, hosts: { [V6]: prompt } });
    expect(soon.attempts).toEqual([
      [55, V4],
      [305, V6],
    ]);
  });

  test('families alternate, and the slow winner still wins', () => {
    const dialled = dial({
      ipv6: [5, ['2001:db8::1', '2001:db8::2']],
      ipv4: [5, ['192.0.2.1', '192.0.2.2']],
      hosts: { '[2001:db8::1]:443': [900, 0] },
    });
    expect(winner(dialled)).toBe('[2001:db8::1]:443');
    expect(dialled.attempts.map(([, address]) => address)).toEqual([
      '[2001:db8::1]:443',
      '192.0.2.1:443',
      '[2001:db8::2]:443',
      '192.0.2.2:443',
    ]);
  });

  test('there is an end to trying', () => {
    const many = Array.from({ length: 60 }, (_, index) => `192.0.2.${index + 1}`);
    const hosts = Object.fromEntries(many.map((address) => [`${address}:443`, [1, ERRNO.ECONNREFUSED] as const]));
    expect(dial({ ipv6: [5, 2], ipv4: [5, many], hosts }).attempts).toHaveLength(16);
  });

  test('a literal address is not looked up', () => {
    const dialled = dial(
      { hosts: { [V4]: [0, 0] } },
      { host: '192.0.2.4', port: 443, address: endpoint('192.0.2.4', 443) },
    );
    expect(winner(dialled)).toBe(V4);
  });
});

describe('what a failure says', () => {
  function failure(dialled: Dialled): unknown {
    return dialled.result.dialled === 'failed' ? dialled.result.failure : undefined;
  }

  test('each address and its error, by kind', () => {
    const refused: Behaviour = [1, ERRNO.ECONNREFUSED];
    const all = dial({ ipv6: six, ipv4: four, hosts: { [V6]: refused, [V4]: refused } });
    expect(failure(all)).toEqual({
      kind: 'cannot-connect',
      why: 'connection-refused',
      detail: `connection refused: ${V6}, ${V4}`,
    });
    const mixed = dial({ ipv6: six, ipv4: four, hosts: { [V6]: [0, ERRNO.ENETUNREACH], [V4]: refused } });
    expect(failure(mixed)).toEqual({
      kind: 'cannot-connect',
      why: 'connection-failed',
      detail: `network is unreachable: ${V6}; connection refused: ${V4}`,
    });
  });

  test('no answer within the time', () => {
    const dialled = dial({ ipv6: six, ipv4: four, hosts: { [V6]: [1, ERRNO.EHOSTUNREACH] } }, undefined, 2000);
    expect(dialled.elapsedMs).toBe(2000);
    expect(failure(dialled)).toEqual({
      kind: 'timeout',
      why: 'connect-timeout',
      detail: `no route to host: ${V6}; no answer: ${V4}`,
    });
  });

  test('a name that is not there, that nobody answers for, and one that nobody answers for in time', () => {
    expect(failure(dial({ ipv6: [5, 2], ipv4: [5, 5] }))).toMatchObject({ why: 'host-not-found', detail: 'host.test' });
    expect(failure(dial({ ipv6: [5, 2], ipv4: [5, 3] }))).toMatchObject({
      why: 'look-up-failed',
      detail: 'no name server answered',
    });
    expect(failure(dial({}))).toMatchObject({ kind: 'timeout', why: 'look-up-timeout' });
  });

  test('a look-up that cannot be confined', () => {
    expect(failure(dial({ ipv6: [5, 254], ipv4: [5, 254] }))).toEqual({
      kind: 'configuration',
      why: 'look-up-unconfined',
      detail: 'credentials',
    });
    expect(failure(dial({ ipv6: [5, 255], ipv4: [5, 255] }))).toMatchObject({ detail: 'seccomp' });
  });

  test('the connection failures, rather than that one family has no addresses', () => {
    const dialled = dial({ ipv6: [5, 3], ipv4: four, hosts: { [V4]: [1, ERRNO.ECONNREFUSED] } });
    expect(failure(dialled)).toMatchObject({ why: 'connection-refused' });
  });
});

describe('on a real network', () => {
  const native = loadNative();

  test.each(['localhost', 'localhost.', 'name.localhost'])('%s, and a listener on one family', (host) => {
    const listener = native.socket(AF.INET, SOCK.STREAM, 0);
    const address = endpoint('127.0.0.1', 0);
    expect(native.bind(listener, encodeAddress(address))).toBe(0);
    expect(native.listen(listener, 8)).toBe(0);
    const bound = new Uint8Array(128);
    const { port } = decodeAddress(bound.slice(0, native.socketName(listener, bound))) as { port: number };
    const dialling = new Dialling(native, new Poller(native, 24), { host, port }, UNCONFINED);
    const result = dialling.finish(Number.POSITIVE_INFINITY, { fd: -1, next: () => null });
    expect(result).toMatchObject({ dialled: 'connected', address: { port } });
    native.close(listener);
    native.close((result as { socket: number }).socket);
  });

  test('a closed port', () => {
    const target = { host: '127.0.0.1', port: 1, address: endpoint('127.0.0.1', 1) };
    const dialling = new Dialling(native, new Poller(native, 24), target, UNCONFINED);
    expect(dialling.finish(Number.POSITIVE_INFINITY, { fd: -1, next: () => null })).toMatchObject({
      failure: { why: 'connection-refused', detail: 'connection refused: 127.0.0.1:1' },
    });
  });
});
