import type { Bytes } from '../core/bytes.ts';
import { ERRNO, POLL, S, SHUT } from './constants.ts';
import { check } from './errors.ts';
import type { Native } from './native.ts';

/**
 * A byte stream on a descriptor that others may share: it is read and written without waiting, and its flags are never
 * changed, because O_NONBLOCK belongs to the open file and would reach the other holders (a shell's terminal).
 *
 * - socket: recv and send with MSG_DONTWAIT;
 * - pipe, device: preadv2 and pwritev2 with RWF_NOWAIT (pipes: Linux 6.5). Where the kernel does not have it: poll with no
 *   timeout, then a plain call; a write is at most 4096 bytes, which a pipe that polls writable has room for (PIPE_BUF), or 256,
 *   where a terminal says that it is writable. Such a call can wait only when another holder takes the data or the room in
 *   between, or for a stopped terminal.
 * - regular file: plain calls, which wait for nothing but the disk. (RWF_NOWAIT would say EAGAIN for what is not in memory, and
 *   poll would say ready.)
 */
export class StreamDescriptor {
  readonly fd: number;
  readonly kind: DescriptorKind;
  readonly #native: Native;
  #noWait: boolean;

  /** @throws SystemError for a descriptor that is not open; RangeError for a directory and the like. */
  constructor(native: Native, fd: number) {
    this.#native = native;
    this.fd = fd;
    this.kind = kindOf(check('fileType', native.fileType(fd)));
    this.#noWait = this.kind === 'pipe' || this.kind === 'device';
  }

  /** @returns bytes read, 0 at the end, or `-errno`: -EAGAIN when there is nothing yet. */
  read(buffer: Bytes, offset: number, length: number): number {
    if (this.kind === 'socket') return this.#native.receive(this.fd, buffer, offset, length);
    if (this.#noWait) {
      const result = this.#native.readNoWait(this.fd, buffer, offset, length);
      if (result !== -ERRNO.EOPNOTSUPP) return result;
      this.#noWait = false;
    }
    if (this.kind !== 'file' && !this.#isReady(POLL.IN)) return -ERRNO.EAGAIN;
    return this.#native.read(this.fd, buffer, offset, length);
  }

  /** @returns bytes written, which may be fewer, or `-errno`: -EAGAIN when there is no room now, -EPIPE when nobody reads any more. */
  write(buffer: Bytes, offset: number, length: number): number {
    if (this.kind === 'socket') return this.#native.send(this.fd, buffer, offset, length);
    if (this.#noWait) {
      const result = this.#native.writeNoWait(this.fd, buffer, offset, length);
      if (result !== -ERRNO.EOPNOTSUPP) return result;
      this.#noWait = false;
    }
    if (this.kind === 'file') return this.#native.write(this.fd, buffer, offset, length);
    if (!this.#isReady(POLL.OUT)) return -ERRNO.EAGAIN;
    const most = this.kind === 'pipe' ? PIPE_BUF : TERMINAL_WRITE;
    return this.#native.write(this.fd, buffer, offset, Math.min(length, most));
  }

  /**
   * Writes several buffers in one call where the kind of file has such a call, else of the first one.
   * @param skipBytes where in the first buffer to begin. @returns as {@link write}.
   */
  writeVector(buffers: readonly Bytes[], skipBytes: number): number {
    if (this.kind === 'socket') return this.#native.sendVector(this.fd, buffers, skipBytes);
    if (this.kind === 'file') return this.#native.writev(this.fd, buffers, skipBytes);
    const [first] = buffers;
    return first === undefined ? 0 : this.write(first, skipBytes, first.length - skipBytes);
  }

  /**
   * Ends the direction that is written. A socket that is `alsoRead`, through this descriptor or another, is shut down: closing
   * one descriptor would say nothing. Anything else is closed, and stays open to whoever else holds it.
   */
  endWriting(alsoRead: boolean): number {
    if (!alsoRead) return this.#native.close(this.fd);
    return this.kind === 'socket' ? this.#native.shutdown(this.fd, SHUT.WR) : 0;
  }

  /** True also for an error or a hang-up: the call that follows reports it without waiting. */
  #isReady(events: number): boolean {
    QUESTION[0] = this.fd;
    QUESTION[1] = events;
    return this.#native.poll(QUESTION, REPLY, 0) > 0;
  }
}

/** Which of the ways that {@link StreamDescriptor} describes is taken. */
export type DescriptorKind = 'socket' | 'pipe' | 'device' | 'file';

/** pipe(7), POSIX: a pipe that polls writable takes this many bytes at once. */
const PIPE_BUF = 4096;
/** Linux's WAKEUP_CHARS: a terminal polls writable when fewer than this many characters wait to go out. */
const TERMINAL_WRITE = 256;

const QUESTION = new Int32Array(2);
const REPLY = new Int32Array(1);

function kindOf(fileType: number): DescriptorKind {
  if (fileType === S.IFSOCK) return 'socket';
  if (fileType === S.IFIFO) return 'pipe';
  if (fileType === S.IFCHR) return 'device';
  if (fileType === S.IFREG) return 'file';
  throw new RangeError('not a stream: a directory or a block device');
}
