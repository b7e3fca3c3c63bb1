/**
 * Writes into docs/ what the program itself knows: options, exit codes, failures, limits, the sandbox. `bun scripts/docs.ts` rewrites
 * what lies between `<!-- begin NAME -->` and `<!-- end NAME -->`; a test fails where that would change anything.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CHECK_OPTIONS } from '../src/commands/check-options.ts';
import { CONNECT_OPTIONS } from '../src/commands/connect-options.ts';
import { EXIT } from '../src/commands/exit-codes.ts';
import { OUTCOMES, type RunWhy } from '../src/commands/failures.ts';
import { STATUS_MEMBERS } from '../src/commands/help/status.ts';
import type { Option, OptionTable } from '../src/commands/options.ts';
import { FAILURES } from '../src/core/failures.ts';
import { explainCalls } from '../src/isolation/explain.ts';
import { LOOK_UP_POLICY } from '../src/isolation/look-up-policy.ts';
import { MECHANISMS, NOT_STOPPED } from '../src/isolation/mechanisms.ts';
import { type Rule, SESSION_POLICY } from '../src/isolation/policy.ts';
import { REMARKS } from '../src/x509/examination.ts';

const FOLDER = resolve(import.meta.dir, '../docs');

const SECTIONS: Readonly<Record<string, () => string>> = {
  'options': () => optionTable(CONNECT_OPTIONS),
  'check-options': () => optionTable(CHECK_OPTIONS),
  'remarks': () =>
    table(
      ['why', 'what it means'],
      Object.entries(REMARKS).map(([why, meaning]) => [code(why), meaning]),
    ),
  'exit-codes': () =>
    table(
      ['code', 'name', 'when'],
      Object.entries(EXIT).map(([name, exit]) => [String(exit), name, whysOf(exit)]),
    ),
  'status': () =>
    table(
      ['event', 'member', 'what it says'],
      Object.entries(STATUS_MEMBERS).flatMap(([event, members]) =>
        Object.entries(members).map(([member, meaning]) => [code(event), code(member), meaning]),
      ),
    ),
  'failures': () =>
    table(
      ['why', 'what it means', 'alert sent', 'exit'],
      (Object.keys(OUTCOMES) as RunWhy[]).map((why) => [
        code(why),
        OUTCOMES[why].says,
        alertOf(why),
        String(OUTCOMES[why].exit),
      ]),
    ),
  'mechanisms': () =>
    table(
      ['part', 'level', 'what it takes away', 'where it cannot be had'],
      Object.entries(MECHANISMS).map(([name, { level, effect, advice }]) => [code(name), level, effect, advice]),
    ),
  'not-stopped': () => NOT_STOPPED.map((item) => `- ${item}\n`).join(''),
  'system-calls': () => systemCalls(SESSION_POLICY),
  'look-up-system-calls': () => systemCalls(LOOK_UP_POLICY),
};

function optionTable(options: OptionTable): string {
  return table(
    ['option', 'what it does'],
    Object.entries(options).map(([name, option]) => [
      code(...(option.short === undefined ? [] : [`-${option.short}`]), spelling(name, option)),
      option.help,
    ]),
  );
}

/** Neighbours that have all but their names in common share a row. */
function systemCalls(policy: readonly Rule[]): string {
  const rows: { readonly calls: string[]; readonly cells: readonly string[] }[] = [];
  for (const { call, verdict, condition, why } of explainCalls(policy)) {
    const cells = [verdict, condition ?? '', why];
    const last = rows.at(-1);
    if (last?.cells.join('\0') === cells.join('\0')) last.calls.push(call);
    else rows.push({ calls: [call], cells });
  }
  return table(
    ['call', 'answer', 'if', 'why'],
    rows.map(({ calls, cells }) => [code(...calls), ...cells]),
  );
}

/** `text` with every section between its marks as the program has it now. @throws Error for a section that nobody knows. */
export function regenerate(text: string): string {
  return text.replace(
    /(<!-- begin (\S+) -->\n)[\s\S]*?(<!-- end \2 -->)/g,
    (_, begin: string, name: string, end: string) => {
      const section = SECTIONS[name];
      if (section === undefined) throw new Error(`no section ${name}`);
      return `${begin}\n${section()}\n${end}`;
    },
  );
}

function spelling(name: string, option: Option): string {
  return `--${name}${option.takes === 'nothing' ? '' : ` ${option.metavariable}`}`;
}

/** The failures that end with this code, by the beginning of their names where there are many. */
function whysOf(exit: number): string {
  const whys = (Object.keys(OUTCOMES) as RunWhy[]).filter((why) => OUTCOMES[why].exit === exit);
  if (exit === EXIT.clean) return 'all went well, to the end of both directions';
  if (exit === EXIT.warnings) return '`check`: the chain is accepted, and something should be done';
  if (exit === EXIT.usage) return 'the command line says nothing that can be done';
  if (whys.length > 12) return `${whys.length} failures, see below`;
  return whys.map((why) => code(why)).join(', ');
}

function alertOf(why: RunWhy): string {
  return Object.hasOwn(FAILURES, why) ? code(FAILURES[why as keyof typeof FAILURES].alert ?? '') : '';
}

function code(...words: readonly string[]): string {
  return words
    .filter((word) => word !== '')
    .map((word) => `\`${word}\``)
    .join(', ');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
  return [row(head), `|${'---|'.repeat(head.length)}\n`, ...rows.map(row)].join('');
}

if (import.meta.main)
  for (const name of readdirSync(FOLDER)) {
    const path = join(FOLDER, name);
    writeFileSync(path, regenerate(readFileSync(path, 'utf8')));
  }
