import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRNO, POLL } from './constants.ts';
import { SystemError } from './errors.ts';
import { loadNative } from './load.ts';
import { Poller, type Watch } from './poller.ts';

const native = loadNative();

function makePipe(): [number, number] {
  const fds = new Int32Array(2);
  assert.equal(native.pipe(fds), 0);
  return [fds[0] as number, fds[1] as number];
}

/** A clock and a poll that sleeps exactly as long as it is told to. */
function fakeNative(result: (pairs: Int32Array, revents: Int32Array) => number = () => 0) {
  const fake = {
    now: 1000.25,
    timeouts: [] as number[],
    monotonicMs: () => fake.now,
    poll: (pairs: Int32Array, revents: Int32Array, timeoutMs: number) => {
      fake.timeouts.push(timeoutMs);
      if (timeoutMs > 0) fake.now += timeoutMs;
      revents.fill(0);
      return result(pairs, revents);
    },
  };
  return fake;
}

test('handlers run for the events of their descriptor', () => {
  const poller = new Poller(native);
  const [from, to] = makePipe();
  const log: string[] = [];
  poller.watch(from, (revents) => log.push(`from ${revents}`)).interest = POLL.IN;
  const writable = poller.watch(to, (revents) => log.push(`to ${revents}`));
  writable.interest = POLL.OUT;
  poller.turn();
  writable.interest = 0;
  assert.equal(writable.interest, 0);
  native.write(to, new Uint8Array(1), 0, 1);
  poller.turn();
  native.close(to);
  poller.turn();
  assert.deepEqual(log, [`to ${POLL.OUT}`, `from ${POLL.IN}`, `from ${POLL.IN | POLL.HUP}`]);
  native.close(from);
});

test('a descriptor of no interest does not wake the loop, even when its peer has hung up', () => {
  const poller = new Poller(native);
  const [from, to] = makePipe();
  native.close(from);
  const seen: number[] = [];
  const watch = poller.watch(to, (revents) => seen.push(revents));
  poller.turn(0);
  assert.deepEqual(seen, []);
  watch.interest = POLL.ERR;
  poller.turn(0);
  assert.deepEqual(seen, [POLL.ERR]);
  native.close(to);
});

test('a watch that ends during a turn is not called any more, nor is the one that takes its place', () => {
  const poller = new Poller(native, 2);
  const [from, to] = makePipe();
  native.write(to, new Uint8Array(1), 0, 1);
  const called: string[] = [];
  let second: Watch;
  poller.watch(from, () => {
    called.push('first');
    second.end();
    second.end();
    poller.watch(to, () => called.push('third')).interest = POLL.OUT;
  }).interest = POLL.IN;
  second = poller.watch(to, () => called.push('second'));
  second.interest = POLL.OUT;
  poller.turn();
  assert.deepEqual(called, ['first']);
  assert.throws(() => {
    second.interest = POLL.IN;
  }, Error);
  assert.throws(() => poller.watch(to, () => {}), RangeError);
  native.close(from);
  native.close(to);
});

test('the kernel is shown no more slots than are taken', () => {
  const lengths: number[][] = [];
  const poller = new Poller(
    fakeNative((pairs, revents) => {
      lengths.push([pairs.length, revents.length]);
      return 0;
    }),
    24,
  );
  const [first, second] = [poller.watch(3, () => {}), poller.watch(4, () => {})];
  poller.turn(0);
  first.end();
  poller.turn(0);
  second.end();
  poller.turn(0);
  poller.watch(5, () => {});
  poller.turn(0);
  assert.deepEqual(lengths, [
    [4, 2],
    [4, 2],
    [0, 0],
    [2, 1],
  ]);
});

test('timers fire once, in the turn in which they are due', () => {
  const fake = fakeNative();
  const poller = new Poller(fake);
  const fired: string[] = [];
  const early = poller.timer(() => fired.push('early'));
  const late = poller.timer(() => {
    fired.push('late');
    early.setAfter(10);
  });
  const stopped = poller.timer(() => fired.push('stopped'));
  early.setAfter(50);
  late.setAt(fake.now + 60.5);
  stopped.setAfter(1);
  stopped.stop();
  poller.turn();
  assert.deepEqual(fired, ['early']);
  assert.equal(early.deadlineMs, Number.POSITIVE_INFINITY);
  poller.turn(5);
  assert.deepEqual(fired, ['early']);
  poller.turn();
  poller.turn();
  assert.deepEqual(fired, ['early', 'late', 'early']);
  assert.deepEqual(fake.timeouts, [50, 5, 6, 10]);
  early.setAt(0);
  poller.turn();
  assert.equal(fake.timeouts.at(-1), 0);
  late.setAfter(1e12);
  poller.turn();
  assert.equal(fake.timeouts.at(-1), 2 ** 31 - 1);
});

test('a signal ends a turn; an error is thrown; a wait without an end is refused', () => {
  const [from, to] = makePipe();
  let result: number = -ERRNO.EINTR;
  const poller = new Poller(fakeNative(() => result));
  assert.throws(() => poller.turn(), /without an end/);
  poller.watch(from, () => assert.fail('called')).interest = POLL.IN;
  poller.turn();
  result = -ERRNO.EINVAL;
  assert.throws(() => poller.turn(), SystemError);
  native.close(from);
  native.close(to);
});
