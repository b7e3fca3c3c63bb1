import type { Bytes } from '../../core/bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import { ERRNO, errnoName, POLL } from '../../os/constants.ts';
import type { Native } from '../../os/native.ts';
import type { Poller, Watch } from '../../os/poller.ts';
import { BadMessage } from '../wire/bad-message.ts';
import type { HolderClient } from './client.ts';

/** Where the messages of a client come from, and who hears what becomes of it. */
export interface ChannelOptions {
  readonly native: Pick<Native, 'receive' | 'send' | 'close'>;
  readonly poller: Poller;
  /** A Unix socket of type SOCK_SEQPACKET, which the channel closes. */
  readonly fd: number;
  readonly client: HolderClient;
  /** Once, when it has ended: null if the client went, else what it did, without a secret. */
  readonly onEnd: (why: string | null) => void;
}

/**
 * The socket of one client. While a reply is not taken nothing more is read: a client that asks and does not listen fills its own socket,
 * and nothing here but what devices answer late, which is bounded too.
 */
export class ClientChannel {
  readonly #options: ChannelOptions;
  readonly #watch: Watch;
  readonly #replies: Bytes[] = [];
  #ended = false;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#watch = options.poller.watch(options.fd, () => this.#turn());
    this.#watch.interest = POLL.IN;
  }

  #turn(): void {
    this.#flush();
    for (let count = 0; count < MESSAGES_A_TURN && !this.#ended && this.#replies.length === 0; count++)
      if (!this.#receive()) return;
  }

  /** @returns whether there may be more. */
  #receive(): boolean {
    const { native, fd } = this.#options;
    const length = native.receive(fd, BUFFER, 0, BUFFER.length);
    if (length === -ERRNO.EAGAIN || length === -ERRNO.EINTR) return false;
    if (length === 0 || length === -ERRNO.ECONNRESET) this.#end(null);
    else if (length < 0) this.#end(errnoName(length));
    else this.#answer(taken(length));
    return !this.#ended;
  }

  #answer(message: Bytes): void {
    const { client, poller } = this.#options;
    try {
      const reply = client.answer(message, poller.nowMs);
      if (reply instanceof Promise)
        reply.then(
          (late) => this.#reply(late),
          (error) => this.#surprised(error),
        );
      else this.#reply(reply);
    } catch (error) {
      this.#surprised(error);
    }
    message.fill(0);
  }

  /** What is not its mistake is ours: it ends this client all the same, and no other. */
  #surprised(error: unknown): void {
    this.#end(error instanceof BadMessage ? error.message : `${error instanceof Error ? error.name : 'error'} of ours`);
  }

  #reply(reply: Bytes): void {
    if (this.#ended) return;
    this.#replies.push(reply);
    this.#flush();
  }

  #flush(): void {
    const { native, fd } = this.#options;
    for (let reply = this.#replies[0]; reply !== undefined && !this.#ended; reply = this.#replies[0]) {
      const result = native.send(fd, reply, 0, reply.length);
      if (result === -ERRNO.EAGAIN || result === -ERRNO.EINTR) break;
      reply.fill(0);
      this.#replies.shift();
      if (result < 0) this.#end(result === -ERRNO.EPIPE || result === -ERRNO.ECONNRESET ? null : errnoName(result));
    }
    if (!this.#ended) this.#watch.interest = this.#replies.length > 0 ? POLL.OUT : POLL.IN;
  }

  #end(why: string | null): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const reply of this.#replies.splice(0)) reply.fill(0);
    this.#watch.end();
    this.#options.native.close(this.#options.fd);
    this.#options.onEnd(why);
  }
}

/** So that one client does not keep the others waiting. */
const MESSAGES_A_TURN = 8;

/** One more than a message may have: what is longer is cut to that, and is no message. All channels share it, and none leaves anything in it. */
const BUFFER = new Uint8Array(LIMITS.keyMessageBytes + 1);

function taken(length: number): Bytes {
  const message = BUFFER.slice(0, length);
  BUFFER.fill(0, 0, length);
  return message;
}
