import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { freePort } from '../support/peer-process.ts';
import { trustTestRoot } from '../support/test-pki.ts';
import { runTlsify } from '../support/tlsify-process.ts';
import { expectFailure, TEST_LIMIT_MS } from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

describe('there is nobody', () => {
  for (const host of ['localhost', '127.0.0.1', '[::1]'])
    test(`at a closed port of ${host}`, async () => {
      const result = await runTlsify(['connect', `${host}:${await freePort()}`, ...trustTestRoot()]);
      expectFailure(result, { code: 69, why: 'connection-refused', says: /nobody listens there/ });
    });

  test('of that name', async () => {
    // RFC 6761 section 6.4: no resolver knows it. One that cannot be reached knows nothing at all.
    const result = await runTlsify(['connect', 'no-such-host.invalid:443', '--handshake-timeout', '60']);
    const why = result.status[0]?.why === 'look-up-failed' ? 'look-up-failed' : 'host-not-found';
    expectFailure(result, {
      code: 69,
      why,
      says: /no-such-host\.invalid:443: (no such host|the name cannot be looked)/,
    });
  });

  test('of a name that cannot be one', async () => {
    const result = await runTlsify(['connect', `${'a'.repeat(64)}.example:443`]);
    expect(result).toMatchObject({ code: 64, status: [] });
  });
});
