import { ALERT, ALERT_LEVEL, type AlertName } from '../core/alerts.ts';
import { type Bytes, concat, EMPTY, equal } from '../core/bytes.ts';
import { FAILURES, type Failure, TlsError } from '../core/failures.ts';
import { LIMITS } from '../core/limits.ts';
import { CONTENT_TYPE, HANDSHAKE_TYPE } from '../engine/codec/registry.ts';
import type {
  Answer,
  CertificateChoice,
  Connection,
  Effect,
  EffectId,
  Output,
  PeerIdentity,
  SessionFacts,
} from '../engine/connection.ts';
import { ConnectionMisuse } from '../engine/engine.ts';
import { disagreement, isTls12, messageBody, serverTookExtendedMasterSecret, sessionFacts } from './agreement.ts';
import { failureOf, verifyErrorOf } from './failures.ts';
import { type Handle, type OpenSslLibrary, readFacts, SSL_ERROR } from './library.ts';
import type { Role } from './role.ts';

/** Private keys by {@link Credential.key}: PKCS#8, DER. They are in this process, which the engine's never are. */
export type PrivateKeys = ReadonlyMap<string, Bytes>;

/**
 * One end of a connection that OpenSSL makes: the same contract as the engine's, with the state machine in C. What OpenSSL is told
 * and what it may send is decided here; nothing is open before the verdict on the peer's certificate is in.
 */
export class OpenSslConnection implements Connection {
  readonly #library: OpenSslLibrary;
  readonly #role: Role;
  readonly #keys: PrivateKeys;
  #handle: Handle | null;
  #phase: Connection['phase'] = 'idle';
  readonly #outputs: Output[] = [];
  #effects = 0;
  #ticketsKept = 0;
  #pending: { readonly id: EffectId; readonly effect: Effect['effect'] } | null = null;
  #session: SessionFacts | null = null;
  #peer: PeerIdentity | null = null;
  #peerKey: Bytes | null = null;
  /** Whether anything went to the network. */
  #sent = false;
  /** OpenSSL is done with the handshake, and we have not judged the client's certificate. */
  #withheld = false;
  readonly #plaintext = new Uint8Array(LIMITS.plaintextBytes);
  #readClosed = false;
  #writeClosed = false;

  constructor(library: OpenSslLibrary, handle: Handle, role: Role, keys: PrivateKeys) {
    this.#library = library;
    this.#handle = handle;
    this.#role = role;
    this.#keys = keys;
  }

  get phase(): Connection['phase'] {
    return this.#phase;
  }

  get finished(): boolean {
    return this.#phase === 'failed' || (this.#readClosed && this.#writeClosed);
  }

  next(): Output | undefined {
    return this.#outputs.shift();
  }

  start(): void {
    if (this.#phase !== 'idle') throw new ConnectionMisuse('start() is called once');
    this.#phase = 'handshake';
    this.#guarded((handle) => this.#advance(handle));
  }

  receive(input: Bytes): number {
    let offset = 0;
    this.#guarded((handle) => {
      while (this.#takesInput && offset < input.length) {
        const piece = input.subarray(offset, offset + RECEIVE_BYTES);
        if (this.#library.receive(handle, piece) !== piece.length) throw new TlsError('internal-error', 'no memory');
        offset += piece.length;
        this.#advance(handle);
      }
    });
    // What follows a close_notify or a failure is ignored (RFC 8446 section 6.1).
    return this.#readClosed || this.#phase === 'failed' ? input.length : offset;
  }

  receiveEnd(): void {
    if (!this.#running || this.#readClosed) return;
    this.#guarded(() => {
      throw new TlsError(this.#phase === 'open' ? 'truncated' : 'closed-in-handshake');
    });
  }

  send(plaintext: Bytes): void {
    this.#requireOpen('send()');
    if (this.#writeClosed) throw new ConnectionMisuse('send() after closeWrite()');
    this.#guarded((handle) => {
      for (let offset = 0; offset < plaintext.length; offset += SEND_BYTES) {
        const piece = plaintext.subarray(offset, offset + SEND_BYTES);
        const written = this.#library.write(handle, piece);
        if (written !== piece.length) throw this.#told(handle);
      }
      this.#flush(handle);
    });
  }

  closeWrite(): void {
    if (this.#phase === 'failed' || this.#writeClosed) return;
    this.#requireOpen('closeWrite()');
    this.#guarded((handle) => {
      if (this.#library.shutdown(handle) < 0) throw this.#told(handle);
      this.#flush(handle);
      this.#writeClosed = true;
    });
  }

  updateKeys(): void {
    this.#requireOpen('updateKeys()');
    if (this.#writeClosed || this.#session?.version !== 'TLSv1.3') return;
    this.#guarded((handle) => {
      if (this.#library.updateKeys(handle) < 0) throw this.#told(handle);
      this.#flush(handle);
    });
  }

  abort(failure?: Failure): void {
    this.#guarded(() => {
      throw new TlsError(failure?.why ?? 'aborted', failure?.detail);
    });
  }

  answer(id: EffectId, answer: Answer): void {
    const pending = this.#pending;
    if (pending === null || id !== pending.id)
      throw new ConnectionMisuse(`answer() to effect ${id}, which is not open`);
    this.#pending = null;
    this.#guarded((handle) => {
      if (pending.effect === 'verify-certificate') this.#onVerdict(handle, answer);
      else this.#onChoice(handle, answer);
    });
  }

  exportKeyingMaterial(label: string, context: Bytes | null, length: number): Bytes {
    this.#requireOpen('exportKeyingMaterial()');
    if (this.#handle === null) throw new ConnectionMisuse('exportKeyingMaterial() after the end');
    const output = new Uint8Array(length);
    this.#library.exportKeys(this.#handle, label, context, output);
    return output;
  }

  get #running(): boolean {
    return this.#phase === 'handshake' || this.#phase === 'open';
  }

  get #takesInput(): boolean {
    return this.#running && !this.#readClosed && this.#pending === null;
  }

  /** Every entry from outside runs in here: what it throws ends the connection. */
  #guarded(work: (handle: Handle) => void): void {
    const handle = this.#handle;
    if (handle === null) return;
    try {
      work(handle);
      if (this.finished) this.#release();
    } catch (error) {
      this.#fail(handle, error);
    }
  }

  /** Goes on as far as what has come lets it. */
  #advance(handle: Handle): void {
    if (this.#phase === 'handshake' && this.#takesInput) this.#shakeHands(handle);
    if (this.#phase === 'open' && this.#takesInput) this.#readAll(handle);
  }

  #shakeHands(handle: Handle): void {
    const result = this.#library.handshake(handle);
    if (result > 0 && this.#role.verifiesLate && this.#library.certificate(handle, 0) !== undefined) {
      this.#withheld = true;
      this.#askForVerdict(handle);
      return; // and nothing of what OpenSSL has to say now is sent
    }
    this.#flush(handle);
    if (result > 0) {
      this.#open(handle);
      return;
    }
    switch (-result) {
      case SSL_ERROR.wantRead:
        return;
      case SSL_ERROR.wantVerdict:
        this.#requireAgreement(handle, serverTookExtendedMasterSecret(this.#library, handle));
        this.#askForVerdict(handle);
        return;
      case SSL_ERROR.wantBinding:
        this.#bindTickets(handle);
        this.#shakeHands(handle);
        return;
      case SSL_ERROR.wantCertificate:
        this.#askForCertificate(handle);
        return;
      case SSL_ERROR.closed:
        throw new TlsError('closed-in-handshake');
      default:
        throw this.#told(handle);
    }
  }

  #ask(effect: Effect): void {
    this.#effects += 1;
    const id = this.#effects as EffectId;
    this.#pending = { id, effect: effect.effect };
    this.#outputs.push({ output: 'effect', id, effect });
  }

  /** The chain as OpenSSL has parsed it: its leaf has the key that OpenSSL checks the handshake's signature with. */
  #askForVerdict(handle: Handle): void {
    const chain: Bytes[] = [];
    for (;;) {
      const certificate = this.#library.certificate(handle, chain.length);
      if (certificate === undefined) break;
      chain.push(certificate);
    }
    const ocspResponse = this.#role.role === 'client' ? this.#library.status(handle) : undefined;
    this.#ask({
      effect: 'verify-certificate',
      chain,
      publicName: null,
      ...(ocspResponse === undefined ? {} : { ocspResponse }),
    });
  }

  #askForCertificate(handle: Handle): void {
    const message = (type: number) => messageBody(this.#library, handle, type);
    this.#ask(this.#role.question(message, isTls12(this.#library, handle)));
  }

  #bindTickets(handle: Handle): void {
    const hello = messageBody(this.#library, handle, HANDSHAKE_TYPE.client_hello) ?? EMPTY;
    this.#library.bindTickets(handle, this.#role.ticketContext(hello));
  }

  #onVerdict(handle: Handle, answer: Answer): void {
    if (answer.answer === 'refused') throw this.#rejected(handle, answer.failure);
    if (answer.answer !== 'certificate-accepted') throw wrongAnswer(answer);
    // Two parsers have read the certificate: the key that was accepted must be the one that OpenSSL takes for it.
    if (!equal(answer.spki, this.#library.publicKey(handle) ?? EMPTY))
      throw this.#rejected(handle, new TlsError('certificate-malformed', 'its key can be read in two ways').failure);
    this.#peer = answer.identity;
    this.#peerKey = answer.spki;
    if (this.#withheld) {
      this.#withheld = false;
      this.#flush(handle);
      this.#open(handle);
    } else {
      this.#library.verdict(handle, 0);
    }
    this.#advance(handle);
  }

  /** A client has OpenSSL send the alert, which knows whether to seal it. */
  #rejected(handle: Handle, failure: Failure): Error {
    if (this.#withheld) return new TlsError(failure.why, failure.detail);
    this.#library.verdict(handle, verifyErrorOf(failure.why));
    this.#library.handshake(handle);
    this.#flush(handle);
    return new Told(failure);
  }

  #onChoice(handle: Handle, answer: Answer): void {
    if (answer.answer === 'refused') throw new TlsError(answer.failure.why, answer.failure.detail);
    if (answer.answer !== 'certificate-chosen') throw wrongAnswer(answer);
    const { choice } = answer;
    if (choice !== null) this.#useCertificate(handle, choice);
    else if (this.#role.role === 'server') throw new TlsError('no-common-signature-scheme', 'no certificate fits');
    this.#library.certificateChosen(handle);
    this.#advance(handle);
  }

  #useCertificate(handle: Handle, { credential }: CertificateChoice): void {
    const key = this.#keys.get(credential.key);
    if (key === undefined) throw new TlsError('internal-error', `no private key ${credential.key}`);
    for (const [index, certificate] of credential.chain.entries())
      this.#library.addCertificate(handle, certificate, index);
    this.#library.useKey(handle, key);
    if (credential.ocspResponse !== undefined) this.#library.setStatus(handle, credential.ocspResponse);
  }

  #open(handle: Handle): void {
    this.#requireAgreement(handle, readFacts(this.#library, handle).extendedMasterSecret === 1);
    this.#session = sessionFacts(this.#library, handle, this.#role, { peer: this.#peer, spki: this.#peerKey });
    this.#phase = 'open';
    this.#outputs.push({ output: 'open', session: this.#session });
  }

  #requireAgreement(handle: Handle, extendedMasterSecret: boolean): void {
    const why = disagreement(this.#library, handle, this.#role, extendedMasterSecret);
    if (why === null) return;
    const error = new TlsError(why);
    throw this.#phase === 'handshake' && this.#role.role === 'client' ? this.#rejected(handle, error.failure) : error;
  }

  #readAll(handle: Handle): void {
    for (;;) {
      const count = this.#library.read(handle, this.#plaintext);
      this.#flush(handle);
      this.#takeTickets(handle);
      if (count > 0) this.#outputs.push({ output: 'plaintext', bytes: this.#plaintext.slice(0, count) });
      else if (count === -SSL_ERROR.wantRead) return;
      else if (count === -SSL_ERROR.closed) {
        this.#readClosed = true;
        this.#outputs.push({ output: 'peer-closed' });
        return;
      } else throw this.#told(handle);
    }
  }

  #takeTickets(handle: Handle): void {
    for (;;) {
      const session = this.#library.session(handle);
      if (session === undefined || this.#session === null) return;
      const { ticketLifetimeSeconds } = readFacts(this.#library, handle);
      if (this.#ticketsKept === LIMITS.ticketsKept) continue;
      const ticket = this.#role.ticketOf(session, this.#session, ticketLifetimeSeconds);
      if (ticket === null) continue;
      this.#ticketsKept += 1;
      this.#outputs.push({ output: 'ticket', ticket });
    }
  }

  #flush(handle: Handle): void {
    const count = this.#library.pending(handle);
    if (count === 0) return;
    const bytes = new Uint8Array(count);
    this.#library.take(handle, bytes);
    // OpenSSL answers a request for new keys also behind its own close_notify, which is the last that anybody says (RFC 8446 section 6.1).
    if (this.#writeClosed) return;
    this.#sent = true;
    this.#outputs.push({ output: 'network', bytes });
  }

  /** OpenSSL's failure, with its alert on its way. */
  #told(handle: Handle): Told {
    this.#flush(handle);
    return new Told(failureOf(this.#library, handle));
  }

  #fail(handle: Handle, error: unknown): void {
    const failure = error instanceof Told || error instanceof TlsError ? error.failure : internalFailure(error);
    if (!(error instanceof Told)) this.#tell(handle, failure);
    this.#phase = 'failed';
    this.#pending = null;
    this.#outputs.push({ output: 'failed', failure });
    this.#release();
  }

  /**
   * Sends the alert of a failure of ours, where there is a way: before anything is sealed it is written here; a server of TLS 1.3 has
   * OpenSSL seal it; and OpenSSL sends close_notify for whoever asks. Else the peer finds its stream truncated.
   */
  #tell(handle: Handle, { why }: Failure): void {
    const { alert } = FAILURES[why];
    if (alert === null || this.#writeClosed || this.#phase === 'idle') return;
    try {
      const tls12 = isTls12(this.#library, handle);
      if (this.#phase === 'open' || this.#withheld) {
        if (this.#withheld && tls12) this.#outputs.push({ output: 'network', bytes: plainAlert(alert) });
        else if (alert === 'user_canceled') this.#library.shutdown(handle);
        else if (this.#role.role === 'server' && !tls12) this.#library.refuse(handle, ALERT[alert]);
        if (!tls12 || !this.#withheld) this.#flush(handle);
      } else if (this.#nothingIsSealed(handle)) this.#outputs.push({ output: 'network', bytes: plainAlert(alert) });
    } catch {
      // The failure itself still goes out.
    }
  }

  /** Whether the peer cannot have the keys of our records yet. */
  #nothingIsSealed(handle: Handle): boolean {
    if (this.#role.role === 'server') return !this.#sent;
    return this.#sent && this.#library.message(handle, HANDSHAKE_TYPE.server_hello) === undefined;
  }

  #release(): void {
    if (this.#handle === null) return;
    this.#library.release(this.#handle);
    this.#handle = null;
    this.#plaintext.fill(0);
  }

  #requireOpen(call: string): void {
    if (this.#phase !== 'open') throw new ConnectionMisuse(`${call} while ${this.#phase}`);
  }
}

/** A failure that the peer has been told of. */
class Told extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.why);
    this.failure = failure;
  }
}

function wrongAnswer({ answer }: Answer): TlsError {
  return new TlsError('internal-error', `${answer} in answer to another effect`);
}

function internalFailure(error: unknown): Failure {
  return new TlsError('internal-error', error instanceof Error ? error.message : 'not an error').failure;
}

/** Records in the clear. */
function plainAlert(alert: AlertName): Bytes {
  const record = (level: number, description: number) =>
    Uint8Array.of(CONTENT_TYPE.alert, 3, 3, 0, 2, level, description);
  return alert === 'user_canceled'
    ? concat(record(ALERT_LEVEL.warning, ALERT.user_canceled), record(ALERT_LEVEL.warning, ALERT.close_notify))
    : record(ALERT_LEVEL.fatal, ALERT[alert]);
}

/** Given to OpenSSL at once, so that it never has more of what it has not understood: a record and a little. */
const RECEIVE_BYTES = 17 * 1024;
/** Sealed at once. */
const SEND_BYTES = 64 * 1024;
