import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { serverCertificate } from '../support/certificates.ts';
import { PeerProcess, requireProgram } from '../support/peer-process.ts';
import { scratchPath } from '../support/scratch.ts';
import { filesOf, ISSUING_CA, localServer } from '../support/test-pki.ts';
import { runStep } from './transcript.ts';

const PAGE = 'a page of some bytes\n'.repeat(5000);
const shims = scratchPath('shims');
const pages = scratchPath('pages');
let good: PeerProcess;
let elsewhere: PeerProcess;
let variables: Record<string, string>;

beforeAll(async () => {
  requireProgram('busybox', 'the package busybox');
  mkdirSync(pages);
  writeFileSync(join(pages, 'page'), PAGE);
  good = await serve(localServer());
  elsewhere = await serve(filesOf(serverCertificate(ISSUING_CA, { dns: ['elsewhere.test'] })));
  variables = {
    SHIMS: shims,
    CA: localServer().ca,
    GOOD: String(good.port),
    ELSEWHERE: String(elsewhere.port),
    SSL_CERT_FILE: localServer().ca,
  };
  expect(await runStep('tlsify shims $SHIMS', variables)).toContain('PATH=$SHIMS:$PATH');
});
afterAll(() => Promise.all([good.stop(), elsewhere.stop()]));

/** Files over HTTPS, as `openssl s_server -HTTP` serves them: the status line is a part of the file. */
function serve(files: ReturnType<typeof localServer>): Promise<PeerProcess> {
  writeFileSync(join(pages, 'page'), `HTTP/1.0 200 OK\r\nContent-Length: ${PAGE.length}\r\n\r\n${PAGE}`);
  return PeerProcess.start((port) => ({
    program: 'openssl',
    args: [
      ...['s_server', '-quiet', '-HTTP', '-tls1_3', '-accept', `127.0.0.1:${port}`],
      ...['-cert', files.leaf, '-cert_chain', files.chain, '-key', files.key],
    ],
    comesFrom: 'the package openssl',
    cwd: pages,
  }));
}

test('the links lead to tlsify, and a second time changes nothing', async () => {
  expect(readdirSync(shims).sort()).toEqual(['openssl', 'ssl_client']);
  expect(readdirSync(shims).map((name) => basename(realpathSync(join(shims, name))))).toEqual(['tlsify', 'tlsify']);
  expect(await runStep('tlsify shims $SHIMS >/dev/null', variables)).toBe('');
});

test('what is there already is not replaced', async () => {
  const folder = scratchPath('taken');
  mkdirSync(folder);
  writeFileSync(join(folder, 'openssl'), 'mine');
  const printed = await runStep('tlsify shims $FOLDER', { FOLDER: folder });
  expect(printed).toBe(
    '! tlsify: $FOLDER/openssl is there already, and is not this link\n! tlsify: name another folder, or remove it\n? 64\n',
  );
});

describe("BusyBox' wget, unmodified", () => {
  const wget = (url: string, options = '') =>
    runStep(`PATH=$SHIMS:$PATH busybox wget -q ${options} -O- ${url} 2>/dev/null`, variables);

  test('fetches a page from a server that it names, or by its address', async () => {
    expect(await wget('https://localhost:$GOOD/page')).toBe(PAGE);
    expect(await wget('https://127.0.0.1:$GOOD/page')).toBe(PAGE);
  });

  test('fetches nothing from a server with another name, whatever its options', async () => {
    expect(await wget('https://localhost:$ELSEWHERE/page')).toBe('? 1\n');
    expect(await wget('https://localhost:$ELSEWHERE/page', '--no-check-certificate')).toBe('? 1\n');
    expect(await wget('https://localhost:$GOOD/page', '--no-check-certificate')).toBe(PAGE);
  });
});

describe('openssl s_client', () => {
  test('waits for the answer although the input has ended, as the original does with -quiet', async () => {
    const command = "printf 'GET /page HTTP/1.0\\r\\n\\r\\n' | $SHIMS/openssl s_client -quiet -connect localhost:$GOOD";
    expect(await runStep(`${command} | tail -n +4`, variables)).toBe(PAGE);
  });

  test('refuses what it does not know, and says what it is', async () => {
    expect(await runStep('$SHIMS/openssl x509 -in a', variables)).toBe(
      '! tlsify: openssl x509: not known here\n! tlsify: this `openssl` is a shim of tlsify: it answers to `openssl s_client -quiet -connect HOST:PORT`\n? 64\n',
    );
    expect(await runStep('$SHIMS/openssl s_client -quiet -conect a:1', variables)).toBe(
      '! tlsify: openssl s_client -conect: not known here\n! tlsify: did you mean -connect?\n? 64\n',
    );
  });
});
