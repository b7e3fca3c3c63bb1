import type { Bytes } from '../../core/bytes.ts';
import { TlsError, type Why } from '../../core/failures.ts';
import { LIMITS } from '../../core/limits.ts';
import type { KeyHolder } from '../../engine/answer.ts';
import type { Answer } from '../../engine/connection.ts';
import { type CredentialOption, chooseCredential, type UnknownName } from '../../engine/credentials.ts';
import { ERRNO, errnoName, POLL } from '../../os/constants.ts';
import type { Native } from '../../os/native.ts';
import type { Poller, Timer, Watch } from '../../os/poller.ts';
import { BadMessage } from '../wire/bad-message.ts';
import { decodeReply, type Reply } from '../wire/replies.ts';
import { encodeRequest, type Request } from '../wire/requests.ts';

/** How a session process reaches the holder of its keys, and which certificates it has. */
export interface KeyChannelOptions {
  readonly native: Pick<Native, 'receive' | 'send'>;
  readonly poller: Poller;
  /** A Unix socket of type SOCK_SEQPACKET; who made it closes it. */
  readonly fd: number;
  /** How long an answer may take: then it is `key-holder-timed-out`. */
  readonly timeoutMs: number;
  readonly credentials: readonly CredentialOption[];
  readonly unknownName: UnknownName;
}

/** The questions of all connections of a process. The poller must turn for answers to come. */
export class KeyChannel {
  readonly #options: KeyChannelOptions;
  readonly #watch: Watch;
  readonly #timer: Timer;
  /** In the order in which they were asked, which is that of their deadlines. */
  readonly #questions = new Map<number, Question>();
  readonly #unsent: { readonly number: number; readonly message: Bytes }[] = [];
  #lastNumber = 0;
  #lastHandshake = 0;
  #failure: TlsError | undefined;

  constructor(options: KeyChannelOptions) {
    this.#options = options;
    this.#watch = options.poller.watch(options.fd, () => this.#turn());
    this.#watch.interest = POLL.IN;
    this.#timer = options.poller.timer(() => this.#expire());
  }

  /** For one connection: it signs once. */
  keysOfConnection(): KeyHolder {
    const { credentials, unknownName } = this.#options;
    let hasSigned = false;
    return {
      choose: (question) => chooseCredential(credentials, question, unknownName),
      sign: ({ key, scheme, content }) => {
        if (hasSigned) return refused(new TlsError('internal-error', 'a second signature in one handshake'));
        hasSigned = true;
        this.#lastHandshake += 1;
        return this.#ask({ request: 'sign', number: 0, handshake: this.#lastHandshake, key, scheme, content });
      },
      sealTicket: ({ purpose, plaintext }) => this.#ask({ request: 'seal-ticket', number: 0, purpose, plaintext }),
      openTicket: ({ purpose, ticket }) => this.#ask({ request: 'open-ticket', number: 0, purpose, ticket }),
      openEch: ({ key, aead, encapsulated, sequence, associatedData, payload }) =>
        this.#ask({ request: 'open-ech', number: 0, key, aead, encapsulated, sequence, associatedData, payload }),
    };
  }

  /** Whatever is under way fails, and nothing more can be asked. The descriptor stays open. */
  end(): void {
    this.#fail('key-holder-gone', 'the channel was given up');
  }

  #ask(asked: Request): Answer | Promise<Answer> {
    if (this.#failure !== undefined) return refused(this.#failure);
    if (this.#questions.size >= LIMITS.keyRequestsPending)
      return refused(new TlsError('key-holder-refused', `${this.#questions.size} questions are without an answer`));
    const number = this.#nextNumber();
    let message: Bytes;
    try {
      message = encodeRequest({ ...asked, number });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return refused(new TlsError('key-holder-refused', error.message));
    }
    return new Promise((resolve) => {
      const deadlineMs = this.#options.poller.nowMs + this.#options.timeoutMs;
      this.#questions.set(number, { expects: REPLY_TO[asked.request], deadlineMs, resolve });
      this.#setTimer();
      this.#unsent.push({ number, message });
      this.#flush();
    });
  }

  #nextNumber(): number {
    do this.#lastNumber = (this.#lastNumber + 1) >>> 0;
    while (this.#questions.has(this.#lastNumber));
    return this.#lastNumber;
  }

  #turn(): void {
    this.#flush();
    while (this.#failure === undefined) {
      const { native, fd } = this.#options;
      const length = native.receive(fd, BUFFER, 0, BUFFER.length);
      if (length === -ERRNO.EAGAIN || length === -ERRNO.EINTR) return;
      if (length <= 0) this.#fail('key-holder-gone', length === 0 ? 'it ended' : errnoName(length));
      else this.#hear(taken(length));
    }
  }

  #hear(message: Bytes): void {
    try {
      const reply = decodeReply(message);
      const question = this.#questions.get(reply.number);
      if (question === undefined || (reply.reply !== question.expects && reply.reply !== 'refused'))
        throw new BadMessage('an answer to what nobody asked');
      this.#questions.delete(reply.number);
      this.#setTimer();
      question.resolve(answerOf(reply));
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      this.#fail('key-holder-misbehaved', error.message);
    }
    message.fill(0);
  }

  #flush(): void {
    const { native, fd } = this.#options;
    for (let first = this.#unsent[0]; first !== undefined && this.#failure === undefined; first = this.#unsent[0]) {
      const { number, message } = first;
      const result = native.send(fd, message, 0, message.length);
      if (result === -ERRNO.EAGAIN || result === -ERRNO.EINTR) break;
      this.#unsent.shift();
      message.fill(0);
      if (result === -ERRNO.EMSGSIZE) this.#refuse(number);
      else if (result < 0) this.#fail('key-holder-gone', errnoName(result));
    }
    if (this.#failure === undefined) this.#watch.interest = this.#unsent.length > 0 ? POLL.IN | POLL.OUT : POLL.IN;
  }

  /** The socket takes no message of that size. */
  #refuse(number: number): void {
    this.#questions.get(number)?.resolve(refused(new TlsError('key-holder-refused', errnoName(-ERRNO.EMSGSIZE))));
    this.#questions.delete(number);
    this.#setTimer();
  }

  /** A question whose time is up keeps its place, as its answer may still come. */
  #expire(): void {
    const { poller, timeoutMs } = this.#options;
    for (const [number, question] of this.#questions) {
      if (question.deadlineMs > poller.nowMs) break;
      if (question.deadlineMs === EXPIRED) continue;
      question.resolve(refused(new TlsError('key-holder-timed-out', `no answer within ${timeoutMs} ms`)));
      this.#questions.set(number, { expects: question.expects, deadlineMs: EXPIRED, resolve: wipe });
    }
    this.#setTimer();
  }

  #setTimer(): void {
    const first = [...this.#questions.values()].find(({ deadlineMs }) => deadlineMs !== EXPIRED);
    if (first === undefined) this.#timer.stop();
    else this.#timer.setAt(first.deadlineMs);
  }

  #fail(why: Why, detail: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = new TlsError(why, detail);
    this.#watch.end();
    this.#timer.stop();
    for (const { message } of this.#unsent.splice(0)) message.fill(0);
    for (const { resolve } of this.#questions.values()) resolve(refused(this.#failure));
    this.#questions.clear();
  }
}

interface Question {
  readonly expects: Reply['reply'];
  readonly deadlineMs: number;
  readonly resolve: (answer: Answer) => void;
}

const EXPIRED = Number.NEGATIVE_INFINITY;

const REPLY_TO = {
  'sign': 'signed',
  'seal-ticket': 'sealed',
  'open-ticket': 'opened',
  'open-ech': 'ech-opened',
} as const satisfies Record<Request['request'], Reply['reply']>;

/** In memory of its own: the message is overwritten. */
function answerOf(reply: Reply): Answer {
  switch (reply.reply) {
    case 'signed':
      return { answer: 'signed', signature: reply.signature.slice() };
    case 'sealed':
      return { answer: 'ticket-sealed', ticket: reply.ticket.slice() };
    case 'opened':
      return { answer: 'ticket-opened', plaintext: reply.plaintext?.slice() ?? null };
    case 'ech-opened':
      return { answer: 'ech-opened', encodedInner: reply.encodedInner?.slice() ?? null };
    case 'refused':
      return refused(new TlsError('key-holder-refused', reply.why));
  }
}

/** Nobody waits for it any more. */
function wipe(answer: Answer): void {
  if (answer.answer === 'ticket-opened') answer.plaintext?.fill(0);
}

function refused({ failure }: TlsError): Answer {
  return { answer: 'refused', failure };
}

/** One more than a message may have: what is longer is cut to that, and is no message. */
const BUFFER = new Uint8Array(LIMITS.keyMessageBytes + 1);

function taken(length: number): Bytes {
  const message = BUFFER.slice(0, length);
  BUFFER.fill(0, 0, length);
  return message;
}
