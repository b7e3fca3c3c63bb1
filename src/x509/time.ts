import { type DerReader, TAG } from './der.ts';

/** Seconds since 1970-01-01T00:00:00Z, leap seconds not counted. Fractions are cut off where times are compared. */
export type UnixSeconds = number;

/** RFC 5280 section 4.1.2.5: the reader's next value, a UTCTime `YYMMDDHHMMSSZ` or a GeneralizedTime `YYYYMMDDHHMMSSZ`. */
export function readTime(reader: DerReader, name: string): UnixSeconds {
  const at = reader.offset;
  const generalized = reader.peekTag() === TAG.generalizedTime;
  const text = reader.contents(generalized ? TAG.generalizedTime : TAG.utcTime, name);
  const yearDigits = generalized ? 4 : 2;
  if (text.length !== yearDigits + 11 || text[text.length - 1] !== ZULU)
    reader.fail('not a time in seconds and UTC', at, name);
  const number = (from: number, length: number): number => {
    let value = 0;
    for (let index = from; index < from + length; index++) {
      const digit = (text[index] as number) - 0x30;
      if (digit < 0 || digit > 9) reader.fail('not a time in seconds and UTC', at, name);
      value = value * 10 + digit;
    }
    return value;
  };
  let year = number(0, yearDigits);
  if (!generalized) year += year < 50 ? 2000 : 1900;
  const month = number(yearDigits, 2);
  const day = number(yearDigits + 2, 2);
  const hour = number(yearDigits + 4, 2);
  const minute = number(yearDigits + 6, 2);
  const second = number(yearDigits + 8, 2);
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59)
    reader.fail('no such time', at, name);
  return daysSince1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
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
