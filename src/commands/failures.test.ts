import { expect, test } from 'bun:test';
import { FAILURES, type Why } from '../core/failures.ts';
import { EXIT } from './exit-codes.ts';
import { OUTCOMES, outcomeOf, type RunWhy } from './failures.ts';
import { failureMessage, internalMessage, usageMessage } from './messages.ts';
import { UsageError } from './options.ts';

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

test('nothing that a message is made of reaches the terminal as a command', () => {
  const hostile = 'a\u001b[31m\u009b2J\n\u202eb';
  const failure = { kind: 'configuration', why: 'trust-store-unusable', detail: hostile } as const;
  for (const message of [
    failureMessage(failure, hostile),
    usageMessage(new UsageError(hostile, hostile), 'tlsify'),
    usageMessage(new UsageError('what?', `tlsify connect ${hostile}:443`), 'tlsify'),
    internalMessage(new Error(hostile)),
  ]) {
    expect(message).toContain('a?[31m?2J??b');
    expect(message.trimEnd().split('\n')).toHaveLength(2);
    expect(message).not.toMatch(/\p{Cc}(?!tlsify|$)|\p{Cf}/u);
  }
});
