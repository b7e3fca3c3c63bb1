import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Native } from '../../src/os/native.ts';
import { type Attacker, loopback, text, unixAddress } from './attacker.ts';

/** What there is to reach for a process of the same user, made before anything is confined, and the same for all attempts. */
export interface Scene {
  readonly uid: number;
  /** A directory of the same user, with a file in it that holds {@link SECRET}. */
  readonly directory: string;
  readonly file: string;
  /** Inherited: on the file, read and write, and on the directory. Not close-on-exec. */
  readonly fileDescriptor: number;
  readonly directoryDescriptor: number;
  /** Listening sockets. */
  readonly tcpPort: number;
  readonly pathSocket: Uint8Array;
  readonly abstractSocket: Uint8Array;
  /** A process of the same user, which waits, has the same memory at the same addresses, and the secret in it. */
  readonly sibling: number;
  readonly secret: Uint8Array;
  /** System V objects of the same user. */
  readonly sharedMemory: number;
  readonly messageQueue: number;
  readonly semaphores: number;
  /** A terminal: the end that a shell would have. */
  readonly terminal: number;
}

export const SECRET = 'the secret of another process';

const O_RDWR = 2;
const O_NOCTTY = 0o400;
const TIOCSPTLCK = 0x40045431;
const TIOCGPTN = 0x80045430;

export function setScene(attacker: Attacker, native: Native): Scene {
  const directory = mkdtempSync(join(tmpdir(), 'tlsify-probe-'));
  const file = join(directory, 'secret');
  writeFileSync(file, SECRET, { mode: 0o600 });
  const secret = new Uint8Array(64);
  new TextEncoder().encodeInto(SECRET, secret);
  const pathSocket = unixAddress(join(directory, 'socket'));
  const abstractSocket = unixAddress(`\0tlsify-probe-${native.getpid()}`);
  const tcp = listen(attacker, 2, loopback(0));
  listen(attacker, 1, pathSocket);
  listen(attacker, 1, abstractSocket);
  const name = new Uint8Array(128);
  native.socketName(tcp, name);
  const scene = {
    uid: native.getuid(),
    directory,
    file,
    fileDescriptor: attacker.open(file, O_RDWR),
    directoryDescriptor: attacker.open(directory, 0),
    tcpPort: ((name[2] as number) << 8) | (name[3] as number),
    pathSocket,
    abstractSocket,
    secret,
    sharedMemory: attacker.must('shmget', 0, 4096, 0o700),
    messageQueue: attacker.must('msgget', 0, 0o600),
    semaphores: attacker.must('semget', 0, 1, 0o600),
    terminal: openTerminal(attacker),
  };
  attacker.code.address(secret); // the first look from native code moves small arrays out of the collector's memory
  return { ...scene, sibling: startSibling(native) };
}

/** Removes what would outlive the processes. */
export function strikeScene(attacker: Attacker, native: Native, scene: Scene): void {
  native.kill(scene.sibling, 9);
  native.wait(scene.sibling, new Int32Array(1), 0);
  const IPC_RMID = 0;
  attacker.sys('shmctl', scene.sharedMemory, IPC_RMID, null);
  attacker.sys('msgctl', scene.messageQueue, IPC_RMID, null);
  attacker.sys('semctl', scene.semaphores, 0, IPC_RMID, null);
  rmSync(scene.directory, { recursive: true });
}

function listen(attacker: Attacker, family: number, address: Uint8Array): number {
  const socket = attacker.must('socket', family, 1, 0);
  attacker.must('bind', socket, address, address.length);
  attacker.must('listen', socket, 128);
  return socket;
}

function openTerminal(attacker: Attacker): number {
  const controller = attacker.open('/dev/ptmx', O_RDWR | O_NOCTTY);
  const number = new Int32Array(1);
  attacker.must('ioctl', controller, TIOCSPTLCK, new Int32Array(1));
  attacker.must('ioctl', controller, TIOCGPTN, number);
  return attacker.must('openat', -100, text(`/dev/pts/${number[0]}`), O_RDWR | O_NOCTTY, 0);
}

function startSibling(native: Native): number {
  const pid = native.fork();
  if (pid !== 0) return pid;
  for (;;) native.poll(new Int32Array(0), new Int32Array(0), -1);
}
