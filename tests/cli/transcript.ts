import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, resolve } from 'node:path';
import { readAll } from '../support/tlsify-process.ts';

/**
 * One command of a transcript as people would type it, and what it printed.
 *
 *     # a comment
 *     $ tlsify conect
 *     ! tlsify: unknown command conect
 *     ! tlsify: did you mean connect?
 *     ? 64
 *
 * `$` begins a command for sh, lines without a mark are its standard output, `! ` its standard error, `? ` its exit code (0 is left
 * out). `$NAME` in what is expected stands for the value of that variable of the world.
 */
export interface Step {
  readonly line: number;
  readonly command: string;
  readonly expected: string;
}

export function parseTranscript(text: string): Step[] {
  const steps: { line: number; command: string; expected: string }[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.startsWith('#') || line === '') continue;
    if (line.startsWith('$ ')) steps.push({ line: index + 1, command: line.slice(2), expected: '' });
    else {
      const step = steps.at(-1);
      if (step === undefined) throw new Error(`line ${index + 1}: output of no command`);
      step.expected += `${line}\n`;
    }
  }
  return steps;
}

/** The folder of `tlsify`; TLSIFY_TEST_COMMAND names another program of that name. */
const FOLDER = resolve(process.env.TLSIFY_TEST_COMMAND ?? resolve(import.meta.dir, '../../bin/tlsify'), '..');

/** Runs one command with the variables of the world in its environment. @returns what it printed, in the form of a transcript */
export async function runStep(command: string, world: Readonly<Record<string, string>>): Promise<string> {
  const env = { ...process.env, ...world, PATH: `${FOLDER}${delimiter}${process.env.PATH}` };
  const child = spawn('sh', ['-c', command], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [code]] = await Promise.all([
    readAll(child.stdout),
    readAll(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  const printed = marked('', stdout.toString()) + marked('! ', stderr.toString()) + (code === 0 ? '' : `? ${code}\n`);
  // The longest first: a port may be a part of a path.
  const variables = Object.entries(world).sort(([, a], [, b]) => b.length - a.length);
  return variables.reduce((text, [name, value]) => text.replaceAll(value, `$${name}`), printed);
}

function marked(mark: string, text: string): string {
  if (text === '') return '';
  const lines = text.endsWith('\n') ? text.slice(0, -1) : `${text}\\`;
  return lines
    .split('\n')
    .map((line) => `${mark}${line}\n`)
    .join('');
}
