import type { Event, Step } from '../../machine.ts';
import type { ServerContext } from '../../server/states.ts';
import { onOpen12 } from '../open12.ts';
import { onChangeCipherSpec, onFinished12, onTicketSealed12 } from './finish.ts';
import {
  onAgreement12,
  onCertificate12,
  onCertificateVerified12,
  onCertificateVerify12,
  onKeyExchange,
  onSignatureVerified12,
} from './flight.ts';
import { onCertificateChosen12, onSigned12, onTicketOpened12 } from './hello.ts';
import type { ServerState12 } from './states.ts';

/** The server's side of TLS 1.2 from its first effect on; `startServer12` comes before. */
export function stepServer12(context: ServerContext, state: ServerState12, event: Event): Step<ServerState12> {
  switch (state.state) {
    case 'tls12-await-ticket-opening':
      return onTicketOpened12(context, state, event);
    case 'tls12-await-certificate-choice':
      return onCertificateChosen12(context, state, event);
    case 'tls12-await-signature':
      return onSigned12(context, state, event);
    case 'tls12-expect-certificate':
      return onCertificate12(context, state, event);
    case 'tls12-await-certificate-verification':
      return onCertificateVerified12(state, event);
    case 'tls12-expect-key-exchange':
      return onKeyExchange(state, event);
    case 'tls12-await-agreement':
      return onAgreement12(context, state, event);
    case 'tls12-expect-certificate-verify':
      return onCertificateVerify12(context, state, event);
    case 'tls12-await-signature-verification':
      return onSignatureVerified12(state, event);
    case 'tls12-expect-change-cipher-spec':
      return onChangeCipherSpec(state, event);
    case 'tls12-expect-finished':
      return onFinished12(context, state, event);
    case 'tls12-await-ticket':
      return onTicketSealed12(context, state, event);
    case 'tls12-open':
      return onOpen12(state, event, 'client_hello');
  }
}
