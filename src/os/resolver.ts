import type { Bytes } from '../core/bytes.ts';
import { ByteReader } from '../core/reader.ts';
import { decodeAddress, type SocketAddress } from './addresses.ts';
import { AF, ERRNO, SIGNAL } from './constants.ts';
import { check } from './errors.ts';
import type { Native } from './native.ts';

/** What is taken from the process of a look-up before it asks anybody. Core files and being traced always are. */
export interface LookUpConfinement {
  /** Who it becomes, as user and as only group; null stays who it is. */
  readonly user: number | null;
  /** Its system calls, as an array of struct sock_filter; empty for all. */
  readonly filter: Bytes;
}

/** One look-up asks for one of them. */
export type AddressFamily = 'ipv4' | 'ipv6';

/** Addresses in the order of getaddrinfo (RFC 6724), at least one, at most 64. */
export type LookUpResult =
  | { readonly ok: true; readonly addresses: readonly SocketAddress[] }
  | { readonly ok: false; readonly why: LookUpFailure };

/** Why there is no address. */
export type LookUpFailure =
  | 'not-found' // no such name, or it has no address of this family
  | 'try-again' // no name server answered
  | 'unknown-service' // the port is a name that /etc/services does not have
  | 'failed' // the name servers refuse, or the system cannot ask
  | 'cannot-begin' // there is no process or descriptor to be had
  | 'user-refused' // the child cannot become the user of its confinement,
  | 'filter-refused' // or put its filter in force
  | 'bad-answer'; // the child died, or what it wrote is not an answer

/**
 * One getaddrinfo for one family, in a process of its own that parses what the name servers say. When poll finds {@link fd}
 * readable, {@link read} has the result. `close` at the end, or before it: that kills the child.
 */
export class LookUp {
  readonly fd: number;
  readonly family: AddressFamily;
  readonly #native: Native;
  readonly #pid: number;
  readonly #port: number | null;
  #open = true;

  /**
   * @param host a name; an IP literal works too. @param service a port number or the name of a service
   * @throws SystemError when there is no process or pipe to be had; RangeError for a port above 65535
   */
  constructor(native: Native, host: string, service: string, family: AddressFamily, confinement: LookUpConfinement) {
    const pid = new Int32Array(1);
    this.#native = native;
    this.family = family;
    this.#port = /^\d+$/.test(service) ? Number(service) : null;
    if (this.#port !== null && this.#port > 0xffff) throw new RangeError(`not a port: ${service}`);
    // Inherited so, it would let the kernel reap the child, and its pid be another's by the time that close() kills.
    if (native.signalIgnored(SIGNAL.SIGCHLD) === 1) check('sigaction', native.defaultSignal(SIGNAL.SIGCHLD));
    const { user, filter } = confinement;
    const domain = family === 'ipv4' ? AF.INET : AF.INET6;
    this.fd = check('resolve', native.resolve(host, service, domain, user ?? -1, filter, pid));
    this.#pid = pid[0] as number;
  }

  /** The result, or null if it is not there yet. Not to be called again after a result. */
  read(): LookUpResult | null {
    const answer = new Uint8Array(LONGEST_ANSWER + 1);
    const length = this.#native.read(this.fd, answer, 0, answer.length);
    if (length === -ERRNO.EAGAIN || length === -ERRNO.EINTR) return null;
    return decodeAnswer(answer.subarray(0, check('read', length)), this.family, this.#port);
  }

  /** Kills the child if it still runs, and reaps it. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#native.close(this.fd);
    this.#native.kill(this.#pid, SIGNAL.SIGKILL);
    const status = new Int32Array(1);
    while (this.#native.wait(this.#pid, status, 0) === -ERRNO.EINTR);
  }
}

/**
 * The child's answer: a status byte, then length and sockaddr of each address. The child has parsed a stranger's bytes, so
 * nothing of it is taken on trust: addresses of the family that was asked for, with the port that was asked for, and no others.
 */
export function decodeAnswer(answer: Bytes, family: AddressFamily, port: number | null): LookUpResult {
  if (answer.length === 0 || answer.length > LONGEST_ANSWER) return BAD_ANSWER;
  const status = answer[0] as number;
  if (status !== 0)
    return answer.length > 1 ? BAD_ANSWER : { ok: false, why: FAILURE_BY_STATUS.get(status) ?? 'failed' };
  try {
    const reader = new ByteReader(answer.subarray(1), bad);
    const addresses: SocketAddress[] = [];
    while (reader.remaining > 0) {
      const address = decodeAddress(reader.vector8());
      if (address?.family !== 'ip' || address.address.length !== (family === 'ipv4' ? 4 : 16)) bad();
      if (port !== null && address.port !== port) bad();
      addresses.push(address);
    }
    return addresses.length === 0 ? { ok: false, why: 'not-found' } : { ok: true, addresses };
  } catch (error) {
    if (error instanceof BadAnswer) return BAD_ANSWER;
    throw error;
  }
}

/** The status byte, and MAX_ADDRESSES of native/os.c, each a length byte and a struct sockaddr_in6. */
const LONGEST_ANSWER = 1 + 64 * (1 + 28);

const BAD_ANSWER: LookUpResult = { ok: false, why: 'bad-answer' };

class BadAnswer extends Error {}

function bad(): never {
  throw new BadAnswer();
}

/** netdb.h, absolute values of EAI_*; and two of native/os.c. */
const FAILURE_BY_STATUS = new Map<number, LookUpFailure>([
  [2, 'not-found'], // EAI_NONAME
  [3, 'try-again'], // EAI_AGAIN
  [5, 'not-found'], // EAI_NODATA
  [8, 'unknown-service'], // EAI_SERVICE
  [9, 'not-found'], // EAI_ADDRFAMILY
  [254, 'user-refused'],
  [255, 'filter-refused'],
]);
