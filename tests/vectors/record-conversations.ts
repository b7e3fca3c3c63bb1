/**
 * Brings the recorded conversations up to date: `bun tests/vectors/record-conversations.ts`. Those that are said again as they stand
 * are left alone, so that what changes, and no more, is in the diff. An argument records anew each whose name has that in it, which a
 * scenario needs whose peer has changed; `''` is in all. Under Bun or Node.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { CONVERSATIONS, fileOf, replayScenario } from './conversations.ts';
import { formatRecording, parseRecording, type Recording } from './recording.ts';
import { record, type Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';

function isUpToDate(name: string, scenario: Scenario, recording: Recording): boolean {
  try {
    replayScenario(name, scenario, recording);
    return true;
  } catch {
    return false;
  }
}

/** With the answers of the earlier recording if they will do, so that the diff shows what the engine does otherwise. */
async function recordAgain(name: string, scenario: Scenario, earlier: Recording): Promise<Omit<Recording, 'records'>> {
  try {
    return await record(name, scenario, { earlier });
  } catch {
    return record(name, scenario);
  }
}

const anew = process.argv[2];
mkdirSync(CONVERSATIONS, { recursive: true });
for (const [name, scenario] of Object.entries(SCENARIOS)) {
  const file = fileOf(name);
  const isKept = existsSync(file) && (anew === undefined || !name.includes(anew));
  const earlier = isKept ? parseRecording(readFileSync(file, 'utf8')) : null;
  if (earlier !== null && isUpToDate(name, scenario, earlier)) continue;
  console.log(`recorded: ${name}`);
  const recording = await (earlier === null ? record(name, scenario) : recordAgain(name, scenario, earlier));
  writeFileSync(file, formatRecording(recording));
}
const files = Object.keys(SCENARIOS).map((name) => fileOf(name).pathname);
for (const file of readdirSync(CONVERSATIONS)) {
  const { pathname } = new URL(file, CONVERSATIONS);
  if (files.includes(pathname)) continue;
  console.log(`removed: ${file}`);
  rmSync(pathname);
}
