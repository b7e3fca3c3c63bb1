import { type Bytes, hex } from '../core/bytes.ts';
import type { Action } from './machine.ts';

/** draft-ietf-tls-keylogfile section 2. */
export type KeyLogLabel =
  | 'CLIENT_RANDOM'
  | 'CLIENT_HANDSHAKE_TRAFFIC_SECRET'
  | 'SERVER_HANDSHAKE_TRAFFIC_SECRET'
  | 'CLIENT_TRAFFIC_SECRET_0'
  | 'SERVER_TRAFFIC_SECRET_0'
  | 'EXPORTER_SECRET';

/** One line for each secret; none unless the configuration asked for them. */
export function logSecrets(
  config: { readonly insecureKeyLog: boolean },
  clientRandom: Bytes,
  secrets: Partial<Record<KeyLogLabel, Bytes>>,
): Action[] {
  if (!config.insecureKeyLog) return [];
  return Object.entries(secrets).map(([label, secret]) => ({
    action: 'log-secret',
    line: `${label} ${hex(clientRandom)} ${hex(secret)}`,
  }));
}
