import { ALERT, ALERT_LEVEL, alertName } from '../core/alerts.ts';
import { type Bytes, EMPTY } from '../core/bytes.ts';
import { FAILURES, type Failure, TlsError } from '../core/failures.ts';
import { LIMITS } from '../core/limits.ts';
import { HANDSHAKE_TYPE } from './codec/registry.ts';
import type { Answer, Connection, EffectId, Output } from './connection.ts';
import { type Action, type Event, type Machine, type MachineState, overwrite, type Step } from './machine.ts';
import { Incoming, type Received } from './record/incoming.ts';
import { HandshakeAligned } from './record/joiner.ts';
import { Outgoing, type RecordPadding } from './record/outgoing.ts';

/** A call that the driver may not make now: its mistake, never the peer's. */
export class ConnectionMisuse extends Error {
  override readonly name = 'ConnectionMisuse';
}

/** What {@link EngineConnection} needs of either role's configuration. */
export interface EngineSettings {
  /** The most plaintext bytes put into one record. */
  readonly maxFragment: number;
  /** Records sealed under one key, its KeyUpdate included: at least 2. */
  readonly recordsPerKey: number;
  readonly padding: RecordPadding | null;
}

/**
 * The part of a connection that both roles and all versions share: records in and out, the queue of outputs, and the one place
 * where an exception becomes a failure and an alert. What a handshake is, the machine knows.
 */
export class EngineConnection<State extends MachineState> implements Connection {
  readonly #machine: Machine<State>;
  readonly #settings: EngineSettings;
  readonly #incoming = new Incoming();
  readonly #outgoing: Outgoing;
  readonly #outputs = new OutputQueue();
  #life: Life<State> = IDLE;
  #open = false;
  #readClosed = false;
  #writeClosed = false;
  #pendingEffect: EffectId | null = null;
  #effects = 0;
  /** What the keeper of the ticket keys has from us: the state of a session, its secret within. */
  #sealing: Bytes = EMPTY;
  #warnings = 0;
  /** The peer has asked for new keys: they come with what we say next, once for all that was asked while we were silent. */
  #keyUpdateOwed = false;
  #keyUpdateRequested = false;
  /** Messages after the handshake since the last application data, by type. */
  readonly #messagesWithoutData = new Map<number, number>();

  constructor(machine: Machine<State>, settings: EngineSettings) {
    this.#machine = machine;
    this.#settings = settings;
    this.#outgoing = new Outgoing(settings.maxFragment, settings.padding);
  }

  get phase(): 'idle' | 'handshake' | 'open' | 'failed' {
    const { life } = this.#life;
    if (life === 'running') return this.#open ? 'open' : 'handshake';
    return life;
  }

  get finished(): boolean {
    return this.#life.life === 'failed' || (this.#readClosed && this.#writeClosed);
  }

  next(): Output | undefined {
    return this.#outputs.take();
  }

  start(): void {
    if (this.#life.life !== 'idle') throw new ConnectionMisuse('start() is called once');
    this.#guarded(() => this.#advance(this.#machine.start()));
  }

  receive(input: Bytes): number {
    let offset = 0;
    this.#guarded(() => {
      while (this.#life.life === 'running' && !this.#readClosed && this.#pendingEffect === null) {
        const recordBytes = this.#incoming.recordBytes(input, offset);
        if (recordBytes === 0 || input.length - offset < recordBytes) break;
        const received = this.#incoming.take(input, offset, recordBytes);
        offset += recordBytes;
        this.#onReceived(received);
      }
    });
    // What follows a close_notify or a failure is ignored (RFC 8446 section 6.1).
    return this.#readClosed || this.#life.life === 'failed' ? input.length : offset;
  }

  receiveEnd(): void {
    if (this.#life.life !== 'running' || this.#readClosed) return;
    this.#guarded(() => {
      throw new TlsError(this.#open ? 'truncated' : 'closed-in-handshake');
    });
  }

  send(plaintext: Bytes): void {
    this.#requireOpen('send()');
    if (this.#writeClosed) throw new ConnectionMisuse('send() after closeWrite()');
    this.#guarded(() => {
      for (let offset = 0; offset < plaintext.length; ) {
        // The last record under a key is the KeyUpdate that ends it (RFC 8446 section 5.5).
        const records = this.#outgoing.recordsLeft(this.#settings.recordsPerKey) - 1;
        if (records <= 0 || this.#keyUpdateOwed) {
          this.#changeSendingKeys();
          continue;
        }
        const end = Math.min(plaintext.length, offset + records * this.#outgoing.fragmentBytes);
        this.#outgoing.applicationData(plaintext.subarray(offset, end));
        offset = end;
      }
    });
  }

  closeWrite(): void {
    if (this.#life.life === 'failed' || this.#writeClosed) return;
    this.#requireOpen('closeWrite()');
    this.#guarded(() => {
      // The last opportunity. Java, which reads a close_notify under keys that it wanted changed, fails (docs/interop.md).
      if (this.#keyUpdateOwed) this.#changeSendingKeys();
      this.#outgoing.alert(ALERT_LEVEL.warning, ALERT.close_notify);
      this.#writeClosed = true;
    });
  }

  updateKeys(): void {
    this.#requireOpen('updateKeys()');
    // One request at a time (RFC 8446 section 4.6.3).
    if (this.#writeClosed || this.#keyUpdateRequested) return;
    this.#guarded(() => {
      this.#keyUpdateRequested = true;
      this.#step({ event: 'update-keys', requestPeer: true });
    });
  }

  abort(failure?: Failure): void {
    this.#guarded(() => {
      throw new TlsError(failure?.why ?? 'aborted', failure?.detail);
    });
  }

  answer(id: EffectId, answer: Answer): void {
    if (id !== this.#pendingEffect) throw new ConnectionMisuse(`answer() to effect ${id}, which is not open`);
    this.#pendingEffect = null;
    this.#sealing.fill(0);
    this.#guarded(() => {
      this.#step({ event: 'answer', answer });
      this.#drainMessages();
    });
  }

  exportKeyingMaterial(label: string, context: Bytes | null, length: number): Bytes {
    this.#requireOpen('exportKeyingMaterial()');
    if (this.#life.life !== 'running' || this.finished)
      throw new ConnectionMisuse('exportKeyingMaterial() after the end');
    return this.#machine.exportKeyingMaterial(this.#life.state, label, context, length);
  }

  /** RFC 8446 section 4.6.3. */
  #changeSendingKeys(): void {
    this.#keyUpdateOwed = false;
    this.#step({ event: 'update-keys', requestPeer: false });
  }

  /** Every entry from outside runs in here: what it throws ends the connection, and what it sends goes out in one piece. */
  #guarded(work: () => void): void {
    if (this.#life.life === 'failed') return;
    try {
      work();
      this.#flush();
      if (this.finished && this.#life.life === 'running') overwrite(this.#life.state.secrets);
    } catch (error) {
      this.#fail(error);
    }
  }

  #onReceived(received: Received): void {
    switch (received.received) {
      case 'handshake':
        this.#warnings = 0;
        this.#drainMessages();
        return;
      case 'change-cipher-spec':
        this.#step({ event: 'change-cipher-spec', aligned: HandshakeAligned.prove(this.#incoming.joiner) });
        return;
      case 'application-data':
        this.#warnings = 0;
        if (this.#messagesWithoutData.size > 0) this.#messagesWithoutData.clear();
        this.#outputs.put({ output: 'plaintext', bytes: received.content });
        return;
      case 'alert':
        this.#onAlert(received.level, received.description);
        return;
      case 'nothing':
        return;
    }
  }

  /** RFC 8446 section 6. */
  #onAlert(level: number, description: number): void {
    if (level !== ALERT_LEVEL.warning && level !== ALERT_LEVEL.fatal)
      throw new TlsError('unknown-alert-level', `${level}`);
    if (description === ALERT.close_notify) {
      if (!this.#open) throw new TlsError('closed-in-handshake');
      this.#readClosed = true;
      this.#outputs.put({ output: 'peer-closed' });
      return;
    }
    if (level === ALERT_LEVEL.fatal)
      throw new TlsError('alert-received', alertName(description) ?? `alert ${description}`);
    // Section 6.1: user_canceled comes before a close_notify. Java sends it at every end.
    if (description !== ALERT.user_canceled && this.#incoming.rules.warnings === 'refuse')
      throw new TlsError('bad-alert', `a warning of ${alertName(description) ?? description}`);
    this.#warnings += 1;
    if (this.#warnings > LIMITS.warningAlerts) throw new TlsError('too-many-warnings');
  }

  #drainMessages(): void {
    const { joiner } = this.#incoming;
    while (this.#life.life === 'running' && this.#pendingEffect === null) {
      const message = joiner.take();
      if (message === undefined) return;
      if (this.#open) this.#countMessage(message.type);
      this.#step({ event: 'message', message, aligned: HandshakeAligned.prove(joiner) });
    }
  }

  /** A peer must not keep us busy for ever with messages that bring the application nothing. */
  #countMessage(type: number): void {
    const count = (this.#messagesWithoutData.get(type) ?? 0) + 1;
    this.#messagesWithoutData.set(type, count);
    if (type === HANDSHAKE_TYPE.key_update) {
      this.#keyUpdateRequested = false;
      if (count > LIMITS.keyUpdates) throw new TlsError('too-many-key-updates');
    } else if (count > LIMITS.ticketsWithoutData) {
      throw new TlsError('too-many-tickets');
    }
  }

  #step(event: Event): void {
    const life = this.#life;
    if (life.life !== 'running') throw new TlsError('internal-error', `${event.event} while ${life.life}`);
    // Whatever happens in the step, the old state is not used again: a throw leaves nothing but the failure.
    this.#life = FAILED;
    try {
      this.#advance(this.#machine.step(life.state, event));
    } catch (error) {
      overwrite(life.state.secrets);
      throw error;
    }
  }

  #advance({ state, actions }: Step<State>): void {
    this.#life = { life: 'running', state };
    for (const action of actions) this.#perform(action);
  }

  #perform(action: Action): void {
    switch (action.action) {
      case 'send':
        // A ticket may be sealed only after we have closed.
        if (this.#writeClosed) return;
        this.#outgoing.handshake(action.message);
        return;
      case 'owe-change-cipher-spec':
        this.#outgoing.oweChangeCipherSpec();
        return;
      case 'send-change-cipher-spec':
        this.#outgoing.changeCipherSpec();
        return;
      case 'seal-with':
        this.#outgoing.useSealer(action.sealer);
        return;
      case 'open-with':
        this.#incoming.useOpener(action.opener, action.aligned);
        return;
      case 'apply-rules':
        this.#incoming.rules = action.rules;
        return;
      case 'skip-early-data':
        this.#incoming.skipEarlyData = action.records;
        return;
      case 'limit-records':
        this.#outgoing.limitFragment(action.sendBytes - 1);
        this.#incoming.innerBytesLimit = action.receiveBytes;
        return;
      case 'ask': {
        this.#effects += 1;
        const id = this.#effects as EffectId;
        this.#pendingEffect = id;
        if (action.effect.effect === 'seal-ticket') this.#sealing = action.effect.plaintext;
        this.#outputs.put({ output: 'effect', id, effect: action.effect });
        return;
      }
      case 'owe-key-update':
        this.#keyUpdateOwed = true;
        return;
      case 'open':
        this.#open = true;
        this.#flush();
        this.#outputs.put({ output: 'open', session: action.session });
        return;
      case 'ticket':
        this.#outputs.put({ output: 'ticket', ticket: action.ticket });
        return;
      case 'fail':
        throw action.error;
      case 'log-secret':
        this.#outputs.put({ output: 'key-log', line: action.line });
        return;
    }
  }

  #fail(error: unknown): void {
    const failure = failureOf(error);
    const life = this.#life;
    this.#life = FAILED;
    this.#pendingEffect = null;
    this.#sealing.fill(0);
    this.#incoming.joiner.clear();
    if (life.life === 'running') overwrite(life.state.secrets);
    if (!this.#writeClosed && life.life !== 'idle') this.#sendAlert(failure);
    this.#writeClosed = true;
    this.#outputs.put({ output: 'failed', failure });
  }

  #sendAlert({ why }: Failure): void {
    const { alert } = FAILURES[why];
    if (alert === null) return;
    try {
      if (alert === 'user_canceled') {
        this.#outgoing.alert(ALERT_LEVEL.warning, ALERT.user_canceled);
        this.#outgoing.alert(ALERT_LEVEL.warning, ALERT.close_notify);
      } else {
        this.#outgoing.alert(ALERT_LEVEL.fatal, ALERT[alert]);
      }
      this.#flush();
    } catch {
      // Nothing can be sealed any more; the failure itself still goes out.
    }
  }

  #flush(): void {
    const bytes = this.#outgoing.flush();
    if (bytes.length > 0) this.#outputs.put({ output: 'network', bytes });
  }

  #requireOpen(call: string): void {
    if (this.phase !== 'open') throw new ConnectionMisuse(`${call} while ${this.phase}`);
  }
}

type Life<State> =
  | { readonly life: 'idle' }
  | { readonly life: 'running'; readonly state: State }
  | { readonly life: 'failed' };

const IDLE = { life: 'idle' } as const;
const FAILED = { life: 'failed' } as const;

function failureOf(error: unknown): Failure {
  if (error instanceof TlsError) return error.failure;
  return { kind: 'internal', why: 'internal-error', detail: error instanceof Error ? error.message : 'not an error' };
}

/** First in, first out; taking does not move what is left. */
class OutputQueue {
  #outputs: Output[] = [];
  #head = 0;

  put(output: Output): void {
    this.#outputs.push(output);
  }

  take(): Output | undefined {
    const output = this.#outputs[this.#head];
    if (output === undefined) {
      if (this.#head > 0) this.#outputs = [];
      this.#head = 0;
      return undefined;
    }
    this.#head += 1;
    return output;
  }
}
