import { loadNative, NativeModuleMissing } from '../os/load.ts';
import type { Native } from '../os/native.ts';
import { ensureSingleThreaded, UnfitRuntime } from '../os/runtime.ts';
import { connect } from './connect.ts';
import { type ConnectOptions, parseConnect } from './connect-options.ts';
import { EXIT } from './exit-codes.ts';
import { failureMessage, internalMessage, outputMessage, usageMessage } from './messages.ts';
import { nearest, printable, UsageError } from './options.ts';

/** How the program was called, and how it talks to who called it. */
export interface Invocation {
  /** The name by which the program was called, without its folder. */
  readonly name: string;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Prints on standard output and standard error, before there is a sandbox. */
  readonly print: (text: string) => void;
  readonly complain: (text: string) => void;
}

/** Standard output does not take what is printed. */
export class OutputFailed extends Error {
  override readonly name = 'OutputFailed';
  /** Its reader has read enough and gone away, as `head` does: nobody is there to be told. */
  readonly readerGone: boolean;

  constructor(cause: unknown) {
    super(`standard output: ${cause instanceof Error ? cause.message : String(cause)}`);
    this.readerGone = cause instanceof Error && 'code' in cause && cause.code === 'EPIPE';
  }
}

const COMMANDS = ['connect', 'check', 'shims', 'help', 'openssl', 'ssl_client'] as const;

/** Does what the command line says. @returns the exit code, with which the process must now end: it may be in a sandbox. */
export async function main(invocation: Invocation): Promise<number> {
  const { name, argv } = invocation;
  // Called by the name of a shim, or told that name as a command, which is how scripts pass it on.
  const [command, ...rest] = name === 'openssl' || name === 'ssl_client' ? [name, ...argv] : argv;
  try {
    return await dispatch(command, rest, invocation);
  } catch (error) {
    if (error instanceof UsageError) {
      invocation.complain(
        usageMessage(error, command === 'connect' || command === 'check' ? `tlsify ${command}` : 'tlsify'),
      );
      return EXIT.usage;
    }
    if (error instanceof UnfitRuntime || error instanceof NativeModuleMissing) {
      const failure = { kind: 'configuration', why: 'runtime-unfit', detail: error.message } as const;
      invocation.complain(failureMessage(failure, undefined));
      return EXIT.configuration;
    }
    if (error instanceof OutputFailed) {
      if (!error.readerGone) invocation.complain(outputMessage(error));
      return EXIT.inputOutput;
    }
    invocation.complain(internalMessage(error));
    return EXIT.internal;
  }
}

async function dispatch(command: string | undefined, argv: readonly string[], invocation: Invocation): Promise<number> {
  switch (command) {
    case 'connect': {
      const options = parseConnect(argv);
      return options === 'help' ? help(['connect'], invocation) : runConnect(options, invocation);
    }
    case 'check': {
      const { parseCheck } = await import('./check-options.ts');
      const options = parseCheck(argv);
      if (options === 'help') return help(['check'], invocation);
      const { check } = await import('./check.ts');
      return check(confinableNative(), options, invocation.environment);
    }
    case 'openssl': {
      const { parseOpenssl } = await import('./openssl.ts');
      return runConnect(parseOpenssl(argv), invocation);
    }
    case 'ssl_client': {
      const { parseSslClient } = await import('./ssl-client.ts');
      return runConnect(parseSslClient(argv), invocation);
    }
    case 'shims': {
      const { launcherPath, writeShims } = await import('./shims.ts');
      invocation.print(writeShims(argv, launcherPath()));
      return EXIT.clean;
    }
    case 'help':
    case '--help':
    case '-h':
      return help(argv, invocation);
    case '--version':
    case '-V': {
      const { versionLine } = await import('./version.ts');
      invocation.print(versionLine());
      return EXIT.clean;
    }
    case undefined:
      throw new UsageError('what to do?', 'tlsify connect HOST:PORT, or tlsify --help');
    default:
      throw unknownCommand(command);
  }
}

function runConnect(options: ConnectOptions, { environment }: Invocation): Promise<number> {
  return connect(confinableNative(), options, environment);
}

/** @throws UnfitRuntime, NativeModuleMissing where a sandbox would not hold */
function confinableNative(): Native {
  const native = loadNative();
  ensureSingleThreaded(native);
  return native;
}

async function help(topics: readonly string[], { print }: Invocation): Promise<number> {
  const { helpText } = await import('./help/help.ts');
  print(helpText(topics));
  return EXIT.clean;
}

function unknownCommand(command: string): UsageError {
  if (/^[^-].*:\d+$/.test(command)) return new UsageError('what to do?', `tlsify connect ${printable(command)}`);
  const near = nearest(command, [...COMMANDS, '--help', '--version']);
  return new UsageError(
    `unknown command ${printable(command)}`,
    near === undefined ? 'tlsify --help lists what there is' : `did you mean ${near}?`,
  );
}
