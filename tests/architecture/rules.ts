import { importsOf, roomOf, sources, type Tree, withoutComments } from './tree.ts';

/** What is wrong, and where: `path:line: what`. */
export type Violation = string;

/** Finds each place that breaks it. */
export type Rule = (tree: Tree) => Violation[];

/** The law: what each room may import from other rooms. A room that is not here may not exist. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'core': [],
  'crypto': ['core'],
  'crypto-node': ['core', 'crypto'],
  'os': ['core'],
  'x509': ['core', 'crypto'],
  'engine': ['core', 'crypto', 'x509'],
  'keys/wire': ['core', 'crypto'],
  'keys/client': ['core', 'crypto', 'engine', 'keys/wire', 'os'],
  'keys/holder': ['core', 'crypto', 'crypto-node', 'keys/wire', 'os'],
  'openssl': ['core', 'crypto', 'engine', 'os'],
  'isolation': ['core', 'os'],
  'certs': ['core', 'crypto', 'x509'],
  'transport': ['core', 'crypto', 'engine', 'os'],
  'commands': ['core', 'crypto', 'crypto-node', 'os', 'x509', 'engine', 'openssl', 'isolation', 'certs', 'transport'],
  'bin': [
    'core',
    'crypto',
    'crypto-node',
    'os',
    'x509',
    'engine',
    'openssl',
    'isolation',
    'certs',
    'transport',
    'commands',
  ],
};

/** Their input is bytes and events, their output bytes, events and effects; all else is passed in. */
export const PURE_ROOMS: readonly string[] = ['core', 'crypto', 'x509', 'engine', 'keys/wire'];

const SOURCE_LINES = 500;
const NATIVE_LINES = 700;
const README_LINES = { least: 5, most: 16 };

/** Rooms import only rooms before them, and relative paths never leave src/. */
export const importOrder: Rule = (tree) =>
  sources(tree).flatMap((path) => {
    const room = roomOf(path);
    const allowed = room === undefined ? undefined : MAY_IMPORT[room];
    if (room === undefined || allowed === undefined) return [`${path}: in no room of the law`];
    return importsOf(tree, path)
      .filter(({ specifier }) => specifier.startsWith('.'))
      .filter(({ target }) => {
        const other = roomOf(target);
        if (target === 'package.json') return room !== 'commands'; // for --version
        return other === undefined || (other !== room && !allowed.includes(other));
      })
      .map(({ specifier }) => `${path}: ${room} may not import ${specifier}`);
  });

/** The pure rooms know no runtime: no built-in module, no package, no global that reads the world or its clock. */
export const purity: Rule = (tree) =>
  sources(tree)
    .filter((path) => PURE_ROOMS.includes(roomOf(path) ?? ''))
    .flatMap((path) => [
      ...importsOf(tree, path)
        .filter(({ specifier }) => !specifier.startsWith('.'))
        .map(({ specifier }) => `${path}: a pure room imports ${specifier}`),
      ...matches(
        tree,
        path,
        /(?<![.\w'"`$-])(?:process|Buffer|Bun|globalThis|console|performance|setTimeout|setInterval|setImmediate|queueMicrotask|fetch|require|__dirname|__filename)(?=[.(])|\bMath\.random\b|\bDate\.now\b|\bnew Date\(\s*\)|\bimport\.meta\b|\bcrypto\.(?:subtle|getRandomValues|randomUUID)\b/g,
        'a pure room uses',
      ),
    ]);

/** Only crypto-node talks to the cryptographic libraries. */
export const cryptographyInOneRoom: Rule = (tree) =>
  sources(tree)
    .filter((path) => roomOf(path) !== 'crypto-node')
    .flatMap((path) => [
      ...importsOf(tree, path)
        .filter(({ specifier }) => /^(?:node:)?(?:crypto|tls|https)$|^@noble\//.test(specifier))
        .map(({ specifier }) => `${path}: imports ${specifier}`),
      ...matches(tree, path, /\b(?:globalThis\.)?crypto\.subtle\b|\bBun\.(?:hash|Crypto\w*|password)\b/g, 'uses'),
    ]);

/** Private keys are loaded and used in one room: keys/holder, through one file of crypto-node. (What has a file's public half loads it too.) */
export const privateKeysInOneRoom: Rule = (tree) =>
  sources(tree).flatMap((path) => [
    ...importsOf(tree, path)
      .filter(({ target }) => !(KEY_FILE_IMPORTERS[target]?.some((importer) => path.startsWith(importer)) ?? true))
      .map(({ specifier }) => `${path}: imports ${specifier}`),
    ...matches(tree, path, /\bcreatePrivateKey\b/g, 'uses').filter(() => path !== 'src/crypto-node/key-files.ts'),
    ...matches(
      tree,
      path,
      /\b(?:createSign|privateDecrypt|privateEncrypt)\b|\bsign\b(?=[^;'"]*\} from 'node:crypto')|\* as \w+ from 'node:crypto'/g,
      'uses',
    ).filter(() => path !== 'src/crypto-node/private-keys.ts'),
  ]);

const KEY_FILE_IMPORTERS: Readonly<Record<string, readonly string[]>> = {
  'src/crypto-node/private-keys.ts': ['src/keys/holder/'],
  'src/crypto-node/key-files.ts': ['src/crypto-node/private-keys.ts', 'src/crypto-node/public-half.ts'],
};

/** Only os loads the native module, and nobody uses another way to native code. */
export const nativeInOneRoom: Rule = (tree) =>
  sources(tree)
    .filter((path) => roomOf(path) !== 'os')
    .flatMap((path) => [
      ...importsOf(tree, path)
        .filter(({ specifier }) => specifier === 'bun:ffi' || specifier.endsWith('.node'))
        .map(({ specifier }) => `${path}: imports ${specifier}`),
      ...matches(tree, path, /\bprocess\.dlopen\b|\bdlopen\(|\.node['"`]/g, 'loads native code with'),
    ]);

/** No file reaches itself by its imports, those of types included. */
export const noCycles: Rule = (tree) => {
  const done = new Set<string>();
  const found: Violation[] = [];
  const visit = (path: string, trail: readonly string[]) => {
    const at = trail.indexOf(path);
    if (at >= 0) found.push(`cycle: ${[...trail.slice(at), path].join(' → ')}`);
    if (at >= 0 || done.has(path) || !tree.has(path)) return;
    for (const { target } of importsOf(tree, path)) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of sources(tree)) visit(path, []);
  return found;
};

/** Past this a file has two ideas in it. */
export const fileLength: Rule = (tree) =>
  [...tree.keys()]
    .map((path) => ({ path, most: path.startsWith('native/') ? NATIVE_LINES : SOURCE_LINES }))
    .filter(({ path }) => /^(?:src|native|scripts|bench|examples|tests)\/.*\.(?:ts|mjs|c|h|sh|py)$/.test(path))
    .filter(({ path, most }) => lines(tree, path) > most)
    .map(({ path, most }) => `${path}: ${lines(tree, path)} lines, more than ${most}`);

/** Imports name the file that has the thing: no default exports, no barrels, with its ending. */
export const importStyle: Rule = (tree) =>
  typescript(tree).flatMap((path) => [
    ...matches(tree, path, /^export default\b|^export \*(?! as)/gm, 'has'),
    ...importsOf(tree, path)
      .filter(
        ({ specifier, typeOnly }) =>
          specifier.startsWith('.') && !(typeOnly ? /\.m?ts$/ : /\.(?:m?[tj]s|json|node)$/).test(specifier),
      )
      .map(({ specifier }) => `${path}: imports ${specifier} without its ending`),
  ]);

/** Nothing is switched off, left open or skipped. */
export const nothingSwitchedOff: Rule = (tree) =>
  [...tree.keys()]
    .filter((path) => /\.(?:ts|mjs|c|h|sh|py)$/.test(path) && !path.startsWith('tests/architecture/'))
    .flatMap((path) => [
      ...matches(
        tree,
        path,
        /@ts-(?:ignore|nocheck|expect-error)|biome-ignore|eslint-disable|\b(?:TODO|FIXME|XXX|HACK)\b/g,
        'has',
        false,
      ),
      ...(path.endsWith('.ts') ? anyTypes(tree, path) : []),
      ...matches(tree, path, /\b(?:test|it|describe)\.(?:skip|only|todo)\b|\b(?:skip|todo): *true\b/g, 'has'),
    ]);

/** Paths of one machine, and package registries, are nobody else's. */
export const noMachine: Rule = (tree) =>
  [...tree.keys()]
    .filter((path) => !path.startsWith('tests/architecture/'))
    .flatMap((path) =>
      matches(tree, path, /(?<![\w.)\]}-])\/(?:work|farm|root)\/|registry\.npmjs|"resolved":/g, 'names', false),
    );

/** What a room is for, what it may import, where to start reading. */
export const roomReadmes: Rule = (tree) => {
  const rooms = new Set(sources(tree).map((path) => roomOf(path) ?? ''));
  return [...rooms].sort().flatMap((room) => {
    const path = `src/${room}/README.md`;
    if (!tree.has(path)) return [`${path}: missing`];
    const count = lines(tree, path);
    return count < README_LINES.least || count > README_LINES.most
      ? [`${path}: ${count} lines; about ten is right`]
      : [];
  });
};

/** Whatever another file can import says what it is; one docstring serves a run of one-line exports below it. */
export const docstrings: Rule = (tree) =>
  sources(tree).flatMap((path) => {
    const documented = new Set<string>();
    const found: Violation[] = [];
    let covered = false;
    for (const [index, line] of (tree.get(path) ?? '').split('\n').entries()) {
      const name = EXPORT.exec(line)?.[1];
      if (name !== undefined && !covered && !documented.has(name))
        found.push(`${path}:${index + 1}: ${name} has no docstring`);
      if (name !== undefined && covered) documented.add(name);
      covered = /\*\/\s*$/.test(line) || (covered && name !== undefined && line.endsWith(';'));
    }
    return found;
  });

const EXPORT = /^export (?:declare |abstract |async )*(?:function\*?|class|const|let|interface|type|enum) (\w+)/;

/** Outside of strings: prose has the word too. */
function anyTypes(tree: Tree, path: string): Violation[] {
  const code = (tree.get(path) ?? '').replace(/'(?:[^'\\\n]|\\.)*'/g, (text) => `'${' '.repeat(text.length - 2)}'`);
  return matches(
    new Map([[path, code]]),
    path,
    /\b(?:as|satisfies) any\b|(?<=[:<|&,=]\s?)any\b(?=\s*[;,)>=[|&{]|$)/gm,
    'has',
  );
}

function typescript(tree: Tree): string[] {
  return [...tree.keys()].filter((path) => path.endsWith('.ts')).sort();
}

function lines(tree: Tree, path: string): number {
  return (tree.get(path) ?? '').replace(/\n$/, '').split('\n').length;
}

function matches(tree: Tree, path: string, pattern: RegExp, verb: string, codeOnly = true): Violation[] {
  const text = tree.get(path) ?? '';
  const code = codeOnly ? withoutComments(text) : text;
  return [...code.matchAll(pattern)].map(
    (match) => `${path}:${code.slice(0, match.index).split('\n').length}: ${verb} ${match[0].trim()}`,
  );
}
