import { ascii, type Bytes, concat, EMPTY, equal, hex } from '../../core/bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import { hkdfExpand } from '../../crypto/hkdf.ts';
import type { Aead, CryptoProvider } from '../../crypto/provider.ts';
import type { SealedPurpose } from '../wire/requests.ts';

/** How long ticket keys serve, and how often a ticket does. */
export interface TicketPolicy {
  /** How long a key seals; it opens for as long again. */
  readonly rotationSeconds: number;
  /**
   * Whether a ticket is opened once: a second time it is as if it were not ours (RFC 8446 section 8.1). It holds within this process; nobody
   * else has its keys. Cookies are opened as often as they come: the engine lets them live for a minute.
   */
  readonly oneUse: boolean;
}

/**
 * Seals what only this process opens: `name (16) | nonce (12) | AES-256-GCM`, with a key for each purpose, and purpose and name in the
 * associated data. There are a current key and the one before; both live in memory alone.
 */
export class TicketKeys {
  readonly #crypto: TicketCrypto;
  readonly #policy: TicketPolicy;
  #current: Generation;
  #previous: Generation | null = null;

  /** @param nowMs of a clock that does not go back */
  constructor(crypto: TicketCrypto, policy: TicketPolicy, nowMs: number) {
    this.#crypto = crypto;
    this.#policy = policy;
    this.#current = this.#generate(nowMs);
  }

  seal(purpose: SealedPurpose, plaintext: Bytes, nowMs: number): Bytes {
    this.#rotate(nowMs);
    const generation = this.#current;
    const nonce = this.#crypto.randomBytes(NONCE_BYTES);
    const ticket = new Uint8Array(OVERHEAD_BYTES + plaintext.length);
    ticket.set(generation.name);
    ticket.set(nonce, NAME_BYTES);
    const { aead, associatedData } = generation[purpose];
    aead.seal(nonce, associatedData, plaintext, EMPTY, ticket, NAME_BYTES + NONCE_BYTES);
    generation.sealed += 1;
    return ticket;
  }

  /** Null for what is not authentic, too old, or was used before. */
  open(purpose: SealedPurpose, ticket: Bytes, nowMs: number): Bytes | null {
    this.#rotate(nowMs);
    if (ticket.length < OVERHEAD_BYTES) return null;
    const name = ticket.subarray(0, NAME_BYTES);
    const generation = [this.#current, this.#previous].find((key) => key !== null && equal(key.name, name));
    if (generation === undefined || generation === null) return null;
    const nonce = ticket.subarray(NAME_BYTES, NAME_BYTES + NONCE_BYTES);
    const { aead, associatedData } = generation[purpose];
    const plaintext = aead.open(nonce, associatedData, ticket.subarray(NAME_BYTES + NONCE_BYTES));
    if (plaintext === null || purpose !== 'ticket' || !this.#policy.oneUse) return plaintext;
    // Authentic, so nobody but us chose the nonce: it names the ticket.
    const id = hex(nonce);
    if (!generation.used.has(id) && generation.used.size < LIMITS.ticketsRemembered) {
      generation.used.add(id);
      return plaintext;
    }
    plaintext.fill(0);
    return null;
  }

  #rotate(nowMs: number): void {
    const { rotationSeconds } = this.#policy;
    const age = nowMs - this.#current.madeAtMs;
    const isFull = this.#current.used.size >= LIMITS.ticketsRemembered || this.#current.sealed >= SEALS_PER_KEY;
    if (age >= 2000 * rotationSeconds) this.#previous = null;
    else if (age >= 1000 * rotationSeconds || isFull) this.#previous = this.#current;
    else {
      // The one before seals no more since the current one was made.
      return;
    }
    this.#current = this.#generate(nowMs);
  }

  #generate(nowMs: number): Generation {
    const secret = this.#crypto.randomBytes(SECRET_BYTES);
    const expand = (label: string, length: number) =>
      hkdfExpand(this.#crypto, 'sha256', secret, ascii(`tlsify ${label}`), length);
    const name = expand('name', NAME_BYTES);
    const sealer = (purpose: SealedPurpose): Sealer => {
      const key = expand(purpose, SECRET_BYTES);
      const aead = this.#crypto.aead('aes-256-gcm', key);
      key.fill(0);
      return { aead, associatedData: concat(ascii(`tlsify ${purpose} `), name) };
    };
    const generation = { madeAtMs: nowMs, name, ticket: sealer('ticket'), cookie: sealer('cookie') };
    secret.fill(0);
    return { ...generation, sealed: 0, used: new Set() };
  }
}

type TicketCrypto = Pick<CryptoProvider, 'randomBytes' | 'hmac' | 'aead'>;

interface Sealer {
  readonly aead: Aead;
  readonly associatedData: Bytes;
}

interface Generation extends Readonly<Record<SealedPurpose, Sealer>> {
  readonly madeAtMs: number;
  readonly name: Bytes;
  sealed: number;
  /** Nonces, in hexadecimal, of tickets that were opened. */
  readonly used: Set<string>;
}

const SECRET_BYTES = 32;
const NAME_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const OVERHEAD_BYTES = NAME_BYTES + NONCE_BYTES + TAG_BYTES;
/** NIST SP 800-38D section 8.3: random nonces serve for 2^32 messages. */
const SEALS_PER_KEY = 2 ** 32;
