import { describe, expect, test } from 'bun:test';
import { EchRejected, FAILURES, type Why } from '../core/failures.ts';
import { LIMITS } from '../core/limits.ts';
import { EXIT } from './exit-codes.ts';
import { OUTCOMES, outcomeOf, PUBLIC_NAME_UNPROVEN, type RunWhy } from './failures.ts';
import { failureMessage, internalMessage, usageMessage } from './messages.ts';
import { UsageError } from './options.ts';
import { failedLine } from './status.ts';

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

describe('Encrypted Client Hello that was rejected', () => {
  const rejected = (list: Uint8Array | null) => failedLine(new EchRejected('public.example', list).failure);

  test('says what to use instead, to people and to programs, if the server proposes something', () => {
    const line = rejected(Uint8Array.of(0, 1, 0xfe));
    expect(line).toMatchObject({ detail: 'public.example proposes other configurations', echRetryConfigs: 'AAH+' });
    expect(line.advice).toEndWith(' --ech AAH+');
    expect(rejected(null)).not.toHaveProperty('echRetryConfigs');
    expect(rejected(null).advice).toContain('switched off');
  });

  test('shows a list as long as the bound and no longer, in a line that a pipe takes as a whole', () => {
    const longest = rejected(new Uint8Array(LIMITS.echListShownBytes));
    expect(longest.echRetryConfigs).toMatch(/^A+==$/);
    expect(JSON.stringify(longest).length).toBeLessThan(16_384);
    const longer = rejected(new Uint8Array(LIMITS.echListShownBytes + 1));
    expect(longer).not.toHaveProperty('echRetryConfigs');
    expect(longer.advice).toContain('too long');
  });

  test('has advice of its own where the certificate is not for the public name', () => {
    const failure = { kind: 'certificate-rejected', why: 'certificate-name-mismatch' } as const;
    expect(outcomeOf({ ...failure, detail: 'the name is another' }).advice).toContain('--name');
    const { exit, advice } = outcomeOf({ ...failure, detail: `${PUBLIC_NAME_UNPROVEN}the name is another` });
    expect(exit).toBe(EXIT.certificate);
    expect(advice).not.toContain('--name');
    expect(advice).toContain('--ech');
  });
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
