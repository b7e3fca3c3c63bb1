import { expect, test } from 'bun:test';
import { explainCalls } from './explain.ts';
import { SESSION_POLICY } from './policy.ts';

test('each call is explained, with its conditions', () => {
  const calls = explainCalls(SESSION_POLICY);
  for (const { call, why } of calls) expect(`${call}: ${why.length > 10}`).toBe(`${call}: true`);
  expect(calls.find(({ call }) => call === 'mprotect')).toEqual({
    call: 'mprotect',
    verdict: 'allowed',
    condition: 'argument 3 has no bits but 0x3; else killed',
    why: 'commits and decommits reserved memory; never makes it executable',
  });
  expect(calls.find(({ call }) => call === 'read')?.condition).toBe('a descriptor that it may read; else EBADF');
  expect(calls.find(({ call }) => call === 'openat')).toMatchObject({ verdict: 'EPERM', condition: undefined });
});
