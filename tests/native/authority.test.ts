// Needs user namespaces (sysctl kernel.unprivileged_userns_clone and friends), seccomp and Landlock in the kernel.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { POLL } from '../../src/os/constants.ts';
import { RUNTIME_SETTINGS } from '../../src/os/runtime.ts';

const STEPS = join(import.meta.dirname, 'steps.ts');
const ENVIRONMENT = { PATH: process.env.PATH };

function start(args: readonly string[], environment: Record<string, string | undefined>) {
  return spawnSync(process.execPath, ['--no-env-file', STEPS, ...args], { env: environment, encoding: 'utf8' });
}

function run(...args: readonly string[]): Record<string, unknown> {
  const { status, stdout, stderr } = start(args, { ...ENVIRONMENT, ...RUNTIME_SETTINGS });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

const isRoot = process.getuid?.() === 0;

test('credentials and capabilities are given up', () => {
  assert.deepEqual(run('credentials'), {
    'setGroups': isRoot ? 0 : 'EPERM',
    'unshare': 0,
    'unshare with a flag that is none': 'EINVAL',
    'setGroups where denied': 'EPERM',
    'setResGid': 0,
    'setResUid': 0,
    'getuid': 0,
    'setResGid without a mapping': 'EINVAL',
    'setResUid without a mapping': 'EINVAL',
    'chroot': 0,
    'dropCapabilities': 0,
    'chroot without capabilities': 'EPERM',
    'setGroups without capabilities': 'EPERM',
  });
});

test('the file system is taken away', () => {
  assert.deepEqual(run('mounts'), {
    'unshare': 0,
    'mount private': 0,
    'mount': 0,
    'mount of an unknown type': 'ENODEV',
    'chdir': 0,
    'chdir to nothing': 'ENOENT',
    'pivotRoot to nothing': 'ENOENT',
    'pivotRoot': 0,
    'unmount': 0,
    'unmount of nothing': 'ENOENT',
    'chroot': 0,
    'chroot to nothing': 'ENOENT',
    'open in the empty root': 'ENOENT',
  });
});

test('limits and attributes of the process', () => {
  assert.deepEqual(run('limits'), {
    'dumpable': 1,
    'prctl': 0,
    'dumpable after': 0,
    'setResourceLimit': 0,
    'setResourceLimit above the limit': 'EINVAL',
    'dup above the limit': 'EBADF',
    'dup': 60,
    'closeRange': 0,
    'after closeRange': 'EBADF',
  });
});

test('a filter of system calls', () => {
  assert.deepEqual(run('seccomp'), {
    'seccompFilter before no_new_privs': 'EACCES',
    'no_new_privs': 0,
    'seccompFilter of nothing': 'EINVAL',
    'seccompFilter with a jump out of it': 'EINVAL',
    'kill': 0,
    'seccompFilter': 0,
    'kill after': 'EPERM',
    'mode': 2,
  });
});

test('Landlock', () => {
  assert.deepEqual(run('landlock'), {
    'version': 1,
    'ruleset of unknown rights': 'EINVAL',
    'landlockAddRule': 0,
    'landlockAddRule of an unknown type': 'EINVAL',
    'landlockRestrictSelf of nothing': 'EBADF',
    'no_new_privs': 0,
    'landlockRestrictSelf': 0,
    'open': 'EACCES',
    'open beneath': 0,
  });
});

test('signals are read, ignored, and default again', () => {
  assert.deepEqual(run('signals'), {
    'ignoreSignal': 0,
    'kill': 0,
    'signalIgnored': 1,
    'signalIgnored of another': 0,
    'next of none': null,
    'next of ignored': null,
    'poll': 1,
    'next': ['SIGTERM', 'SIGUSR1', 'null'],
    'unblockSignals': 0,
    'kill again': 0,
    'defaultSignal': 0,
    'killed by': 15,
  });
});

test('a process of one thread forks, and waits for its child', () => {
  assert.deepEqual(run('fork'), {
    'wait': 0,
    'status': 7 << 8,
    'wait again': 'ECHILD',
    'fork where it is denied': 'EAGAIN',
  });
});

/** As whoever runs the tests, by a user namespace; and if that is root, as root, who becomes nobody. */
const USERS = isRoot ? ['as a user', 'as root'] : ['as a user'];

for (const user of USERS)
  test(`a look-up has nothing but its answer and few rights, and ends with whoever asked (${user})`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tlsify-look-up-'));
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', ['-m', '644', fifo]);
    const { 'left behind': pid, Uid, Gid, Groups, CapPrm, ...results } = run('look-up', fifo, user);
    assert.deepEqual(results, {
      'unshare': 0,
      'mount private': 0,
      'mount': 0,
      ...(user === 'as root' ? {} : { 'a user that is not mapped': '{"ok":false,"why":"user-refused"}' }),
      'closed': POLL.HUP,
      'NoNewPrivs': '1',
      'Seccomp': '2',
      'SigBlk': '0000000000000000',
      'SigIgn': '0000000000000000',
      'core file': '0',
      'answer': 'null',
      'killed': 'true',
    });
    if (user === 'as root')
      assert.deepEqual([Uid, Gid, Groups, CapPrm], [same(65_534), same(65_534), '', '0000000000000000']);
    const state = () => (existsSync(`/proc/${pid}`) ? readFileSync(`/proc/${pid}/status`, 'utf8') : 'State: Z');
    while (!/^State:\s+Z/m.test(state())) await new Promise((resolve) => setTimeout(resolve, 5));
    rmSync(folder, { recursive: true });
  });

for (const user of USERS)
  test(`a look-up finds what a name server says, confined (${user})`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'tlsify-look-up-'));
    const [servers, sources] = [join(folder, 'resolv.conf'), join(folder, 'nsswitch.conf')];
    writeFileSync(servers, 'nameserver 127.0.0.1\n');
    writeFileSync(sources, 'hosts: files dns\n');
    const { ipv4, ipv6 } = run('look-up with a name server', servers, sources, user);
    assert.deepEqual([ipv4, ipv6], [['192.0.2.53:443'], 'not-found']);
    rmSync(folder, { recursive: true });
  });

/** As /proc/PID/status has the real, effective, saved and file system's id. */
function same(id: number): string {
  return new Array(4).fill(id).join('\t');
}

test('a look-up can be waited for, also by a process that was started with SIGCHLD ignored', () => {
  assert.deepEqual(run('look-up without SIGCHLD'), { poll: 1, wait: 0 });
});

test('another program takes the place of this one, with the arguments, environment and descriptors that it is given', () => {
  const { status, stdout } = start(['execute'], { ...ENVIRONMENT, ...RUNTIME_SETTINGS });
  assert.equal(status, 3);
  const [words, descriptors] = stdout.split('\n');
  assert.equal(words, 'zero é b c');
  assert.match(`${descriptors}`, /\b51\b/);
  assert.doesNotMatch(`${descriptors}`, /\b50\b/);
});

test('a process that was started without the settings of the runtime starts itself again, once', () => {
  const hostile = { NODE_OPTIONS: '--no-warnings', LD_AUDIT: '/proc/nonexistent', KEPT: 'a=b', TLSIFY_X: '1' };
  const { status, stdout, stderr } = start(['restart', 'b c', ''], { ...ENVIRONMENT, ...hostile });
  assert.equal(status, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), {
    environment: ['undefined', 'undefined', 'undefined', 'a=b', '0'],
    arguments: ['restart', 'b c', ''],
    threads: 1,
  });
  const again = start(['restart'], { ...ENVIRONMENT, TLSIFY_RESTARTED: '1' });
  assert.notEqual(again.status, 0);
  assert.match(again.stderr, /do not survive a restart/);
});
