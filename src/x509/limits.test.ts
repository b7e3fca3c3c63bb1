import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyUsage } from '../../tests/support/certificate-extensions.ts';
import { authority, serverCertificate } from '../../tests/support/certificates.ts';
import { ocspResponse } from '../../tests/support/revocation.ts';
import { accepted, NAMES, rejected, verify } from '../../tests/support/verification.ts';
import { TlsError } from '../core/failures.ts';
import { LIMITS } from '../core/limits.ts';
import { Budget } from './budget.ts';

const exhausted = (error: unknown) => error instanceof TlsError && error.why === 'certificate-budget-exhausted';

test('what one verification may spend is spent to the last, and no further', () => {
  const budget = new Budget();
  for (let count = 0; count < LIMITS.pathSteps; count++) budget.step();
  assert.throws(() => budget.step(), exhausted);
  for (let count = 0; count < LIMITS.pathSignatures; count++) budget.checkSignature();
  assert.throws(() => budget.checkSignature(), exhausted);
  budget.compareNames(LIMITS.nameComparisons);
  assert.throws(() => budget.compareNames(1), exhausted);
});

const ROOT = authority('Root', { extensions: { keyUsage: keyUsage(['digitalSignature', 'keyCertSign']) } });
const LEAF = serverCertificate(ROOT, NAMES);
/** A whole second, as times in certificates are. */
const NOW = Math.floor(Date.now() / 1000);
const at = (seconds: number) => new Date(1000 * (NOW + seconds));
const statusOf = (times: Parameters<typeof ocspResponse>[1]) =>
  verify([LEAF], {
    now: NOW,
    ocspResponse: ocspResponse(LEAF, { producedAt: at(-90_000), thisUpdate: at(-90_000), ...times }),
    revocation: { policy: 'hard', lists: [] },
  });

test('the clocks of a CA and ours may differ by statusClockSkewSeconds, and by no second more', () => {
  const skew = LIMITS.statusClockSkewSeconds;
  accepted(statusOf({ nextUpdate: at(-skew) }));
  rejected(statusOf({ nextUpdate: at(-skew - 1) }), 'certificate-status-missing', /was good until/);
  accepted(statusOf({ thisUpdate: at(skew), nextUpdate: at(skew) }));
  rejected(statusOf({ thisUpdate: at(skew + 1), nextUpdate: at(skew + 1) }), 'certificate-status-missing', /is from/);
});

test('a status without nextUpdate holds for statusLifetimeSeconds, and the skew', () => {
  const oldest = LIMITS.statusLifetimeSeconds + LIMITS.statusClockSkewSeconds;
  accepted(statusOf({ thisUpdate: at(-oldest), nextUpdate: null }));
  rejected(statusOf({ thisUpdate: at(-oldest - 1), nextUpdate: null }), 'certificate-status-missing', /was good until/);
});
