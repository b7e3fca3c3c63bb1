import { expect, test } from 'bun:test';
import { FAILURES, type Why } from '../core/failures.ts';
import { EXIT } from './exit-codes.ts';
import { OUTCOMES, outcomeOf, type RunWhy } from './failures.ts';
import { failureMessage } from './messages.ts';

const WHYS = Object.keys(OUTCOMES) as RunWhy[];

test.each(WHYS)('%s is said in two lines, in words that fit the sentence', (why) => {
  const { says, advice } = OUTCOMES[why];
  expect(says).toMatch(/^[a-z]/);
  expect(says).not.toMatch(/[.\n]$/);
  expect(advice).toMatch(/^[A-Z].*[.…]$/);
  expect(failureMessage({ kind: 'internal', why } as Parameters<typeof failureMessage>[0], 'peer:1')).toMatch(
    /^tlsify: peer:1: .+\ntlsify: .+\n$/,
  );
});

test('the exit code of a TLS failure follows from who is to blame', () => {
  const byKind = {
    'peer-misbehaved': EXIT.tls,
    'peer-incompatible': EXIT.tls,
    'peer-refused': EXIT.tls,
    'certificate-rejected': EXIT.certificate,
    'truncated': EXIT.inputOutput,
    'internal': EXIT.internal,
  } as const;
  for (const why of Object.keys(FAILURES) as Why[])
    expect([why, OUTCOMES[why].exit]).toEqual([why, byKind[FAILURES[why].kind]]);
});

test('an alert has advice of its own where there is any, and the general one otherwise', () => {
  const advice = (detail: string) => outcomeOf({ kind: 'peer-refused', why: 'alert-received', detail }).advice;
  expect(advice('unrecognized_name')).toContain('--sni');
  expect(advice('constructor')).toBe(OUTCOMES['alert-received'].advice);
  expect(advice('illegal_parameter')).toBe(OUTCOMES['alert-received'].advice);
});
