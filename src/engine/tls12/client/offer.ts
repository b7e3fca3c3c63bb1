import { EMPTY } from '../../../core/bytes.ts';
import { TLS12_SUITES, type Tls12SuiteName } from '../../../crypto/cipher-suites.ts';
import { ticketFits } from '../../client/resumption.ts';
import { EC_POINT_FORMATS, encodeRenegotiationInfo } from '../../codec/extensions12.ts';
import { EXTENSION } from '../../codec/registry.ts';
import type { ClientConfig } from '../../config.ts';
import type { Ticket } from '../../connection.ts';

/** The extensions by which a ClientHello offers TLS 1.2 (RFC 7627, RFC 5746, RFC 8422, RFC 5077). */
export function extensions12(config: ClientConfig, ticket: Ticket | null): [code: number, body: Uint8Array][] {
  const extensions: [number, Uint8Array][] = [
    [EXTENSION.extended_master_secret, EMPTY],
    [EXTENSION.renegotiation_info, encodeRenegotiationInfo(EMPTY)],
    [EXTENSION.ec_point_formats, EC_POINT_FORMATS],
  ];
  if (ticket !== null || config.keepTickets) extensions.push([EXTENSION.session_ticket, ticket?.ticket ?? EMPTY]);
  return extensions;
}

/** The suites of TLS 1.2 to offer, best first. */
export function codePoints12(config: ClientConfig): number[] {
  return config.tls12Suites.map((suite) => TLS12_SUITES[suite].codePoint);
}

/** The ticket to offer for TLS 1.2, if there is one that fits. */
export function ticket12(config: ClientConfig): Ticket | null {
  const { session } = config;
  if (session === null || session.version !== 'TLSv1.2') return null;
  return config.tls12Suites.includes(session.suite as Tls12SuiteName) && ticketFits(session, config) ? session : null;
}
