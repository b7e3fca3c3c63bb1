import { describe, expect, test } from 'bun:test';
import { countReport } from '../../scripts/test.ts';

const FILES = ['a.test.ts', 'b.test.ts'];
const testcase = (file: string, name: string, inside = '') =>
  inside === ''
    ? `<testcase name="${name}" file="${file}" />`
    : `<testcase name="${name}" file="${file}">${inside}</testcase>`;

describe('scripts/test.ts counts', () => {
  test('tests that pass, however they are nested', () => {
    const xml = `<testsuites><testsuite name="a">${testcase('a.test.ts', 'one')}<testsuite name="b">${testcase('b.test.ts', 'two')}</testsuite></testsuite></testsuites>`;
    expect(countReport(xml, FILES)).toEqual({ passed: 2, failed: 0, complaints: [] });
  });

  test('failures, and what is next to them', () => {
    const xml = [
      testcase('a.test.ts', 'bad', '<failure message="a &lt;testcase>">text</failure>'),
      testcase('a.test.ts', 'worse', '<error />'),
      testcase('b.test.ts', 'good'),
    ].join('\n');
    expect(countReport(xml, FILES)).toMatchObject({ passed: 1, failed: 2 });
  });

  test('a test that is skipped as one that failed', () => {
    const xml = testcase('a.test.ts', 'skipped', '<skipped />') + testcase('b.test.ts', 'good');
    expect(countReport(xml, FILES)).toMatchObject({
      passed: 1,
      failed: 1,
      complaints: ['skipped: a.test.ts: skipped'],
    });
  });

  test('a file without a test as a failure, whether the runner leaves it out or reports the file itself', () => {
    const good = testcase('a.test.ts', 'good');
    expect(countReport(good, FILES)).toMatchObject({ passed: 1, failed: 1, complaints: ['no test ran in b.test.ts'] });
    expect(countReport(good + testcase('b.test.ts', 'b.test.ts'), FILES)).toMatchObject({ passed: 1, failed: 1 });
  });

  test('a report that is empty or cut short as all of its files', () => {
    expect(countReport('', FILES)).toMatchObject({ passed: 0, failed: 2 });
    expect(countReport(testcase('a.test.ts', 'good').slice(0, -4), FILES)).toMatchObject({ passed: 0, failed: 2 });
  });
});
