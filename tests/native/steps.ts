/**
 * The calls that change what a process may do, each kind in a process of its own: `bun steps.ts NAME` prints what they
 * returned, as JSON. Run by authority.test.ts with one thread, as unshare and fork need.
 */
import { createSocket } from 'node:dgram';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { EMPTY } from '../../src/core/bytes.ts';
import { lookUpConfinement } from '../../src/isolation/look-up.ts';
import { formatAddress } from '../../src/os/addresses.ts';
import {
  CLONE,
  ERRNO,
  errnoName,
  MNT_DETACH,
  MS,
  O,
  POLL,
  PR,
  RLIMIT,
  SIGNAL,
  WNOHANG,
} from '../../src/os/constants.ts';
import { check } from '../../src/os/errors.ts';
import { loadNative } from '../../src/os/load.ts';
import type { Native } from '../../src/os/native.ts';
import { LookUp, type LookUpResult } from '../../src/os/resolver.ts';
import { ensureSingleThreaded } from '../../src/os/runtime.ts';
import { SignalDescriptor } from '../../src/os/signals.ts';

const native = loadNative();
const results: Record<string, number | string | null | readonly string[]> = {};

/** Notes what a call returned: numbers from 0 on as they are, errors by name. */
function note(what: string, result: number): number {
  results[what] = result < 0 ? errnoName(result) : result;
  return result;
}

/** /proc/PID/status, by the names there; empty when the process is gone. */
function statusOf(pid: number): Map<string, string> {
  const lines = textOf(`/proc/${pid}/status`).split('\n');
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function awaitAnswer(lookUp: LookUp): LookUpResult | null {
  native.poll(Int32Array.of(lookUp.fd, POLL.IN), new Int32Array(1), 60_000);
  const answer = lookUp.read();
  lookUp.close();
  return answer;
}

/** RTM_NEWLINK with IFF_UP for the interface with the index 1, as `ip link set lo up` sends it (rtnetlink(7)). */
function loopbackUp(): void {
  const message = new Uint8Array(32);
  const view = new DataView(message.buffer);
  for (const [offset, value] of [
    [0, 32],
    [20, 1],
    [24, 1],
    [28, 1],
  ] as const)
    view.setUint32(offset, value, true);
  view.setUint16(4, 16, true); // RTM_NEWLINK
  view.setUint16(6, 1, true); // NLM_F_REQUEST
  const socket = check('socket', native.socket(16, 3, 0)); // AF_NETLINK, SOCK_RAW, NETLINK_ROUTE
  check('send', native.send(socket, message, 0, message.length));
  native.close(socket);
}

/** 192.0.2.53 for A, and no address for anything else (RFC 1035 section 4.1). */
function answerTo(query: Uint8Array): Uint8Array {
  const end = query.indexOf(0, 12) + 5; // of the question: the root label, type and class
  const isA = query[end - 3] === 1;
  const header = Uint8Array.from([query[0] ?? 0, query[1] ?? 0, 0x81, 0x80, 0, 1, 0, isA ? 1 : 0, 0, 0, 0, 0]);
  const record = isA ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 53] : [];
  return Uint8Array.from([...header, ...query.subarray(12, end), ...record]);
}

function pause(): void {
  native.poll(new Int32Array(0), new Int32Array(0), 5);
}

function writeFile(path: string, text: string): void {
  const fd = check(path, native.openFile(path, O.WRONLY, 0));
  const bytes = new TextEncoder().encode(text);
  check(path, native.write(fd, bytes, 0, bytes.length));
  native.close(fd);
}

/** All capabilities in namespaces of our own, whoever we are outside. */
function enterNamespaces(): void {
  const [uid, gid] = [native.getuid(), native.getgid()];
  note('unshare', native.unshare(CLONE.NEWUSER | CLONE.NEWNS | CLONE.NEWNET | CLONE.NEWIPC | CLONE.NEWUTS));
  writeFile('/proc/self/setgroups', 'deny');
  writeFile('/proc/self/uid_map', `0 ${uid} 1`);
  writeFile('/proc/self/gid_map', `0 ${gid} 1`);
}

function instruction(code: number, jumps: number, operand: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, code, true);
  view.setUint16(2, jumps, true);
  view.setUint32(4, operand, true);
  return bytes;
}

const STEPS: Record<string, () => void | Promise<void>> = {
  'credentials': () => {
    note('setGroups', native.setGroups([]));
    enterNamespaces();
    note('unshare with a flag that is none', native.unshare(0x1));
    note('setGroups where denied', native.setGroups([0]));
    note('setResGid', native.setResGid(0));
    note('setResUid', native.setResUid(0));
    note('getuid', native.getuid());
    note('setResGid without a mapping', native.setResGid(12_345));
    note('setResUid without a mapping', native.setResUid(12_345));
    note('chroot', native.chroot('/'));
    note('dropCapabilities', native.dropCapabilities());
    note('chroot without capabilities', native.chroot('/'));
    note('setGroups without capabilities', native.setGroups([]));
  },

  'mounts': () => {
    enterNamespaces();
    note('mount private', native.mount('none', '/', '', MS.REC | MS.PRIVATE, ''));
    note('mount', native.mount('none', '/tmp', 'tmpfs', MS.NOSUID | MS.NODEV | MS.NOEXEC, 'size=4096,mode=0500'));
    note('mount of an unknown type', native.mount('none', '/tmp', 'no-such-type', 0, ''));
    note('chdir', native.chdir('/tmp'));
    note('chdir to nothing', native.chdir('/tmp/nothing'));
    note('pivotRoot to nothing', native.pivotRoot('/tmp/nothing', '/tmp'));
    note('pivotRoot', native.pivotRoot('.', '.'));
    note('unmount', native.unmount('.', MNT_DETACH));
    note('unmount of nothing', native.unmount('/nothing', 0));
    note('chroot', native.chroot('/'));
    note('chroot to nothing', native.chroot('/nothing'));
    note('open in the empty root', native.openFile('/etc/passwd', O.RDONLY, 0));
  },

  'limits': () => {
    note('dumpable', native.prctl(PR.GET_DUMPABLE, 0, 0, 0, 0));
    note('prctl', native.prctl(PR.SET_DUMPABLE, 0, 0, 0, 0));
    note('dumpable after', native.prctl(PR.GET_DUMPABLE, 0, 0, 0, 0));
    note('setResourceLimit', native.setResourceLimit(RLIMIT.NOFILE, 64, 64));
    note('setResourceLimit above the limit', native.setResourceLimit(RLIMIT.NOFILE, 65, 64));
    note('dup above the limit', native.dup(1, 100, true));
    note('dup', native.dup(1, 60, false));
    note('closeRange', native.closeRange(50, 63, 0));
    note('after closeRange', native.getFdFlags(60));
  },

  'seccomp': () => {
    native.dropCapabilities();
    note('seccompFilter before no_new_privs', native.seccompFilter(0, denies(SYSTEM_CALLS.kill, ERRNO.EPERM)));
    note('no_new_privs', native.prctl(PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    note('seccompFilter of nothing', native.seccompFilter(0, new Uint8Array(0)));
    note('seccompFilter with a jump out of it', native.seccompFilter(0, instruction(0x15, 0xff, 0)));
    note('kill', native.kill(native.getpid(), 0));
    note('seccompFilter', native.seccompFilter(0, denies(SYSTEM_CALLS.kill, ERRNO.EPERM)));
    note('kill after', native.kill(native.getpid(), 0));
    note('mode', native.prctl(PR.GET_SECCOMP, 0, 0, 0, 0));
  },

  'landlock': () => {
    note('version', Math.min(native.landlockCreateRuleset(new Uint8Array(0), 1), 1));
    const readFile = 1 << 2;
    const attributes = new Uint8Array(8);
    attributes[0] = readFile;
    note('ruleset of unknown rights', Math.min(native.landlockCreateRuleset(new Uint8Array(8).fill(0xff), 0), 0));
    const ruleset = native.landlockCreateRuleset(attributes, 0);
    const beneath = native.openFile('/proc', O.PATH, 0);
    const rule = new Uint8Array(12);
    rule[0] = readFile;
    new DataView(rule.buffer).setInt32(8, beneath, true);
    note('landlockAddRule', native.landlockAddRule(ruleset, 1, rule));
    note('landlockAddRule of an unknown type', native.landlockAddRule(ruleset, 99, rule));
    note('no_new_privs', native.prctl(PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    note('landlockRestrictSelf of nothing', native.landlockRestrictSelf(-1, 0));
    note('landlockRestrictSelf', native.landlockRestrictSelf(ruleset, 0));
    note('open', native.openFile('/etc/passwd', O.RDONLY, 0));
    note('open beneath', Math.min(native.openFile('/proc/version', O.RDONLY, 0), 0));
  },

  'signals': () => {
    note('ignoreSignal', native.ignoreSignal(SIGNAL.SIGUSR2));
    note('kill', native.kill(native.getpid(), SIGNAL.SIGUSR2));
    note('signalIgnored', native.signalIgnored(SIGNAL.SIGUSR2));
    note('signalIgnored of another', native.signalIgnored(SIGNAL.SIGUSR1));
    const signals = new SignalDescriptor(native, ['SIGTERM', 'SIGUSR1', 'SIGUSR2']);
    results['next of none'] = signals.next();
    native.kill(native.getpid(), SIGNAL.SIGUSR2);
    results['next of ignored'] = signals.next();
    native.kill(native.getpid(), SIGNAL.SIGTERM);
    native.kill(native.getpid(), SIGNAL.SIGUSR1);
    note('poll', native.poll(Int32Array.of(signals.fd, POLL.IN), new Int32Array(1), 60_000));
    results.next = [signals.next(), signals.next(), signals.next()].map(String).sort();
    signals.close();
    note('unblockSignals', native.unblockSignals());
    native.ignoreSignal(SIGNAL.SIGTERM);
    note('kill again', native.kill(native.getpid(), SIGNAL.SIGTERM));
    note('defaultSignal', native.defaultSignal(SIGNAL.SIGTERM));
    const [child, status] = [native.fork(), new Int32Array(1)];
    if (child === 0) native.kill(native.getpid(), SIGNAL.SIGTERM);
    native.wait(child, status, 0);
    note('killed by', status[0] as number);
  },

  'fork': () => {
    const status = new Int32Array(1);
    const [parent, pipe] = [native.getpid(), new Int32Array(2)];
    native.pipe(pipe);
    const pid = native.fork();
    if (pid === 0) native.exit(native.getppid() === parent ? 7 : 8);
    note('wait', native.wait(pid, status, 0) - pid);
    note('status', status[0] as number);
    note('wait again', native.wait(pid, status, WNOHANG));
    native.prctl(PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    native.seccompFilter(0, denies(SYSTEM_CALLS.clone, ERRNO.EAGAIN));
    note('fork where it is denied', native.fork());
  },

  /** argv[3] is a FIFO that nobody writes to: put in the place of /etc/hosts, it stops the look-up in its tracks. */
  'look-up': () => {
    const asRoot = process.argv[4] === 'as root';
    if (asRoot) note('unshare', native.unshare(CLONE.NEWNS));
    else enterNamespaces();
    note('mount private', native.mount('none', '/', '', MS.REC | MS.PRIVATE, ''));
    note('mount', native.mount(process.argv[3] ?? '', '/etc/hosts', '', MS.BIND, ''));
    if (!asRoot) {
      const refused = new LookUp(native, 'localhost', '443', 'ipv4', { user: 12_345, filter: EMPTY });
      results['a user that is not mapped'] = JSON.stringify(awaitAnswer(refused));
    }
    const pids: number[] = [];
    const noting: Native = Object.create(native, {
      resolve: {
        value: (...given: Parameters<Native['resolve']>) => {
          const fd = native.resolve(...given);
          pids.push(given[5][0] as number);
          return fd;
        },
      },
    });
    // When nobody else has the other end of this pipe, the child has closed what it inherited, standard input included.
    const ends = new Int32Array(2);
    native.pipe(ends);
    const [from, to] = ends as unknown as [number, number];
    for (const copy of [0, 70]) native.dup(to, copy, false);
    const confinement = lookUpConfinement(native, 'standard', asRoot ? [] : ['credentials']);
    const lookUp = new LookUp(noting, 'localhost', '443', 'ipv4', confinement);
    for (const fd of [to, 0, 70]) native.close(fd);
    const revents = new Int32Array(1);
    native.poll(Int32Array.of(from, POLL.IN), revents, 60_000);
    note('closed', revents[0] as number);
    let status = statusOf(pids[0] as number);
    for (; status.get('Seccomp') === '0'; status = statusOf(pids[0] as number)) pause();
    for (const name of ['Uid', 'Gid', 'Groups', 'CapPrm', 'NoNewPrivs', 'Seccomp', 'SigBlk', 'SigIgn'])
      results[name] = status.get(name) ?? null;
    results['core file'] = /^Max core file size +(\S+) +0 /m.exec(textOf(`/proc/${pids[0]}/limits`))?.[1] ?? null;
    results.answer = String(lookUp.read());
    lookUp.close();
    results.killed = String(!existsSync(`/proc/${pids[0]}`));
    new LookUp(noting, 'localhost', '443', 'ipv4', confinement);
    note('left behind', pids[1] as number);
  },

  /** argv[3] and [4] are a resolv.conf with the server 127.0.0.1, and an nsswitch.conf. */
  'look-up with a name server': async () => {
    const asRoot = process.argv[5] === 'as root';
    if (asRoot) note('unshare', native.unshare(CLONE.NEWNS | CLONE.NEWNET));
    else enterNamespaces();
    note('mount private', native.mount('none', '/', '', MS.REC | MS.PRIVATE, ''));
    note('mount', native.mount(process.argv[3] ?? '', '/etc/resolv.conf', '', MS.BIND, ''));
    note('mount', native.mount(process.argv[4] ?? '', '/etc/nsswitch.conf', '', MS.BIND, ''));
    loopbackUp();
    const server = createSocket('udp4').on('message', (query, { port }) =>
      server.send(answerTo(query), port, '127.0.0.1'),
    );
    await new Promise<void>((bound) => server.bind(53, '127.0.0.1', bound));
    const confinement = lookUpConfinement(native, 'standard', asRoot ? [] : ['credentials']);
    for (const family of ['ipv4', 'ipv6'] as const) {
      const lookUp = new LookUp(native, 'name.test', '443', family, confinement);
      let answer = lookUp.read();
      for (; answer === null; answer = lookUp.read()) await new Promise((turn) => setTimeout(turn, 5));
      lookUp.close();
      results[family] = answer.ok ? answer.addresses.map(formatAddress) : answer.why;
    }
  },

  'look-up without SIGCHLD': () => {
    native.ignoreSignal(SIGNAL.SIGCHLD);
    const noting: Native = Object.create(native, {
      wait: {
        value: (pid: number, status: Int32Array, flags: number) => {
          const reaped = native.wait(pid, status, flags);
          note('wait', reaped === pid ? 0 : reaped);
          return reaped;
        },
      },
    });
    const lookUp = new LookUp(noting, '192.0.2.1', '443', 'ipv4', { user: null, filter: EMPTY });
    note('poll', native.poll(Int32Array.of(lookUp.fd, POLL.IN), new Int32Array(1), 60_000));
    lookUp.close();
  },

  'execute': () => {
    native.dup(1, 50, true);
    native.dup(1, 51, false);
    native.ignoreSignal(SIGNAL.SIGUSR1);
    const script = 'echo "$0 $1 $A"; ls /proc/self/fd | tr "\\n" " "; exit 3';
    native.execute('/bin/sh', ['name of its own', '-c', script, 'zero', 'é'], ['A=b c', 'PATH=/usr/bin:/bin']);
  },

  'restart': () => {
    ensureSingleThreaded(native);
    const { TLSIFY_RESTARTED, NODE_OPTIONS, LD_AUDIT, KEPT, BUN_JSC_useJIT } = process.env;
    results.environment = [TLSIFY_RESTARTED, NODE_OPTIONS, LD_AUDIT, KEPT, BUN_JSC_useJIT].map(String);
    results.arguments = process.argv.slice(2);
    results.threads = readdirSync('/proc/self/task').length;
  },
};

/** The numbers differ between architectures; fork(3) is clone(2). */
const SYSTEM_CALLS = process.arch === 'arm64' ? { clone: 220, kill: 129 } : { clone: 56, kill: 62 };

/** A seccomp program (struct sock_filter) that answers one system call with an error. */
function denies(call: number, errno: number): Uint8Array {
  return Uint8Array.from([
    ...instruction(0x20, 0, 0), // load the number of the system call
    ...instruction(0x15, 0x0100, call), // if it is another, skip the next
    ...instruction(0x06, 0, 0x00050000 | errno), // SECCOMP_RET_ERRNO
    ...instruction(0x06, 0, 0x7fff0000), // SECCOMP_RET_ALLOW
  ]);
}

const step = STEPS[process.argv[2] ?? ''];
if (step === undefined) throw new Error(`no step ${process.argv[2]}`);
await step();
const line = new TextEncoder().encode(JSON.stringify(results));
native.write(1, line, 0, line.length);
native.exit(0);
