import { type DerReader, TAG } from '../der.ts';

/** CRLReason, RFC 5280 section 5.3.1. */
export type RevocationReason = (typeof REASONS)[keyof typeof REASONS];

/** By their numbers; there is no 7, and `removeFromCRL` (8) stands only in delta CRLs, of which we read none. */
export const REASONS = {
  0: 'unspecified',
  1: 'keyCompromise',
  2: 'cACompromise',
  3: 'affiliationChanged',
  4: 'superseded',
  5: 'cessationOfOperation',
  6: 'certificateHold',
  9: 'privilegeWithdrawn',
  10: 'aACompromise',
} as const;

/** The next value, an ENUMERATED. @throws DerError */
export function readReason(reader: DerReader): RevocationReason {
  const at = reader.offset;
  const reason = REASONS[reader.smallInteger('', 10, TAG.enumerated) as keyof typeof REASONS] as
    | RevocationReason
    | undefined;
  return reason ?? reader.fail('no such reason', at);
}
