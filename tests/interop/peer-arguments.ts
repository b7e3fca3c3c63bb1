import type { ServeOptions } from './suite.ts';

/** The `NAME=VALUE` words that the servers in `peers/` take: see `peers/README.md`. */
export function peerArguments(port: number, { files, suites, groups, alpn }: ServeOptions): string[] {
  return [
    `port=${port}`,
    `chain=${files.chain}`,
    `key=${files.key}`,
    ...(suites === undefined ? [] : [`suites=${suites.join(',')}`]),
    ...(groups === undefined ? [] : [`groups=${groups.join(',')}`]),
    ...(alpn === undefined ? [] : [`alpn=${alpn.join(',')}`]),
  ];
}
