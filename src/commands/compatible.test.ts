import { describe, expect, test } from 'bun:test';
import type { ConnectOptions } from './connect-options.ts';
import { parseConnect } from './connect-options.ts';
import { parseOpenssl } from './openssl.ts';
import { UsageError } from './options.ts';
import { parseSslClient } from './ssl-client.ts';

const words = (text: string) => text.split(' ').filter((word) => word !== '');
const dns = (name: string) => ({ type: 'dns', name }) as const;
const LOOPBACK = { type: 'ip', address: Uint8Array.of(127, 0, 0, 1) } as const;

describe('openssl', () => {
  const openssl = (text: string): ConnectOptions => parseOpenssl(words(text));

  test("Debian's BusyBox wget, for a name and for an address (with the port, as it does)", () => {
    const named = 's_client -quiet -connect a.example:443 -servername a.example -verify 100 -verify_return_error';
    expect(openssl(`${named} -verify_hostname a.example`)).toMatchObject({
      network: { host: 'a.example', port: 443 },
      references: [dns('a.example')],
      serverName: 'a.example',
      verify: true,
      systemStore: true,
      atInputEnd: 'keep-open',
      backend: 'tlsify',
      sandbox: 'standard',
    });
    const address = 's_client -quiet -connect 127.0.0.1:443 -verify 100 -verify_return_error -verify_ip';
    for (const ip of ['127.0.0.1', '127.0.0.1:443'])
      expect(openssl(`${address} ${ip}`)).toMatchObject({ references: [LOOPBACK], serverName: null });
  });

  test('wget --no-check-certificate asks for no verification, and gets it', () => {
    expect(openssl('s_client -quiet -connect a.example:443 -servername a.example')).toMatchObject({
      verify: true,
      references: [dns('a.example')],
    });
    expect(openssl('s_client -quiet -connect 127.0.0.1:443')).toMatchObject({ verify: true, references: [LOOPBACK] });
  });

  test('the name to verify is -verify_hostname, else -servername, else the host', () => {
    const verified = (text: string) => openssl(`s_client -quiet -connect c.example:1 ${text}`).references;
    expect(verified('-verify_hostname a.example -servername b.example')).toEqual([dns('a.example')]);
    expect(verified('-servername b.example')).toEqual([dns('b.example')]);
    expect(verified('')).toEqual([dns('c.example')]);
  });

  test('-CAfile takes the place of the default store, as in the original', () => {
    const options = openssl('s_client -quiet -connect a.example:1 -CAfile f -CApath d -alpn h2,x -noservername');
    expect(options).toMatchObject({ authorities: ['f', 'd'], systemStore: false, alpn: ['h2', 'x'], serverName: null });
  });

  test('-tls1_3 and -tls1_2 are of this version and no other', () => {
    const versions = (text: string) => openssl(`s_client -quiet -connect a.example:1 ${text}`);
    expect(versions('')).toMatchObject({ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' });
    expect(versions('-tls1_3')).toMatchObject({ minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' });
    expect(versions('-tls1_2')).toMatchObject({ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' });
  });

  test('-no_ign_eof ends with the input', () => {
    expect(openssl('s_client -quiet -no_ign_eof -connect a.example:1').atInputEnd).toBe('close-notify');
  });

  test.each([
    '',
    'x509 -in file',
    's_server -quiet -connect a.example:443',
    's_client',
    's_client -connect a.example:443',
    's_client -quiet',
    's_client -quiet -connect',
    's_client -quiet -connect a.example',
    's_client -quiet -connect a.example:443 -verify_hostname',
    's_client -quiet -connect a.example:443 -verify_hostname *',
    's_client -quiet -connect a.example:443 -verify_hostname a.example -verify_ip 192.0.2.1',
    's_client -quiet -connect a.example:443 -verify_hostname a.example -verify_hostname b.example',
    's_client -quiet -connect a.example:443 -cert c.pem',
    's_client -quiet -connect a.example:443 -tls1_2 -tls1_3',
    's_client -quiet -connect a.example:443 -tls1_1',
    's_client -quiet -connect a.example:443 -insecure',
    's_client -quiet -connect a.example:443 --insecure-no-verify',
    's_client -quiet -connect a.example:443 -partial_chain',
    's_client -quiet -connect a.example:443 -no_check_time',
    's_client -quiet -connect a.example:443 -starttls smtp',
    's_client -quiet -connect a.example:443 a.example',
  ])('refuses: openssl %s', (text) => {
    expect(() => openssl(text)).toThrow(UsageError);
  });
});

describe('ssl_client', () => {
  const sslClient = (text: string): ConnectOptions => parseSslClient(words(text));

  test.each(['-s3 -n a.example', '-s 3 -n a.example', '-s3 -r3 -n a.example', '-r3 -n a.example'])('%s', (text) => {
    expect(sslClient(text)).toMatchObject({
      network: { descriptor: 3 },
      references: [dns('a.example')],
      serverName: 'a.example',
      verify: true,
      atInputEnd: 'keep-open',
      backend: 'tlsify',
    });
  });

  test('-e ends with the input; an address is verified as one', () => {
    expect(sslClient('-s3 -n a.example -e').atInputEnd).toBe('close-notify');
    expect(sslClient('-s3 -n 127.0.0.1')).toMatchObject({ references: [LOOPBACK], serverName: null });
  });

  test.each([
    '',
    '-s3',
    '-n a.example',
    '-s3 -r4 -n a.example',
    '-s3 -n a.example b',
    '-s3 -n a.example -k',
    '-sx -n a',
  ])('refuses: ssl_client %s', (text) => {
    expect(() => sslClient(text)).toThrow(UsageError);
  });
});

describe('connect', () => {
  const connect = (text: string): ConnectOptions => parseConnect(words(text)) as ConnectOptions;

  test('what holds when nothing is said', () => {
    expect(connect('a.example.:443')).toEqual({
      network: { host: 'a.example.', literal: false, port: 443 },
      plainDescriptor: null,
      references: [dns('a.example')],
      pins: [],
      verify: true,
      serverName: 'a.example',
      ech: null,
      authorities: [],
      systemStore: true,
      mozillaStore: false,
      revocationLists: [],
      revocation: 'soft',
      alpn: [],
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      statusDescriptor: null,
      handshakeTimeoutMs: 30_000,
      idleTimeoutMs: Number.POSITIVE_INFINITY,
      sandbox: 'standard',
      sandboxWithout: [],
      quiet: false,
      atInputEnd: 'close-notify',
      backend: 'tlsify',
    });
  });

  test('keys: in the place of the name, or in addition to it, and never both under one word', () => {
    const key = (byte: string) => `spki-sha256:${byte.repeat(64)}`;
    const digest = (byte: number) => new Uint8Array(32).fill(byte);
    expect(connect(`--name ${key('a')} --name ${key('b')} a.example:1`)).toMatchObject({
      references: [
        { type: 'spki-sha256', digest: digest(0xaa) },
        { type: 'spki-sha256', digest: digest(0xbb) },
      ],
      pins: [],
    });
    expect(connect(`--pin ${key('a')} --pin ${key('b')} a.example:1`)).toMatchObject({
      references: [dns('a.example')],
      pins: [digest(0xaa), digest(0xbb)],
    });
    for (const text of [`--name ${key('a')} --name a.example`, `--pin ${'a'.repeat(64)}`, '--pin dns:a.example'])
      expect(() => connect(`${text} a.example:1`)).toThrow(UsageError);
  });

  test('revocation: lists and a policy', () => {
    expect(connect('--crl a.crl --crl b.crl --revocation hard a.example:1')).toMatchObject({
      revocationLists: ['a.crl', 'b.crl'],
      revocation: 'hard',
    });
    expect(() => connect('--revocation maybe a.example:1')).toThrow(UsageError);
    for (const option of ['--name a', `--pin spki-sha256:${'0'.repeat(64)}`, '--crl a', '--revocation hard'])
      expect(() => connect(`--insecure-no-verify ${option} a.example:1`)).toThrow(UsageError);
  });

  test('--keep-open leaves the end of the connection to the server', () => {
    expect(connect('--keep-open a.example:1').atInputEnd).toBe('keep-open');
    expect(connect('--backend openssl a.example:1').backend).toBe('openssl');
    expect(() => connect('--backend opensll a.example:1')).toThrow(/not one of tlsify, openssl/);
    expect(connect('-kq a.example:1')).toMatchObject({ atInputEnd: 'keep-open', quiet: true });
  });

  test('the server is asked for by the host, else by the first name, and never by an address', () => {
    expect(connect('a.example:1 --name dns:b.example').serverName).toBe('a.example');
    expect(connect('127.0.0.1:1 --name ip:127.0.0.1 --name dns:b.example').serverName).toBe('b.example');
    expect(connect('--net-fd 3 --name dns:b.example').serverName).toBe('b.example');
    expect(connect('[fe80::1%eth0]:1').serverName).toBeNull();
    expect(connect('a.example:1 --sni none').serverName).toBeNull();
    expect(connect('a.example:1 --sni C.example.').serverName).toBe('c.example');
    expect(connect('a.example:1 --insecure-no-verify').serverName).toBe('a.example');
  });

  test('names given take the place of the host', () => {
    expect(connect('a.example:1 --name b.example -n 127.0.0.1').references).toEqual([dns('b.example'), LOOPBACK]);
  });

  test('only --insecure-no-verify verifies nothing', () => {
    expect(connect('a.example:1 --insecure-no-verify')).toMatchObject({ verify: false, references: [] });
    expect(connect('--net-fd 3 --insecure-no-verify')).toMatchObject({ verify: false, references: [] });
    for (const text of [
      'a.example:1',
      'a.example:1 --sandbox off',
      'a.example:1 --sni none',
      '--net-fd 3 -n a.example',
    ])
      expect(connect(text).verify).toBe(true);
  });

  test('times are in seconds; 0 is for ever', () => {
    expect(connect('a.example:1 -t 1.5 -i 600')).toMatchObject({ handshakeTimeoutMs: 1500, idleTimeoutMs: 600_000 });
    expect(connect('a.example:1 -t 0').handshakeTimeoutMs).toBe(Number.POSITIVE_INFINITY);
  });
});
