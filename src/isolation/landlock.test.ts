import { expect, test } from 'bun:test';
import { rulesetAttributes } from './landlock.ts';

test('a ruleset asks for all that its version of Landlock has, and no more', () => {
  const words = (version: number): string[] =>
    [...new BigUint64Array(rulesetAttributes(version).buffer)].map((word) => word.toString(16));
  expect(words(1)).toEqual(['1fff']);
  expect(words(2)).toEqual(['3fff']);
  expect(words(3)).toEqual(['7fff']);
  expect(words(4)).toEqual(['7fff', '3']);
  expect(words(5)).toEqual(['ffff', '3']);
  expect(words(6)).toEqual(['ffff', '3', '3']);
  expect(words(7)).toEqual(words(6));
});
