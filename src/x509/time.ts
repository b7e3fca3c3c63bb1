import type { Bytes } from '../core/bytes.ts';
import { type DerReader, TAG } from './der.ts';

/** Seconds since 1970-01-01T00:00:00Z, leap seconds not counted. Fractions are cut off where times are compared. */
export type UnixSeconds = number;

/** RFC 5280 section 4.1.2.5: the reader's next value, a UTCTime `YYMMDDHHMMSSZ` or a GeneralizedTime `YYYYMMDDHHMMSSZ`. */
export function readTime(reader: DerReader, name: string): UnixSeconds {
  const at = reader.offset;
  const isGeneralized = reader.peekTag() === TAG.generalizedTime;
  const text = reader.contents(isGeneralized ? TAG.generalizedTime : TAG.utcTime, name);
  const time = timeAt(text, 0, text.length, isGeneralized);
  return typeof time === 'string' ? reader.fail(time, at, name) : time;
}

/** The same of the contents from `from` to `to`; a string says what is wrong with them. */
export function timeAt(text: Bytes, from: number, to: number, isGeneralized: boolean): UnixSeconds | string {
  const rest = to - 11;
  if (to - from !== (isGeneralized ? 15 : 13) || text[to - 1] !== ZULU) return NOT_A_TIME;
  for (let index = from; index < to - 1; index++) {
    const character = text[index] as number;
    if (character < 0x30 || character > 0x39) return NOT_A_TIME;
  }
  const twoDigits = pair(text, rest - 2);
  const century = isGeneralized ? pair(text, from) : twoDigits < 50 ? 20 : 19;
  const year = century * 100 + twoDigits;
  const month = pair(text, rest);
  const day = pair(text, rest + 2);
  const hour = pair(text, rest + 4);
  const minute = pair(text, rest + 6);
  const second = pair(text, rest + 8);
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59)
    return 'no such time';
  return daysSince1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
}

const NOT_A_TIME = 'not a time in seconds and UTC';

function pair(text: Bytes, at: number): number {
  return 10 * (text[at] as number) + (text[at + 1] as number) - 11 * 0x30;
}

const ZULU = 0x5a;

/** `2026-05-09 12:00:00 UTC`; for a time outside of what certificates can say, the number. */
export function formatTime(seconds: UnixSeconds): string {
  if (!(seconds >= -62_135_596_800 && seconds <= 253_402_300_799)) return `${seconds}`;
  return `${new Date(Math.floor(seconds) * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days in the proleptic Gregorian calendar, counting years from March so that the leap day comes last. */
function daysSince1970(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + dayOfYear - 719_468;
}
