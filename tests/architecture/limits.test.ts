import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { LIMITS } from '../../src/core/limits.ts';

const ROOT = resolve(import.meta.dir, '../..');

/** The test of each bound that reaches it, and then goes beyond. */
const EXHAUSTED_BY = {
  plaintextBytes: 'src/engine/record/incoming.test.ts',
  ciphertextBytes: 'src/engine/record/incoming.test.ts',
  handshakeMessageBytes: 'src/engine/record/joiner.test.ts',
  certificateMessageBytes: 'src/engine/record/joiner.test.ts',
  certificateEntries: 'src/engine/limits.test.ts',
  chainCertificates: 'src/x509/verify.test.ts',
  certificateBytes: 'src/x509/certificate.test.ts',
  derElements: 'src/x509/der.test.ts',
  derNesting: 'src/x509/der.test.ts',
  pathSteps: 'src/x509/limits.test.ts',
  pathSignatures: 'src/x509/limits.test.ts',
  nameComparisons: 'src/x509/limits.test.ts',
  ocspResponseBytes: 'src/x509/revocation/ocsp.test.ts',
  ocspCertificates: 'src/x509/revocation/ocsp.test.ts',
  statusClockSkewSeconds: 'src/x509/limits.test.ts',
  statusLifetimeSeconds: 'src/x509/limits.test.ts',
  revocationListBytes: 'src/x509/revocation/crl.test.ts',
  emptyRecords: 'src/engine/limits.test.ts',
  warningAlerts: 'src/engine/limits.test.ts',
  keyUpdates: 'src/engine/limits.test.ts',
  changeCipherSpecs: 'src/engine/limits.test.ts',
  ticketsWithoutData: 'src/engine/limits.test.ts',
  ticketsIssued: 'src/engine/limits.test.ts',
  ticketsKept: 'src/engine/client.test.ts',
  sessionTermsBytes: 'src/engine/resumption.test.ts',
  ticketBytes: 'src/engine/limits.test.ts',
  ticketLifetimeSeconds: 'src/engine/limits.test.ts',
  ticketLifetimeUnstatedSeconds: 'src/engine/limits.test.ts',
  earlyDataSkippedBytes: 'src/engine/limits.test.ts',
  cookieLifetimeSeconds: 'src/engine/limits.test.ts',
  extensionBlockBytes: 'src/engine/ech/inner.test.ts',
  echTrials: 'src/engine/ech.test.ts',
  echConfigs: 'src/engine/ech.test.ts',
  echListShownBytes: 'src/commands/failures.test.ts',
  recordsPerKey: 'src/engine/config.test.ts',
  keyMessageBytes: 'src/keys/wire/wire.test.ts',
  keyRequestsPending: 'src/keys/holder/client.test.ts',
  ticketsRemembered: 'src/keys/holder/ticket-keys.test.ts',
} as const satisfies Record<keyof typeof LIMITS, string>;

for (const [limit, file] of Object.entries(EXHAUSTED_BY))
  test(`${file} exhausts ${limit}`, () => {
    expect(readFileSync(join(ROOT, file), 'utf8')).toContain(`LIMITS.${limit}`);
  });

test('no bound is without its test', () => {
  expect(Object.keys(EXHAUSTED_BY).sort()).toEqual(Object.keys(LIMITS).sort());
});
