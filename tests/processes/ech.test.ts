/** `--ech`: what people and programs see of Encrypted Client Hello, and what the network does. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { heldEchKey } from '../support/ech-keys.ts';
import { type EchServer, echList, listenEch, PUBLIC_NAME } from '../support/ech-server.ts';
import { scratchPath } from '../support/scratch.ts';
import { runTlsify } from '../support/tlsify-process.ts';
import { connectArguments, expectFailure, listen, TEST_LIMIT_MS } from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

const KEY = heldEchKey('key');
const OLD_KEY = heldEchKey('old key', { configId: 9 });

const servers: EchServer[] = [];
afterAll(() => {
  for (const { peer } of servers) peer.close();
});

async function serve(...of: Parameters<typeof listenEch>): Promise<EchServer> {
  const server = await listenEch(...of);
  servers.push(server);
  return server;
}

const connect = ({ peer }: EchServer, ...options: string[]) => runTlsify(connectArguments(peer.port, ...options));

describe('a server with the key', () => {
  test('is asked for its name in secret: the network sees the public name alone', async () => {
    const server = await serve([KEY]);
    const result = await connect(server, '--ech', echList(KEY));
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout.toString()).toBe('name=localhost ech=accepted\n');
    expect(result.status[0]).toMatchObject({
      event: 'ready',
      ech: 'accepted',
      serverName: 'localhost',
      peer: { matched: ['dns:localhost'] },
    });
    expect(server.heard()).toContain(PUBLIC_NAME);
    expect(server.heard()).not.toContain('localhost');
  });

  test('without --ech sees an extension that means nothing, and the name in the clear', async () => {
    const server = await serve([KEY]);
    const result = await connect(server);
    expect(result.stdout.toString()).toBe('name=localhost ech=rejected\n');
    expect(result.status[0]).toMatchObject({ event: 'ready', ech: 'grease' });
    expect(server.heard()).toContain('localhost');
  });

  for (const sandbox of ['strict', 'off'])
    test(`the list comes from a file, in the sandbox ${sandbox}, and its first usable configuration is taken`, async () => {
      const path = scratchPath('ech');
      const unusable = heldEchKey('unusable', { extensions: new Map([[0x8001, new Uint8Array()]]) });
      writeFileSync(path, `${echList(unusable, KEY).replace(/.{64}/g, '$&\n')}\n`);
      const result = await connect(await serve([KEY]), '--ech', `@${path}`, '--sandbox', sandbox);
      expect(result.stdout.toString()).toBe('name=localhost ech=accepted\n');
    });
});

describe('a server with another key', () => {
  test('proposes configurations, which are accepted as they are printed', async () => {
    const server = await serve([KEY]);
    const rejected = await connect(server, '--ech', echList(OLD_KEY));
    expectFailure(rejected, { code: 76, why: 'ech-rejected', says: /public\.example proposes other configurations/ });
    expect(rejected.stdout).toBeEmpty();
    expect(server.heard()).not.toContain('localhost');
    const printed = / --ech (\S+)\n$/.exec(rejected.stderr)?.[1] ?? '';
    expect(rejected.status[0]).toMatchObject({ echRetryConfigs: printed });
    const accepted = await connect(server, '--ech', printed);
    expect(accepted.stdout.toString()).toBe('name=localhost ech=accepted\n');
  });

  test('that is not the public name is not believed: its certificate is refused, and nothing is proposed', async () => {
    const server = await serve([KEY], ['localhost']);
    const result = await connect(server, '--ech', echList(OLD_KEY));
    expectFailure(result, {
      code: 77,
      why: 'certificate-name-mismatch',
      says: /rejected, by whom is not proved: .*not for dns:public\.example\)\ntlsify: .*list of --ech/,
    });
    expect(result.status[0]).not.toHaveProperty('echRetryConfigs');
    expect(server.heard()).not.toContain('localhost');
    // The control: for its own name, it is accepted.
    expect((await connect(server)).code).toBe(0);
  });

  test('proves the public name by the CAs that are trusted, and by no pin or --name of the true one', async () => {
    const server = await serve([KEY], [PUBLIC_NAME]);
    const pin = `spki-sha256:${'00'.repeat(32)}`;
    const result = await connect(server, '--ech', echList(OLD_KEY), '--name', 'dns:localhost', '--pin', pin);
    expectFailure(result, { code: 76, why: 'ech-rejected', says: /proposes/ });
    const stranger = await runTlsify(['connect', `localhost:${server.peer.port}`, '--ech', echList(OLD_KEY)]);
    expect(stranger).toMatchObject({ code: 77 });
    expect(stranger.stderr).toContain('by whom is not proved');
  });
});

test('a server that has none is a failure that says so, and never a connection', async () => {
  const server = await serve([]);
  const result = await connect(server, '--ech', echList(OLD_KEY));
  expectFailure(result, {
    code: 76,
    why: 'ech-rejected',
    says: /\(public\.example has none\)\ntlsify: .*switched off/,
  });
  expect(result.status[0]).not.toHaveProperty('echRetryConfigs');
  expect(server.heard()).not.toContain('localhost');
});

describe('before anything is dialled', () => {
  let dialled = 0;
  let port = 0;
  beforeAll(async () => {
    const peer = await listen((socket) => {
      dialled += 1;
      socket.end();
    });
    ({ port } = peer);
  });

  const tooLarge = scratchPath('ech');
  writeFileSync(tooLarge, ' '.repeat(98_305));
  const notAList = scratchPath('ech');
  writeFileSync(notAList, 'AAAA\n');
  const raw = scratchPath('ech');
  writeFileSync(raw, Uint8Array.fromBase64(echList(KEY)));

  const unusable: Readonly<Record<string, readonly [list: string, says: RegExp]>> = {
    'a list of which nothing can be used': [echList(heldEchKey('', { kem: 0x0012 })), /none of its configurations/],
    'a file that is not there': [`@${tooLarge}.missing`, /cannot read .*no such file/],
    'a file that is none': ['@/dev/null', /it is not a file/],
    'a file that is too large': [`@${tooLarge}`, /larger than 98304 bytes/],
    'a file of something else': [`@${notAList}`, /not an ECHConfigList/],
    'a file with the bytes themselves': [`@${raw}`, /not base64/],
  };
  for (const [name, [list, says]] of Object.entries(unusable))
    test(`${name} ends the run`, async () => {
      const result = await runTlsify(connectArguments(port, '--ech', list));
      expectFailure(result, { code: 78, why: 'ech-list-unusable', says });
      expect(dialled).toBe(0);
    });

  test('and the control: with a list that can be used, it is', async () => {
    await runTlsify(connectArguments(port, '--ech', echList(KEY)));
    expect(dialled).toBe(1);
  });
});

test('a configuration whose key is none is found before a byte is sent', async () => {
  const server = await serve([KEY]);
  const none = heldEchKey('none', { publicKey: new Uint8Array(32) });
  const result = await connect(server, '--ech', echList(none));
  expectFailure(result, { code: 76, why: 'ech-config-unusable', says: /its public key is none/ });
  expect(server.heard()).toBe('');
});
