import type { Bytes } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { TLS12_SUITES, type Tls12SuiteName } from '../../crypto/cipher-suites.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { HANDSHAKE_TYPE } from '../codec/registry.ts';
import type { SessionFacts } from '../connection.ts';
import type { Event, Step } from '../machine.ts';
import { exportKeyingMaterial12, type Randoms } from '../schedule/schedule12.ts';

/** A TLS 1.2 connection after its handshake, of either role. */
export interface Open12 {
  readonly state: 'tls12-open';
  readonly session: SessionFacts;
  readonly suite: Tls12SuiteName;
  readonly randoms: Randoms;
  /** For exporters; the traffic keys are in the record layer. */
  readonly secrets: { readonly master: Bytes };
}

/**
 * No message may come any more. What starts a renegotiation (RFC 5246 sections 7.4.1.1 and 7.4.1.2) is refused for good, as
 * BoringSSL does unless told otherwise: who insists on it does not get far with a connection that goes on without.
 */
export function onOpen12(state: Open12, event: Event, renegotiation: 'hello_request' | 'client_hello'): Step<Open12> {
  switch (event.event) {
    case 'update-keys':
      return { state, actions: [] };
    case 'message': {
      const { type, body } = event.message;
      if (type !== HANDSHAKE_TYPE[renegotiation]) throw new TlsError('unexpected-message', `handshake type ${type}`);
      if (type === HANDSHAKE_TYPE.hello_request && body.length > 0) throw new TlsError('decode-error', 'HelloRequest');
      throw new TlsError('renegotiation-refused');
    }
    case 'answer':
    case 'change-cipher-spec':
      throw new TlsError('internal-error', `${event.event} after the handshake`);
  }
}

/** RFC 5705. */
export function export12(
  crypto: Pick<CryptoProvider, 'hmac'>,
  state: Open12,
  label: string,
  context: Bytes | null,
  length: number,
): Bytes {
  const { suite, randoms, secrets } = state;
  return exportKeyingMaterial12(crypto, TLS12_SUITES[suite].hash, secrets.master, randoms, label, context, length);
}
