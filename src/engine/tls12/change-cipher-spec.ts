import { TlsError } from '../../core/failures.ts';
import type { Event } from '../machine.ts';
import type { HandshakeAligned } from '../record/joiner.ts';

/**
 * RFC 5246 section 7.1: the peer changes its keys here and nowhere else. A message in its place, or the beginning of one before
 * it, would have its bytes under both keys.
 */
export function expectChangeCipherSpec(event: Event): HandshakeAligned {
  if (event.event === 'message') throw new TlsError('unexpected-record', 'handshake where change_cipher_spec belongs');
  if (event.event !== 'change-cipher-spec')
    throw new TlsError('internal-error', `${event.event} while change_cipher_spec is expected`);
  if (event.aligned === null) throw new TlsError('unexpected-record', 'change_cipher_spec within a handshake message');
  return event.aligned;
}
