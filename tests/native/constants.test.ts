// src/os/constants.ts against the headers of this machine's architecture. Needs the Debian packages gcc and libc6-dev.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as constants from '../../src/os/constants.ts';

const HEADERS = `errno fcntl poll sched signal net/if netinet/in netinet/tcp sys/epoll sys/mount sys/prctl sys/resource
  sys/socket sys/stat sys/types sys/un sys/wait linux/landlock`.split(/\s+/);

/** Each table, and what its names begin with in C. */
const TABLES: readonly [Readonly<Record<string, number>>, string][] = [
  [constants.AF, 'AF_'],
  [constants.SOCK, 'SOCK_'],
  [constants.IPPROTO, 'IPPROTO_'],
  [constants.SO, 'SO_'],
  [constants.TCP, 'TCP_'],
  [constants.SHUT, 'SHUT_'],
  [constants.POLL, 'POLL'],
  [constants.EPOLL, 'EPOLL'],
  [constants.EPOLL_CTL, 'EPOLL_CTL_'],
  [constants.O, 'O_'],
  [constants.S, 'S_'],
  [constants.SIGNAL, ''],
  [constants.RLIMIT, 'RLIMIT_'],
  [constants.PR, 'PR_'],
  [constants.CLONE, 'CLONE_'],
  [constants.MS, 'MS_'],
  [constants.ERRNO, ''],
];
const { SOL_SOCKET, IPV6_V6ONLY, FD_CLOEXEC, WNOHANG, MNT_DETACH, RLIM_INFINITY } = constants;
const SINGLE = { SOL_SOCKET, IPV6_V6ONLY, FD_CLOEXEC, WNOHANG, MNT_DETACH };

/** Macros that the oldest supported headers (Debian 12, Linux 6.1) do not have yet. */
const NEWER = ['PR_SET_MDWE'];

test('the numbers are those of the C headers', () => {
  const wanted = new Map<string, number>(Object.entries(SINGLE));
  for (const [table, prefix] of TABLES)
    for (const [name, value] of Object.entries(table)) wanted.set(`${prefix}${name}`, value);
  assert.ok(wanted.size > 150);
  wanted.set('(long long)RLIM_INFINITY', RLIM_INFINITY);

  const folder = mkdtempSync(join(tmpdir(), 'tlsify-constants-'));
  const source = join(folder, 'print.c');
  const includes = ['stdio', ...HEADERS].map((header) => `#include <${header}.h>`);
  const newer = NEWER.map((name) => `#ifndef ${name}\n#define ${name} ${wanted.get(name)}\n#endif`);
  const prints = [...wanted.keys()].map((name) => `printf("%lld\\n", (long long)${name});`);
  writeFileSync(
    source,
    ['#define _GNU_SOURCE', ...includes, ...newer, 'int main(void) {', ...prints, '}', ''].join('\n'),
  );
  execFileSync('cc', ['-o', join(folder, 'print'), source]);
  const found = execFileSync(join(folder, 'print'), { encoding: 'utf8' }).trim().split('\n').map(Number);
  rmSync(folder, { recursive: true });

  const printed = Object.fromEntries([...wanted.keys()].map((name, index) => [name, found[index]]));
  assert.deepEqual(printed, Object.fromEntries(wanted));
});
