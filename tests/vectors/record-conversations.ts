/**
 * Brings the recorded conversations up to date: `bun tests/vectors/record-conversations.ts`. Those that are said again as they stand
 * are left alone, so that what changes, and no more, is in the diff. An argument records anew each whose name has that in it, which a
 * scenario needs whose peer has changed; `''` is in all. Under Bun or Node.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { CONVERSATIONS, fileOf, replayScenario } from './conversations.ts';
import { formatRecording, parseRecording } from './recording.ts';
import { record, type Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';

function isUpToDate(name: string, scenario: Scenario): boolean {
  const file = fileOf(name);
  if (!existsSync(file)) return false;
  try {
    replayScenario(name, scenario, parseRecording(readFileSync(file, 'utf8')));
    return true;
  } catch {
    return false;
  }
}

const anew = process.argv[2];
mkdirSync(CONVERSATIONS, { recursive: true });
for (const [name, scenario] of Object.entries(SCENARIOS)) {
  if (!(anew !== undefined && name.includes(anew)) && isUpToDate(name, scenario)) continue;
  console.log(`recorded: ${name}`);
  writeFileSync(fileOf(name), formatRecording(await record(name, scenario)));
}
const files = Object.keys(SCENARIOS).map((name) => fileOf(name).pathname);
for (const file of readdirSync(CONVERSATIONS)) {
  const { pathname } = new URL(file, CONVERSATIONS);
  if (files.includes(pathname)) continue;
  console.log(`removed: ${file}`);
  rmSync(pathname);
}
