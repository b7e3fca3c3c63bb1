import { type Bytes, EMPTY } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { TLS13_SUITES } from '../../crypto/cipher-suites.ts';
import { HANDSHAKE_TYPE } from '../codec/registry.ts';
import { type Event, expectMessage, type Machine, NO_SECRETS, type Step } from '../machine.ts';
import { type Open13, onKeyUpdate, onNewSessionTicket, updateKeys } from '../open13.ts';
import { exportKeyingMaterial } from '../schedule/schedule13.ts';
import { stepClient12 } from '../tls12/client/machine.ts';
import { export12 } from '../tls12/open12.ts';
import { onEchAgreement, startEch } from './ech-offer.ts';
import { onCertificateChosen, onFinished, onSigned } from './finish.ts';
import {
  onCertificate,
  onCertificateOrRequest,
  onCertificateVerified,
  onCertificateVerify,
  onEncryptedExtensions,
  onSignatureVerified,
} from './flight.ts';
import { firstOffer } from './offer.ts';
import { onAgreement, onServerHello } from './server-hello.ts';
import type { ClientContext, ClientState } from './states.ts';

/** The client's side of both versions (RFC 8446 appendix A.1); since a ServerHello of TLS 1.2, what `tls12/client/` makes of it. */
export class ClientMachine implements Machine<ClientState> {
  readonly #context: ClientContext;

  constructor(context: ClientContext) {
    this.#context = context;
  }

  start(): Step<ClientState> {
    const { config, crypto } = this.#context;
    if (config.ech !== null && config.ech !== 'grease') return startEch(this.#context);
    const offer = firstOffer(config, crypto);
    return {
      state: { state: 'expect-server-hello', secrets: NO_SECRETS, offer, retried: null },
      actions: [{ action: 'send', message: offer.encoded }],
    };
  }

  step(state: ClientState, event: Event): Step<ClientState> {
    const context = this.#context;
    switch (state.state) {
      case 'await-ech-agreement':
        return onEchAgreement(context, state, event);
      case 'expect-server-hello':
        return onServerHello(context, state, event);
      case 'await-agreement':
        return onAgreement(context, state, event);
      case 'expect-encrypted-extensions':
        return onEncryptedExtensions(context, state, event);
      case 'expect-certificate-or-request':
        return onCertificateOrRequest(context, state, event);
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
      case 'await-certificate-choice':
        return onCertificateChosen(context, state, event);
      case 'await-signature':
        return onSigned(context, state, event);
      case 'open':
        return onOpen(context, state, event);
      default:
        return stepClient12(context, state, event);
    }
  }

  exportKeyingMaterial(state: ClientState, label: string, context: Bytes | null, length: number): Bytes {
    if (state.state === 'tls12-open') return export12(this.#context.crypto, state, label, context, length);
    if (state.state !== 'open') throw new TlsError('internal-error', `an exporter while ${state.state}`);
    const { hash } = TLS13_SUITES[state.suite];
    return exportKeyingMaterial(this.#context.crypto, hash, state.secrets.exporter, label, context ?? EMPTY, length);
  }
}

/** RFC 8446 section 4.6: the messages that a server may send after the handshake. */
function onOpen({ config, crypto }: ClientContext, state: Open13, event: Event): Step<ClientState> {
  switch (event.event) {
    case 'update-keys':
      return updateKeys(crypto, state, event.requestPeer);
    case 'answer':
    case 'change-cipher-spec':
      throw new TlsError('internal-error', `${event.event} after the handshake`);
    case 'message': {
      const message = expectMessage(event, HANDSHAKE_TYPE.new_session_ticket, HANDSHAKE_TYPE.key_update);
      if (message.message.type === HANDSHAKE_TYPE.key_update) return onKeyUpdate(crypto, state, message);
      const { keepTickets, certificatePolicy } = config;
      const keep = keepTickets ? { nowMs: config.now(), certificatePolicy } : null;
      return onNewSessionTicket(crypto, state, message, keep);
    }
  }
}
