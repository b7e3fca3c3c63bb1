import { ascii, type Bytes, concat } from '../../core/bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import { HpkeContext } from '../../crypto/hpke.ts';
import { type CryptoProvider, InvalidKeyShare, type Later, type SignatureScheme } from '../../crypto/provider.ts';
import type { SignatureKey } from '../../crypto/signature-schemes.ts';
import { signedBytes } from '../../crypto/signed-content.ts';
import type { EchPrivateKey } from '../../crypto-node/private-keys.ts';
import { bad } from '../wire/bad-message.ts';
import { encodeReply, type Refusal, type Reply } from '../wire/replies.ts';
import { decodeRequest, type Request } from '../wire/requests.ts';
import { isHandshakeContent, mayBeSigned } from './handshake-content.ts';
import type { TicketKeys } from './ticket-keys.ts';

/** What signs: a key in memory, or a device that takes its time. */
export interface Signer {
  readonly type: SignatureKey;
  sign(scheme: SignatureScheme, message: Bytes): Later<Bytes>;
}

/** What one client may ask for, and how much of it. Names are those of the requests. */
export interface Grant {
  /** A key signs in one role: a server's never as a client. */
  readonly keys: ReadonlyMap<string, { readonly role: 'client' | 'server'; readonly signer: Signer }>;
  readonly echKeys: ReadonlyMap<string, { readonly key: EchPrivateKey /** As published. */; readonly config: Bytes }>;
  /** Null: neither tickets nor cookies. */
  readonly tickets: TicketKeys | null;
  /** In all; 1 for a process that lives for one connection. Null: no bound. */
  readonly signatures: number | null;
  /** Of all kinds; as many may come at once. */
  readonly requestsPerSecond: number;
}

type Asked<Kind extends Request['request']> = Extract<Request, { request: Kind }>;

/** How the holder takes a message. One that breaks its rule ends the client. */
interface Rule<Kind extends Request['request']> {
  /** Whether what it names was given to this client. */
  readonly given: (grant: Grant, request: Asked<Kind>) => boolean;
  /** In which phase of a handshake: whether its number must be above all numbers before. */
  readonly onceAHandshake: boolean;
  /** How often in all: null for as often as the rate lets it. */
  readonly most: (grant: Grant) => number | null;
  readonly answer: (client: HolderClient, request: Asked<Kind>, nowMs: number) => Later<Reply>;
}

const hasTickets = ({ tickets }: Grant) => tickets !== null;
const anyNumber = () => null;

/** All that a client can ask. Connections share a channel, so phases are those of a handshake, which its number stands for. */
const PERMITTED: { readonly [Kind in Request['request']]: Rule<Kind> } = {
  'sign': { given: hasKeyForRole, onceAHandshake: true, most: ({ signatures }) => signatures, answer: sign },
  'seal-ticket': { given: hasTickets, onceAHandshake: false, most: anyNumber, answer: sealTicket },
  'open-ticket': { given: hasTickets, onceAHandshake: false, most: anyNumber, answer: openTicket },
  'open-ech': { given: hasEchKey, onceAHandshake: false, most: anyNumber, answer: openEch },
};

function hasKeyForRole({ keys }: Grant, { key, content }: Asked<'sign'>): boolean {
  return keys.get(key)?.role === content.role;
}

function hasEchKey({ echKeys }: Grant, { key }: Asked<'open-ech'>): boolean {
  return echKeys.has(key);
}

/** One client: a session process that may be in the hands of whoever it talks to. */
export class HolderClient {
  readonly grant: Grant;
  readonly crypto: Pick<CryptoProvider, 'hmac' | 'aead'>;
  /** What is not above it was used, or skipped: one number remembers all. */
  #lastHandshake = 0;
  readonly #answered: Record<Request['request'], number> = {
    'sign': 0,
    'seal-ticket': 0,
    'open-ticket': 0,
    'open-ech': 0,
  };
  #pending = 0;
  #allowance: number;
  #allowanceAtMs: number;

  constructor(grant: Grant, crypto: Pick<CryptoProvider, 'hmac' | 'aead'>, nowMs: number) {
    this.grant = grant;
    this.crypto = crypto;
    this.#allowance = grant.requestsPerSecond;
    this.#allowanceAtMs = nowMs;
  }

  /**
   * Answers one message.
   * @returns the reply, encoded
   * @throws BadMessage for a message that no honest client sends: its channel is to end. The text says why, for a log, without a secret.
   */
  answer(message: Bytes, nowMs: number): Later<Bytes> {
    const request = decodeRequest(message);
    if (this.#pending >= LIMITS.keyRequestsPending) bad(`more than ${LIMITS.keyRequestsPending} requests at a time`);
    const isWithin = this.#spend(nowMs);
    const reply = isWithin ? this.#permitted(request, nowMs) : refused(request, 'too-many');
    if (!(reply instanceof Promise)) return encoded(reply);
    this.#pending += 1;
    return reply
      .catch(() => refused(request, 'unavailable'))
      .then((late) => {
        this.#pending -= 1;
        return encoded(late);
      });
  }

  #permitted(request: Request, nowMs: number): Later<Reply> {
    switch (request.request) {
      case 'sign':
        return this.#byRule(PERMITTED.sign, request, nowMs);
      case 'seal-ticket':
        return this.#byRule(PERMITTED['seal-ticket'], request, nowMs);
      case 'open-ticket':
        return this.#byRule(PERMITTED['open-ticket'], request, nowMs);
      case 'open-ech':
        return this.#byRule(PERMITTED['open-ech'], request, nowMs);
    }
  }

  #byRule<Kind extends Request['request']>(rule: Rule<Kind>, request: Asked<Kind>, nowMs: number): Later<Reply> {
    const kind: Request['request'] = request.request;
    if (!rule.given(this.grant, request)) bad(`${kind} with what is not for this client, or not in that role`);
    const most = rule.most(this.grant);
    if (most !== null && this.#answered[kind] >= most) bad(`${kind} more often than ${most} times`);
    if (rule.onceAHandshake) this.#useHandshake(request);
    this.#answered[kind] += 1;
    return rule.answer(this, request, nowMs);
  }

  #useHandshake(request: Request): void {
    if (request.request !== 'sign' || request.handshake <= this.#lastHandshake) bad('the number of a handshake again');
    this.#lastHandshake = request.handshake;
  }

  #spend(nowMs: number): boolean {
    const { requestsPerSecond } = this.grant;
    const earned = (Math.max(0, nowMs - this.#allowanceAtMs) * requestsPerSecond) / 1000;
    this.#allowance = Math.min(requestsPerSecond, this.#allowance + earned);
    this.#allowanceAtMs = nowMs;
    if (this.#allowance < 1) return false;
    this.#allowance -= 1;
    return true;
  }
}

function sign({ grant }: HolderClient, request: Asked<'sign'>): Later<Reply> {
  const { number, key, scheme, content } = request;
  const { signer } = grant.keys.get(key) ?? bad('a key that is not for this client');
  if (!mayBeSigned(signer.type, scheme, content.version))
    bad(`${scheme} in ${content.version} with a key of type ${signer.type}`);
  if (!isHandshakeContent(content)) bad(`what no ${content.role} of ${content.version} signs`);
  const signed = (signature: Bytes): Reply => ({ reply: 'signed', number, signature });
  try {
    const signature = signer.sign(scheme, signedBytes(content));
    return signature instanceof Promise ? signature.then(signed) : signed(signature);
  } catch {
    return refused(request, 'unavailable');
  }
}

function sealTicket(client: HolderClient, request: Asked<'seal-ticket'>, nowMs: number): Reply {
  const { number, purpose, plaintext } = request;
  const ticket = ticketsOf(client).seal(purpose, plaintext, nowMs);
  plaintext.fill(0);
  return ticket.length > VECTOR16_BYTES ? refused(request, 'too-large') : { reply: 'sealed', number, ticket };
}

function openTicket(client: HolderClient, { number, purpose, ticket }: Asked<'open-ticket'>, nowMs: number): Reply {
  return { reply: 'opened', number, plaintext: ticketsOf(client).open(purpose, ticket, nowMs) };
}

function ticketsOf({ grant }: HolderClient): TicketKeys {
  return grant.tickets ?? bad('tickets, which are not for this client');
}

function openEch({ grant, crypto }: HolderClient, request: Asked<'open-ech'>): Reply {
  const { number, aead, encapsulated, sequence, associatedData, payload } = request;
  const { key, config } = grant.echKeys.get(request.key) ?? bad('a key that is not for this client');
  try {
    const agreed = key.agree(encapsulated);
    const { group, publicKey: recipientPublicKey } = key;
    // RFC 9849 section 6.1: whatever is asked, it is opened as sealed for this config.
    const info = concat(ascii('tls ech\0'), config);
    const context = new HpkeContext(crypto, { group, aead, agreed, encapsulated, recipientPublicKey, info }, sequence);
    agreed.fill(0);
    return { reply: 'ech-opened', number, encodedInner: context.open(associatedData, payload) };
  } catch (error) {
    if (error instanceof InvalidKeyShare) return { reply: 'ech-opened', number, encodedInner: null };
    return refused(request, 'unavailable');
  }
}

function encoded(reply: Reply): Bytes {
  const message = encodeReply(reply);
  if (reply.reply === 'opened') reply.plaintext?.fill(0);
  return message;
}

function refused({ number }: Request, why: Refusal): Reply {
  return { reply: 'refused', number, why };
}

const VECTOR16_BYTES = 2 ** 16 - 1;
