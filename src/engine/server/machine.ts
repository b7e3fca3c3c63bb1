import { type Bytes, EMPTY } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { TLS13_SUITES } from '../../crypto/cipher-suites.ts';
import { HANDSHAKE_TYPE, VERSION } from '../codec/registry.ts';
import { type Event, expectMessage, type Machine, NO_SECRETS, type Step } from '../machine.ts';
import { onKeyUpdate, updateKeys } from '../open13.ts';
import { RULES } from '../record/incoming.ts';
import { PlainSealer } from '../record/protection.ts';
import { exportKeyingMaterial } from '../schedule/schedule13.ts';
import { export12 } from '../tls12/open12.ts';
import { stepServer12 } from '../tls12/server/machine.ts';
import {
  onCertificate,
  onCertificateVerified,
  onCertificateVerify,
  onFinished,
  onSignatureVerified,
} from './client-flight.ts';
import { onCertificateChosen, onClientHello, onCookieOpened, onEchOpened, onTicketOpened } from './client-hello.ts';
import { onAgreement, onSigned } from './flight.ts';
import { onCookieSealed } from './retry.ts';
import type { ServerContext, ServerOpen, ServerState } from './states.ts';
import { onTicketSealed } from './tickets.ts';

/** The server's side of both versions (RFC 8446 appendix A.2); since a ClientHello for which TLS 1.2 is chosen, what `tls12/server/` makes of it. */
export class ServerMachine implements Machine<ServerState> {
  readonly #context: ServerContext;

  constructor(context: ServerContext) {
    this.#context = context;
  }

  start(): Step<ServerState> {
    // Without state there is no telling a first ClientHello from a second, before which a change_cipher_spec may come.
    const rules = this.#context.config.statelessRetry ? RULES.versionUnknown : RULES.beforeClientHello;
    return {
      state: { state: 'expect-client-hello', secrets: NO_SECRETS, retried: null, awaitsCookie: false },
      actions: [
        { action: 'seal-with', sealer: new PlainSealer(VERSION.tls12) },
        { action: 'apply-rules', rules },
      ],
    };
  }

  step(state: ServerState, event: Event): Step<ServerState> {
    const context = this.#context;
    switch (state.state) {
      case 'expect-client-hello':
        return onClientHello(context, state, event);
      case 'await-ech-opening':
        return onEchOpened(context, state, event);
      case 'await-cookie':
        return onCookieSealed(context, state, event);
      case 'await-cookie-opening':
        return onCookieOpened(context, state, event);
      case 'await-ticket-opening':
        return onTicketOpened(context, state, event);
      case 'await-certificate-choice':
        return onCertificateChosen(context, state, event);
      case 'await-agreement':
        return onAgreement(context, state, event);
      case 'await-signature':
        return onSigned(context, state, event);
      case 'expect-certificate':
        return onCertificate(context, state, event);
      case 'await-certificate-verification':
        return onCertificateVerified(context, state, event);
      case 'expect-certificate-verify':
        return onCertificateVerify(context, state, event);
      case 'await-signature-verification':
        return onSignatureVerified(context, state, event);
      case 'expect-finished':
        return onFinished(context, state, event);
      case 'open':
        return onOpen(context, state, event);
      default:
        return stepServer12(context, state, event);
    }
  }

  exportKeyingMaterial(state: ServerState, label: string, context: Bytes | null, length: number): Bytes {
    const { crypto } = this.#context;
    if (state.state === 'tls12-open') return export12(crypto, state, label, context, length);
    if (state.state !== 'open') throw new TlsError('internal-error', `an exporter while ${state.state}`);
    const { hash } = TLS13_SUITES[state.suite];
    return exportKeyingMaterial(crypto, hash, state.secrets.exporter, label, context ?? EMPTY, length);
  }
}

/** RFC 8446 section 4.6: after the handshake a client may only change its keys. */
function onOpen(context: ServerContext, state: ServerOpen, event: Event): Step<ServerState> {
  switch (event.event) {
    case 'update-keys':
      return updateKeys(context.crypto, state, event.requestPeer);
    case 'answer':
      return onTicketSealed(context, state, event);
    case 'change-cipher-spec':
      throw new TlsError('internal-error', `${event.event} after the handshake`);
    case 'message':
      return onKeyUpdate(context.crypto, state, expectMessage(event, HANDSHAKE_TYPE.key_update));
  }
}
