import { describe, expect, test } from 'bun:test';
import * as rules from './rules.ts';
import { plant, readTree } from './tree.ts';

/** Per rule, files that break it. Each is planted alone, into a copy of the real tree, and has to be found by its path. */
const CONTROLS: Readonly<
  Record<string, { readonly rule: rules.Rule; readonly planted: readonly (readonly [string, string])[] }>
> = {
  'rooms import only what the law lets them': {
    rule: rules.importOrder,
    planted: [
      ['src/core/planted.ts', "import type { Native } from '../os/native.ts';\n"],
      ['src/engine/planted.ts', "import { x } from '../crypto-node/provider.ts';\n"],
      ['src/engine/planted.ts', "const lazy = await import('../commands/options.ts');\n"],
      ['src/os/planted.ts', "export { x } from '../transport/pump.ts';\n"],
      ['src/x509/planted.ts', "import {\n  a,\n  b,\n} from '../../scripts/test.ts';\n"],
      ['src/planted/a.ts', ''],
      ['src/keys/planted.ts', ''],
      ['src/keys/wire/planted.ts', "import { performEffect } from '../../engine/answer.ts';\n"],
    ],
  },
  'the pure rooms are pure': {
    rule: rules.purity,
    planted: [
      ['src/core/planted.ts', "import { readFileSync } from 'node:fs';\n"],
      ['src/engine/planted.ts', 'export const a = Buffer.from([1]);\n'],
      ['src/engine/planted.ts', 'export const a = Date.now();\n'],
      ['src/x509/planted.ts', 'const at = new Date();\n'],
      ['src/crypto/planted.ts', 'setTimeout(() => {}, 1);\n'],
      ['src/x509/planted.ts', 'if (process.env.X) throw 1;\n'],
    ],
  },
  'one room has the cryptographic libraries': {
    rule: rules.cryptographyInOneRoom,
    planted: [
      ['src/certs/planted.ts', "import { X509Certificate } from 'node:crypto';\n"],
      ['src/commands/planted.ts', "import { connect } from 'node:tls';\n"],
      ['src/transport/planted.ts', "const curves = () => require('@noble/curves/ed25519.js');\n"],
      ['src/commands/planted.ts', "await crypto.subtle.digest('SHA-256', a);\n"],
    ],
  },
  'one room has the private keys': {
    rule: rules.privateKeysInOneRoom,
    planted: [
      ['src/keys/client/planted.ts', "import { loadSigningKey } from '../../crypto-node/private-keys.ts';\n"],
      ['src/commands/planted.ts', "const keys = await import('../crypto-node/private-keys.ts');\n"],
      ['src/crypto-node/planted.ts', "import { readPrivateKey } from './key-files.ts';\n"],
      ['src/crypto-node/planted.ts', "import { createPrivateKey } from 'node:crypto';\n"],
      ['src/crypto-node/planted.ts', "import { hash, sign, verify } from 'node:crypto';\n"],
      ['src/crypto-node/planted.ts', "import {\n  sign as make,\n} from 'node:crypto';\n"],
      ['src/crypto-node/planted.ts', "import * as native from 'node:crypto';\n"],
    ],
  },
  'one room has the native module': {
    rule: rules.nativeInOneRoom,
    planted: [
      ['src/isolation/planted.ts', "import { dlopen } from 'bun:ffi';\n"],
      ['src/transport/planted.ts', "const os = require('../../build/tlsify-os.node');\n"],
      ['src/bin/planted.ts', 'process.dlopen(module, path);\n'],
    ],
  },
  'no import cycles': {
    rule: rules.noCycles,
    planted: [
      ['src/core/planted.ts', "import type { A } from './planted.ts';\n"],
      ['src/core/alerts.ts', "import { TlsError } from './failures.ts';\n"],
    ],
  },
  'no file has two ideas in it': {
    rule: rules.fileLength,
    planted: [
      ['src/core/planted.ts', '\n'.repeat(501)],
      ['native/planted.c', '\n'.repeat(701)],
    ],
  },
  'imports name the file that has the thing': {
    rule: rules.importStyle,
    planted: [
      ['src/core/planted.ts', 'export default 1;\n'],
      ['src/core/planted.ts', "export * from './bytes.ts';\n"],
      ['src/core/planted.ts', "import { a } from './bytes';\n"],
    ],
  },
  'nothing is switched off, left open or skipped': {
    rule: rules.nothingSwitchedOff,
    planted: [
      ['src/core/planted.ts', '// @ts-ignore\n'],
      ['src/core/planted.ts', '/** biome-ignore lint: no */\n'],
      ['src/core/planted.ts', '// TODO: later\n'],
      ['src/core/planted.ts', 'const a = b as any;\n'],
      ['src/core/planted.ts', 'function f(a: any) {}\n'],
      ['src/core/planted.ts', 'const a: Map<string, any> = b;\n'],
      ['src/core/planted.test.ts', "test.skip('a', () => {});\n"],
      ['src/core/planted.test.ts', "test('a', { skip: true }, () => {});\n"],
    ],
  },
  'no paths of one machine': {
    rule: rules.noMachine,
    planted: [
      ['docs/planted.md', `see ${'/work'}/main\n`],
      ['scripts/planted.sh', `cd ${'/root'}/x\n`],
      ['package-lock.json', '"resolved": "https://example.com/a.tgz"\n'],
    ],
  },
  'each room has a README of about ten lines': {
    rule: rules.roomReadmes,
    planted: [
      ['src/core/README.md', 'Short.\n'],
      ['src/core/README.md', 'Long.\n'.repeat(40)],
    ],
  },
  'exports have docstrings': {
    rule: rules.docstrings,
    planted: [
      ['src/core/planted.ts', 'export function planted(): void {}\n'],
      ['src/core/planted.ts', '/** Far above. */\n\nexport const planted = 1;\n'],
      ['src/core/planted.ts', 'export interface Planted {}\n'],
      [
        'src/core/planted.ts',
        '/** A codec. */\nexport interface Planted {}\nexport function decodePlanted(): void {}\n',
      ],
      ['src/core/planted.ts', "export interface Planted {\n  readonly state: 'planted';\n}\n"],
      ['src/core/planted.ts', 'export function onPlanted(state: State): void {}\n'],
    ],
  },
};

const tree = readTree();

for (const [name, { rule, planted }] of Object.entries(CONTROLS)) {
  describe(name, () => {
    test('in this tree', () => expect(rule(tree)).toEqual([]));
    for (const [index, [path, text]] of planted.entries())
      test(`planted violation ${index + 1} is found`, () => {
        const before = new Set(rule(tree));
        const found = rule(plant(tree, path, text)).filter((violation) => !before.has(violation));
        expect(found.some((violation) => violation.includes(path))).toBe(true);
      });
  });
}

test('every rule has its control', () => {
  const controlled = new Set(Object.values(CONTROLS).map(({ rule }) => rule));
  const all = Object.values(rules).filter((value) => typeof value === 'function');
  expect(all.filter((rule) => !controlled.has(rule))).toEqual([]);
});
