/**
 * Writes the table of docs/conformance.md from what the runner has left behind:
 *
 *     bun tests/conformance/counts.ts RESULTS.json TESTS.tsv
 *
 * RESULTS.json is the `-json-output` of a whole run, TESTS.tsv what `-explain` has written (docs/conformance.md has both command
 * lines). Fails for a test that is not accounted for.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { account, countsTable, type RunnerConfig } from './accounting.ts';

const [resultsFile, testsFile] = process.argv.slice(2);
if (resultsFile === undefined || testsFile === undefined) throw new Error('usage: counts.ts RESULTS.json TESTS.tsv');

const config = JSON.parse(readFileSync(join(import.meta.dir, 'config.json'), 'utf8')) as RunnerConfig;
const { tests } = JSON.parse(readFileSync(resultsFile, 'utf8')) as { tests: Record<string, { actual: string }> };
const actual = new Map(Object.entries(tests).map(([name, result]) => [name, result.actual]));
const lines = readFileSync(testsFile, 'utf8').trimEnd().split('\n');
const explained = new Map(lines.map((line) => line.split('\t') as [string, string]));

const accounts = account(config, explained, actual);
for (const name of accounts.failed) console.error(`failed: ${name}`);
const table = countsTable(accounts);
const page = join(import.meta.dir, '../../docs/conformance.md');
const text = readFileSync(page, 'utf8');
writeFileSync(page, text.replace(/(?<=<!-- counts -->\n)[\s\S]*(?=<!-- \/counts -->)/, table));
console.log(table);
