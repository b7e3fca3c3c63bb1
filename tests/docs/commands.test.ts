import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Block, blocksOf, type Command, commandsOf, isPromised } from './blocks.ts';
import { runInWorld } from './world.ts';

const ROOT = resolve(import.meta.dir, '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const DOCUMENTS = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'examples/README.md'],
  ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`),
];
const SCRIPTS = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts;

/**
 * What a test cannot run because it installs, or would run this test again. Each pattern comes with what holds for such a command
 * instead; CI runs the README's own, see .ci/run.
 */
const NOT_RUN: readonly (readonly [RegExp, (match: RegExpExecArray) => boolean])[] = [
  [/^apt-get install -y [a-z0-9 .+-]+$/, ([command]) => read('README.md').includes(command)],
  [/^npm ci$/, () => existsSync(join(ROOT, 'package-lock.json'))],
  [/^npm (?:run )?([a-z:]+)(?: -- [a-z0-9 ]+)?$/, ([, script]) => script !== undefined && script in SCRIPTS],
  [/^npm pack$/, () => 'prepack' in SCRIPTS],
  [/^npx (?:bun test|node --test) '?(\S+?)(?:\/\*[^']*)?'?$/, ([, path]) => existsSync(join(ROOT, path ?? ''))],
];

for (const document of DOCUMENTS) {
  const blocks = blocksOf(read(document)).filter(({ language }) => language === 'sh' || language === 'console');
  describe(document, () => {
    for (const block of blocks) for (const command of commandsOf(block)) define(block, command);
  });
}

function define(block: Block, { line, text, output }: Command): void {
  test(`line ${line}: ${text.split('\n')[0]}`, () => {
    const steps = block.language === 'sh' ? text.replace(/\s+# .*$/, '').split(' && ') : [text];
    while (steps.length > 0) {
      const [pattern, holds] = NOT_RUN.find(([pattern]) => pattern.test(steps[0] as string)) ?? [];
      if (pattern === undefined || holds === undefined) break;
      expect(holds(pattern.exec(steps.shift() as string) as RegExpExecArray)).toBe(true);
    }
    if (steps.length === 0) return;
    const command = steps.join(' && ');
    const where = command.includes('npx ') || command.includes('examples/') ? 'repository' : 'empty folder';
    const result = runInWorld(output === undefined ? command : `{ ${command}; } 2>&1`, where);
    if (output === undefined) expect(result).toMatchObject({ status: 0 });
    else expect({ ...result, asPromised: isPromised(output, result.stdout) }).toMatchObject({ asPromised: true });
  });
}

describe('the tests of the documents', () => {
  test('find blocks in the README', () => {
    expect(blocksOf(read('README.md')).filter(({ language }) => language === 'sh').length).toBeGreaterThan(1);
  });

  test('notice a command that fails, one that does not exist, and one in the middle of a pipe', () => {
    for (const command of ['false', 'no-such-command', 'false | true'])
      expect(runInWorld(command, 'empty folder').status).not.toBe(0);
    expect(runInWorld('true', 'empty folder')).toMatchObject({ status: 0 });
  });

  test('change nothing in the repository', () => {
    for (const change of ['touch written-by-a-test', 'echo >> package.json', 'rm tests/vectors/conversations/*'])
      expect(runInWorld(change, 'repository').stderr).toContain('Read-only file system');
    expect(runInWorld('touch written-by-a-test; ls', 'empty folder')).toMatchObject({ stdout: 'written-by-a-test\n' });
    expect(existsSync(join(ROOT, 'written-by-a-test'))).toBe(false);
  });

  test('notice output that is not promised', () => {
    expect(isPromised('a\n…\nz\n', 'a\nb\nc\nz\n')).toBe(true);
    expect(isPromised('a\n…\nz\n', 'b\nc\nz\n')).toBe(false);
    expect(isPromised('', 'a')).toBe(false);
  });

  test('read continued lines, comments and transcripts', () => {
    const [sh, console] = blocksOf('```sh\n# no\na \\\n  b\nc # d\n```\n\n```console\n$ x\ny\nz\n$ w\n```\n') as [
      Block,
      Block,
    ];
    expect(commandsOf(sh).map(({ text, line }) => [text, line])).toEqual([
      ['a \\\n  b', 3],
      ['c # d', 5],
    ]);
    expect(commandsOf(console).map(({ text, output }) => [text, output])).toEqual([
      ['x', 'y\nz\n'],
      ['w', ''],
    ]);
  });
});
