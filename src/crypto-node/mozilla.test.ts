import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Certificate } from '../x509/certificate.ts';
import { mozillaRoots } from './mozilla.ts';

test("Mozilla's CAs: more than a hundred, each of which is read, and for nothing but a CA", () => {
  const roots = mozillaRoots();
  assert.ok(roots.length > 100);
  for (const pem of roots) {
    const [, base64 = ''] = /^-----BEGIN CERTIFICATE-----\n([^-]+)\n-----END CERTIFICATE-----\n?$/.exec(pem) ?? [];
    const { version, extensions } = new Certificate(new Uint8Array(Buffer.from(base64, 'base64')));
    assert.ok(version === 1 || extensions.basicConstraints?.ca === true);
  }
});
