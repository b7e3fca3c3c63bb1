import { X509Certificate } from 'node:crypto';
import { type Bytes, concat, EMPTY } from '../../src/core/bytes.ts';
import { type Failure, TlsError } from '../../src/core/failures.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import { type CertificateVerifier, type KeyHolder, NO_KEYS, performEffect } from '../../src/engine/answer.ts';
import type { Answer, Connection, Effect, EffectId, SessionFacts, Ticket } from '../../src/engine/connection.ts';

/** Accepts any leaf that node:crypto can parse: for tests of the protocol, where the certificate is not the matter. */
export const acceptAnyCertificate: CertificateVerifier = (chain) => {
  try {
    return accepted(new X509Certificate(chain[0] as Bytes));
  } catch {
    return { answer: 'refused', failure: new TlsError('certificate-malformed').failure };
  }
};

function accepted(leaf: X509Certificate): Answer {
  return {
    answer: 'certificate-accepted',
    spki: new Uint8Array(leaf.publicKey.export({ type: 'spki', format: 'der' })),
    identity: {
      verified: true,
      matched: [],
      subject: leaf.subject,
      spkiSha256: '',
      certificateSha256: leaf.fingerprint256,
      notAfterSeconds: 4_102_444_800, // 2100
    },
  };
}

type EffectCrypto = Parameters<typeof performEffect>[1];

/** Takes a connection's outputs and does what each says, in the open for tests. */
export class ConnectionDriver {
  readonly connection: Connection;
  readonly verifier: CertificateVerifier;
  readonly keys: KeyHolder;
  readonly crypto: EffectCrypto;
  session: SessionFacts | undefined;
  failure: Failure | undefined;
  peerClosed = false;
  readonly tickets: Ticket[] = [];
  readonly keyLog: string[] = [];
  readonly effects: Effect[] = [];
  /** Kinds of outputs in the order of their coming. */
  readonly log: string[] = [];
  #network: Bytes[] = [];
  #plaintext: Bytes[] = [];
  #unread: Bytes = EMPTY;

  constructor(
    connection: Connection,
    verifier: CertificateVerifier = acceptAnyCertificate,
    keys: KeyHolder = NO_KEYS,
    crypto: EffectCrypto = nodeCrypto,
  ) {
    this.connection = connection;
    this.verifier = verifier;
    this.keys = keys;
    this.crypto = crypto;
  }

  /** All that was to go to the network since the last time. */
  takeNetwork(): Bytes {
    const bytes = concat(...this.#network);
    this.#network = [];
    return bytes;
  }

  /** As {@link takeNetwork}, one item for each output. */
  takeNetworkOutputs(): Bytes[] {
    const outputs = this.#network;
    this.#network = [];
    return outputs;
  }

  takePlaintext(): Bytes {
    const bytes = concat(...this.#plaintext);
    this.#plaintext = [];
    return bytes;
  }

  /** Bytes presented and not consumed. */
  get unreadBytes(): number {
    return this.#unread.length;
  }

  async start(): Promise<void> {
    this.connection.start();
    await this.settle();
  }

  /** Presents `bytes` behind what was not consumed before, until no more is taken. */
  async receive(bytes: Bytes): Promise<void> {
    this.#unread = this.#unread.length === 0 ? bytes : concat(this.#unread, bytes);
    for (;;) {
      const consumed = this.connection.receive(this.#unread);
      this.#unread = this.#unread.subarray(consumed);
      const answered = await this.settle();
      if (this.#unread.length === 0 || (consumed === 0 && !answered)) return;
    }
  }

  /** @returns whether an effect was answered. */
  async settle(): Promise<boolean> {
    let answered = false;
    for (let output = this.connection.next(); output !== undefined; output = this.connection.next()) {
      this.log.push(output.output);
      switch (output.output) {
        case 'network':
          this.#network.push(output.bytes);
          break;
        case 'plaintext':
          this.#plaintext.push(output.bytes);
          break;
        case 'effect':
          await this.#perform(output.id, output.effect);
          answered = true;
          break;
        case 'open':
          this.session = output.session;
          break;
        case 'ticket':
          this.tickets.push(output.ticket);
          break;
        case 'key-log':
          this.keyLog.push(output.line);
          break;
        case 'peer-closed':
          this.peerClosed = true;
          break;
        case 'failed':
          this.failure = output.failure;
          break;
      }
    }
    return answered;
  }

  async #perform(id: EffectId, effect: Effect): Promise<void> {
    this.effects.push(effect);
    const answer: Answer = await performEffect(effect, this.crypto, this.verifier, this.keys);
    this.connection.answer(id, answer);
  }
}
