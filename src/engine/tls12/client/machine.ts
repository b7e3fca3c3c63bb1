import type { ClientContext } from '../../client/states.ts';
import type { Event, Step } from '../../machine.ts';
import { onOpen12 } from '../open12.ts';
import { onAgreement12, onChangeCipherSpec, onFinished12, onSigned12, onTicket } from './finish.ts';
import {
  onCertificate12,
  onCertificateChosen12,
  onCertificateVerified12,
  onDone,
  onKeyExchange,
  onRequestOrDone,
  onSignatureVerified12,
  onStatus,
} from './flight.ts';
import type { ClientState12 } from './states.ts';

/** The client's side of TLS 1.2 from its ServerHello on. */
export function stepClient12(context: ClientContext, state: ClientState12, event: Event): Step<ClientState12> {
  switch (state.state) {
    case 'tls12-expect-certificate':
      return onCertificate12(state, event);
    case 'tls12-expect-status':
      return onStatus(state, event);
    case 'tls12-expect-key-exchange':
      return onKeyExchange(context, state, event);
    case 'tls12-await-certificate-verification':
      return onCertificateVerified12(context, state, event);
    case 'tls12-await-signature-verification':
      return onSignatureVerified12(state, event);
    case 'tls12-expect-request-or-done':
      return onRequestOrDone(state, event);
    case 'tls12-expect-done':
      return onDone(context, state, event);
    case 'tls12-await-certificate-choice':
      return onCertificateChosen12(state, event);
    case 'tls12-await-agreement':
      return onAgreement12(context, state, event);
    case 'tls12-await-signature':
      return onSigned12(context, state, event);
    case 'tls12-expect-ticket':
      return onTicket(state, event);
    case 'tls12-expect-change-cipher-spec':
      return onChangeCipherSpec(state, event);
    case 'tls12-expect-finished':
      return onFinished12(context, state, event);
    case 'tls12-open':
      return onOpen12(state, event, 'hello_request');
  }
}
