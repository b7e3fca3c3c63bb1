// Calls every function of the module that the first argument names with arguments that are wrong in all the ways known. Run by
// sanitizers.test.ts under Node, with the sanitizers' run-time library. Prints how many calls returned and how many threw.
const holder = { exports: {} };
process.dlopen(holder, process.argv[2]);
const native = holder.exports;

/**
 * What ends, replaces, stops or changes this process if a call gets through: none of these is called with a good first argument.
 * All others are given no descriptor that is open, except the sockets below.
 */
const DANGEROUS = new Set(
  `fork execute exit kill unshare setGroups setResGid setResUid dropCapabilities chroot chdir mount unmount pivotRoot openFile
  prctl setResourceLimit closeRange seccompFilter landlockRestrictSelf ignoreSignal defaultSignal signalDescriptor unblockSignals
  resolve wait poll epollWait`.split(/\s+/),
);
const WITHOUT_ARGUMENTS = new Set(['fork', 'dropCapabilities', 'unblockSignals']);

const detached = new Uint8Array(64);
structuredClone(detached.buffer, { transfer: [detached.buffer] });
const shrunk = new Uint8Array(new ArrayBuffer(4096, { maxByteLength: 8192 }));
shrunk.buffer.resize(16);
const throwing = [new Uint8Array(4)];
Object.defineProperty(throwing, 0, {
  get: () => {
    throw new Error('from an accessor');
  },
});

const NUMBERS = [
  -1,
  0,
  1,
  5,
  65,
  1e5,
  -(2 ** 31),
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -(2 ** 53),
  0.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
];
const BUFFERS = [0, 1, 5, 128, 70_000].map((length) => new Uint8Array(length));
BUFFERS.push(new Uint8Array(new ArrayBuffer(300), 295, 5), detached, shrunk);
const INT_ARRAYS = [0, 1, 2, 15, 17, 64, 65, 128, 130, 1000].map((length) => new Int32Array(length).fill(-1));
const ARRAYS = [
  [],
  [1],
  [BUFFERS[2]],
  [BUFFERS[2], detached, shrunk],
  [null],
  new Array(70).fill(BUFFERS[1]),
  new Array(1e6),
  throwing,
];
const OTHERS = [
  undefined,
  null,
  true,
  'text',
  '',
  'a\0b',
  '\ud800',
  'x'.repeat(5000),
  7n,
  Symbol('s'),
  () => 1,
  {},
  { length: 3 },
];
OTHERS.push(new Float64Array(4), new DataView(new ArrayBuffer(8)), new ArrayBuffer(8), new Proxy([], {}));
const VALUES = [...NUMBERS, ...BUFFERS, ...INT_ARRAYS, ...ARRAYS, ...OTHERS];

let returned = 0;
let threw = 0;
function call(name, ...values) {
  try {
    native[name](...values);
    returned++;
  } catch {
    threw++;
  }
}

/** A pair of sockets with something to read in `here`, and room to write. */
const ends = new Int32Array(2);
if (native.socketpair(1, 1, ends) !== 0) throw new Error('no socket pair');
const [here, there] = ends;
const filling = new Uint8Array(1000);
const drain = new Uint8Array(200_000);
function callOnSocket(name, ...values) {
  native.send(there, filling, 0, filling.length);
  call(name, here, ...values);
  for (const end of ends) while (native.receive(end, drain, 0, drain.length) > 0);
}

for (const name of Object.keys(native)) {
  if (WITHOUT_ARGUMENTS.has(name)) continue;
  const closed = (value) => typeof value !== 'number' || value < 0 || value > 100;
  const first = DANGEROUS.has(name) ? [Symbol('never a value')] : VALUES.filter(closed);
  for (const value of first) for (const second of VALUES) call(name, value, second, second, second, second, second);
}
for (const name of ['read', 'write', 'readNoWait', 'writeNoWait', 'receive', 'send'])
  for (const buffer of BUFFERS)
    for (const offset of NUMBERS) for (const length of NUMBERS) callOnSocket(name, buffer, offset, length);
for (const name of ['writev', 'sendVector'])
  for (const array of ARRAYS) for (const skip of NUMBERS) callOnSocket(name, array, skip);
for (const buffer of BUFFERS) {
  for (const name of ['socketName', 'peerName']) callOnSocket(name, buffer);
  for (const fds of INT_ARRAYS) {
    callOnSocket('accept', buffer, fds);
    callOnSocket('sendDescriptors', buffer, fds);
    for (const count of INT_ARRAYS) callOnSocket('receiveDescriptors', buffer, fds, count);
  }
}
for (const pairs of INT_ARRAYS) {
  for (const revents of INT_ARRAYS) call('poll', pairs, revents, 0);
  call('epollWait', native.epollCreate(), pairs, 0);
}

// Memory that an accessor takes away while the call that wants it is decoding its arguments.
for (const name of ['writev', 'sendVector'])
  for (const steal of ['transfer', 'resize']) {
    const victim = new Uint8Array(new ArrayBuffer(50_000, steal === 'resize' ? { maxByteLength: 50_000 } : {}));
    const thief = [victim, victim];
    Object.defineProperty(thief, 1, {
      get: () => {
        victim.buffer[steal](0);
        return new Uint8Array(8);
      },
    });
    callOnSocket(name, thief, 0);
  }

// The edges of what is allowed.
native.sendDescriptors(here, new Uint8Array(1), new Int32Array(16).fill(here));
native.receiveDescriptors(there, new Uint8Array(1), new Int32Array(16), new Int32Array(1));
callOnSocket('sendVector', new Array(64).fill(new Uint8Array(2)), 3);
call('execute', '/proc/nonexistent', new Array(2000).fill('argument'), new Array(2000).fill('A=b'));
call('execute', '/proc/nonexistent', ['x'.repeat(500_000)], ['y'.repeat(24_000)]);
for (const count of [4094, 4095, 4096]) call('execute', '/proc/nonexistent', new Array(count).fill(''), []);
for (const path of ['p'.repeat(4095), '\u{1f600}'.repeat(1023), '\u{1f600}'.repeat(1024)]) call('openFile', path, 0, 0);
call('signalDescriptor', new Array(64).fill(0));
call('setGroups', new Array(65).fill(0));
call('landlockAddRule', -1, 1, new Uint8Array(64));
call('seccompFilter', 0xffffffff, new Uint8Array(8 * 4096));
const pid = new Int32Array(1);
const answer = native.resolve('localhost', '443', 2, -1, new Uint8Array(0), pid);
native.poll(Int32Array.of(answer, 1), new Int32Array(1), 60_000);
native.read(answer, new Uint8Array(4000), 0, 4000);
native.wait(pid[0], new Int32Array(1), 0);

console.log(JSON.stringify({ returned, threw }));
