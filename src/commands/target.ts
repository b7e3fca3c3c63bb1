import { parseIpAddress } from '../core/ip-address.ts';
import { hostReference, InvalidIdentifier } from '../x509/names.ts';
import { printable, UsageError } from './options.ts';

/** Where to connect to. */
export interface Target {
  /** A name as name servers take it (A-labels, with the final dot if it was typed), or an address, with its zone if there is one. */
  readonly host: string;
  /** `host` is an address. */
  readonly literal: boolean;
  readonly port: number;
}

/**
 * `HOST:PORT`, `192.0.2.1:PORT`, `[2001:db8::1]:PORT`, `[fe80::1%eth0]:PORT`.
 * @throws UsageError that says how it should be written
 */
export function parseTarget(text: string): Target {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) throw misspelt(text);
  const [, bracketed, plain] = match;
  const port = Number(match[3]);
  if (port < 1 || port > 65535) throw new UsageError(`${printable(text)}: a port is a number from 1 to 65535`);
  if (bracketed !== undefined) {
    const [address] = bracketed.split('%', 1) as [string];
    if (!address.includes(':') || parseIpAddress(address) === null || !/^[^%]+(%[\w.-]{1,15})?$/.test(bracketed))
      throw new UsageError(`${printable(text)}: there is no IPv6 address between the brackets`);
    return { host: bracketed, literal: true, port };
  }
  const host = plain as string;
  if (parseIpAddress(host) !== null) return { host, literal: true, port };
  return { host: asciiName(host), literal: false, port };
}

/** As it is written on the command line. */
export function formatTarget({ host, port }: Target): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** UTS 46 ToASCII by the runtime, loaded only for names that are not ASCII. */
export function toAscii(name: string): string {
  return process.getBuiltinModule('node:url').domainToASCII(name);
}

function asciiName(host: string): string {
  try {
    const reference = hostReference(host, toAscii);
    if (reference.type === 'dns') return host.endsWith('.') ? `${reference.name}.` : reference.name;
  } catch (error) {
    if (!(error instanceof InvalidIdentifier)) throw error;
  }
  throw new UsageError(`${printable(host)} is not a host name`);
}

/** Guesses what was meant, so that the fix can be copied. */
function misspelt(text: string): UsageError {
  const url = /^(https|imaps|smtps|pop3s|ldaps|ircs):\/\/([^/?#@]+)/i.exec(text);
  if (url !== null) {
    const authority = url[2] as string;
    const port = WELL_KNOWN_PORTS[(url[1] as string).toLowerCase() as keyof typeof WELL_KNOWN_PORTS];
    return new UsageError(
      `${printable(text)} is a URL, and connect takes HOST:PORT`,
      `tlsify connect ${/:\d+$/.test(authority) ? authority : `${authority}:${port}`}`,
    );
  }
  const beforePort = text.replace(/:\d{2,5}$/, '');
  if (beforePort !== text && beforePort.includes(':') && parseIpAddress(beforePort) !== null)
    return new UsageError(
      `${printable(text)}: an IPv6 address needs brackets`,
      `tlsify connect [${beforePort}]:${text.slice(beforePort.length + 1)}`,
    );
  if (parseIpAddress(text.replace(/%.*$/, '')) !== null && text.includes(':'))
    return new UsageError(`${printable(text)} has no port`, `tlsify connect [${text}]:443`);
  if (/^\[[0-9a-fA-F:.]+\]$/.test(text)) return new UsageError(`${text} has no port`, `tlsify connect ${text}:443`);
  const [, host, service] = /^([^:[\]\s]+):([a-z]+)$/.exec(text) ?? [];
  if (host !== undefined && service !== undefined && Object.hasOwn(WELL_KNOWN_PORTS, service))
    return new UsageError(
      `${printable(text)}: the port is a number`,
      `tlsify connect ${host}:${WELL_KNOWN_PORTS[service as keyof typeof WELL_KNOWN_PORTS]}`,
    );
  if (/^[^:[\]\s]+$/.test(text)) return new UsageError(`${printable(text)} has no port`, `tlsify connect ${text}:443`);
  return new UsageError(
    `${printable(text)} is not HOST:PORT`,
    'the port is a number, and an IPv6 address is in brackets: [2001:db8::1]:443',
  );
}

const WELL_KNOWN_PORTS = { https: 443, imaps: 993, smtps: 465, pop3s: 995, ldaps: 636, ircs: 6697 } as const;
