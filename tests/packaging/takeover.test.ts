import { beforeAll, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile, forgetVariables, TAKEOVERS } from '../../scripts/build.ts';
import { freePort } from '../support/peer-process.ts';
import { scratchPath } from '../support/scratch.ts';

interface Attack {
  readonly env?: Readonly<Record<string, string>>;
  /** In the working folder. */
  readonly files?: Readonly<Record<string, string>>;
}

const PRELOADED = { 'attack.js': 'console.log("attack");\n' };

/**
 * Ways in which the surroundings of a compiled Bun program change what it runs. Each must work on a program that is compiled as Bun
 * does it by default, or it would prove nothing that it fails on one that is compiled as ours.
 */
const ATTACKS: Readonly<Record<string, Attack>> = {
  'BUN_BE_BUN': { env: { BUN_BE_BUN: '1' } },
  'BUN_OPTIONS': { env: { BUN_OPTIONS: '--preload ./attack.js' }, files: PRELOADED },
  'BUN_INSPECT': { env: { BUN_INSPECT: `ws://127.0.0.1:${await freePort()}/` } },
  'bunfig.toml in the working folder': { files: { 'bunfig.toml': 'preload = ["./attack.js"]\n', ...PRELOADED } },
  '.env in the working folder': { files: { '.env': 'ATTACK=attack\n' } },
};

/** Says "attack" when the environment has it, or when somebody opens a socket in the process: a debugger takes a moment to. */
const PROGRAM = `
import { readdirSync, readlinkSync } from 'node:fs';
const target = (fd: string) => { try { return readlinkSync('/proc/self/fd/' + fd); } catch { return ''; } };
const listening = () => readdirSync('/proc/self/fd').some((fd) => Number(fd) > 2 && target(fd).startsWith('socket:'));
for (let tries = process.env.BUN_INSPECT ? 100 : 0; tries > 0 && !listening(); tries--) Bun.sleepSync(10);
console.log(listening() ? 'attack' : process.env.ATTACK ?? 'undisturbed');
`;

const folder = scratchPath('takeover');
const byDefault = join(folder, 'default');
const asOurs = join(folder, 'ours');

beforeAll(async () => {
  mkdirSync(folder);
  const entry = join(folder, 'program.ts');
  writeFileSync(entry, PROGRAM);
  const built = await Bun.build({ entrypoints: [entry], compile: { outfile: byDefault } });
  expect(built.success).toBe(true);
  await compile(entry, asOurs);
});

function run(program: string, { env, files = {} }: Attack): string {
  const cwd = scratchPath('working');
  mkdirSync(cwd);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
  // As the `bun` command it does what -e says; as itself it does not look at its arguments.
  const args = ['-e', 'console.log("attack")'];
  return spawnSync(program, args, {
    cwd,
    env: { PATH: '/usr/bin:/bin', ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  }).stdout.toString();
}

describe('the surroundings of a compiled program', () => {
  for (const [name, attack] of Object.entries(ATTACKS))
    test(`${name} takes over one that is compiled by default, and not ours`, () => {
      expect(run(byDefault, {})).toBe('undisturbed\n');
      expect(run(byDefault, attack)).toContain('attack');
      expect(run(asOurs, attack)).toBe('undisturbed\n');
    });

  test('the names of the variables are gone from the executable', () => {
    const names = (path: string) => TAKEOVERS.filter((name) => readFileSync(path).includes(name));
    expect(names(byDefault)).toEqual([...TAKEOVERS]);
    expect(names(asOurs)).toEqual([]);
  });

  test('a runtime without one of the names fails the build', () => {
    expect(() => forgetVariables(Buffer.from('BUN_OPTIONS'), TAKEOVERS)).toThrow(/BUN_BE_BUN/);
  });

  test('each place of a name is overwritten, and nothing else', () => {
    const executable = Buffer.from('A\0BUN_X\0BUN_XY\0B');
    forgetVariables(executable, ['BUN_X']);
    expect(executable.toString('latin1')).toBe('A\0\0\0\0\0\0\0\0\0\0\0\0Y\0B');
  });
});
