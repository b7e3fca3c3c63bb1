import { describe, expect, test } from 'bun:test';
import { nearest, type OptionTable, parseOptions, printable, UsageError } from './options.ts';

const TABLE = {
  'name': { takes: 'values', short: 'n', metavariable: 'ID', parse: (text: string) => text.toUpperCase(), help: '' },
  'count': {
    takes: 'value',
    short: 'c',
    metavariable: 'N',
    help: '',
    parse: (text: string) => {
      if (!/^\d+$/.test(text)) throw new UsageError('not a number', 'use digits');
      return Number(text);
    },
  },
  'quiet': { takes: 'nothing', short: 'q', help: '' },
  'verbose': { takes: 'nothing', short: 'v', help: '' },
} as const satisfies OptionTable;

const parse = (...argv: string[]) => parseOptions(TABLE, argv);

describe('accepted', () => {
  test('nothing at all', () => {
    const nothing = { name: [], count: undefined, quiet: false, verbose: false };
    expect(parse()).toEqual({ options: nothing, operands: [], program: undefined });
  });

  test.each([[['--count', '3', 'a', 'b']], [['a', '--count=3', 'b']], [['-c3', 'a', 'b']], [['a', 'b', '-c', '3']]])(
    '%j: the spellings of a value, mixed with operands',
    (argv) => {
      expect(parse(...argv)).toMatchObject({ options: { count: 3 }, operands: ['a', 'b'] });
    },
  );

  test('flags joined, the last with a value; flags twice; values repeated in order', () => {
    const { options } = parse('-qvc', '7', '-q', '-n', 'a', '--name', 'b', '--name=c', '--name=');
    expect(options).toEqual({ name: ['A', 'B', 'C', ''], count: 7, quiet: true, verbose: true });
  });

  test('a value that looks like an option, and one with an equals sign', () => {
    expect(parse('-n', '--quiet', '--name=a=b')).toMatchObject({ options: { name: ['--QUIET', 'A=B'], quiet: false } });
  });

  test('a lone hyphen is an operand; behind two all is left alone', () => {
    expect(parse('-', '--', '-q', '--')).toMatchObject({ operands: ['-'], program: ['-q', '--'] });
    expect(parse('--')).toMatchObject({ program: [] });
  });
});

describe('refused', () => {
  const refusals: readonly (readonly [string[], string, string?])[] = [
    [['--cuont', '3'], 'unknown option --cuont', 'did you mean --count?'],
    [['--counter'], 'unknown option --counter', 'did you mean --count?'],
    [['--quie'], 'unknown option --quie', 'did you mean --quiet?'],
    [['--xyzzy'], 'unknown option --xyzzy'],
    [['--toString'], 'unknown option --toString'],
    [['--__proto__=1'], 'unknown option --__proto__'],
    [['-z'], 'unknown option -z'],
    [['-qz'], 'unknown option -z'],
    [['--count'], '--count needs a value: --count N'],
    [['-c'], '-c needs a value: -c N'],
    [['--quiet=1'], '--quiet takes no value'],
    [['--count', '1', '-c', '1'], '--count is given twice'],
    [['--count', 'x'], '--count x: not a number', 'use digits'],
    [['-cx'], '-c x: not a number', 'use digits'],
    [['--count='], '--count "": not a number', 'use digits'],
  ];

  for (const [argv, message, fix] of refusals)
    test(argv.join(' '), () => {
      let refusal: unknown;
      try {
        parse(...argv);
      } catch (error) {
        refusal = error;
      }
      expect(refusal).toBeInstanceOf(UsageError);
      expect(refusal).toMatchObject({ message, fix });
    });
});

test('the nearest word is one slip away, or none is', () => {
  const words = ['status', 'trust', 'names'];
  expect(nearest('stauts', words)).toBe('status');
  expect(nearest('tru', words)).toBe('trust');
  expect(nearest('name', words)).toBe('names');
  expect(nearest('environment', words)).toBeUndefined();
  expect(nearest('', words)).toBeUndefined();
});

test('nothing that a terminal obeys is printable', () => {
  expect(printable('example.com')).toBe('example.com');
  expect(printable('bücher.example')).toBe('bücher.example');
  expect(printable('a b')).toBe('"a b"');
  expect(printable('\x1b[2J\x9b\u202e\ufeff')).toBe('"\\u001b[2J???"');
  expect(printable('x'.repeat(300))).toHaveLength(101);
});
