/**
 * The command line, read by a table: each option is declared once, with its type, its metavariable and its help, and parsing, usage
 * errors, `--help` and the manual all come from that. Long options are never abbreviated, so that a new one cannot change what an
 * old script means.
 */
export type OptionTable = Readonly<Record<string, Option>>;

/** What the parser and the help need to know of one option. */
export type Option = Flag | SingleValue<unknown> | RepeatedValue<unknown>;

interface Documented {
  /** One character for `-x`, where there is one. */
  readonly short?: string;
  /** One sentence, without the final stop. */
  readonly help: string;
}

/** An option that is there or not; twice is as good as once. */
export interface Flag extends Documented {
  readonly takes: 'nothing';
}

/** An option with a value, given at most once. */
export interface SingleValue<Value> extends Documented {
  readonly takes: 'value';
  readonly metavariable: string;
  /** @throws UsageError */
  readonly parse: (text: string) => Value;
}

/** An option with a value, each time it is given. */
export interface RepeatedValue<Value> extends Documented {
  readonly takes: 'values';
  readonly metavariable: string;
  /** @throws UsageError */
  readonly parse: (text: string) => Value;
}

/** What {@link parseOptions} makes of a table: flags are booleans, values are undefined when not given, repeatable ones are lists. */
export type Parsed<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Flag
    ? boolean
    : Table[Name] extends SingleValue<infer Value>
      ? Value | undefined
      : Table[Name] extends RepeatedValue<infer Value>
        ? readonly Value[]
        : never;
};

/** A command line taken apart. */
export interface ParsedCommandLine<Table extends OptionTable> {
  readonly options: Parsed<Table>;
  /** What is not an option, before `--`. */
  readonly operands: readonly string[];
  /** What follows `--`, or undefined without one. */
  readonly program: readonly string[] | undefined;
}

/** A command line that says nothing we can do. `fix` is the line that tells the user what to type instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly fix: string | undefined;

  constructor(message: string, fix?: string) {
    super(message);
    this.fix = fix;
  }
}

/**
 * Options and operands may be mixed. Accepted: `--name VALUE`, `--name=VALUE`, `-n VALUE`, `-nVALUE`, flags joined as `-qx`.
 * @throws UsageError for an option that is not in `table`, lacks its value, has one it does not take, or is given twice.
 */
export function parseOptions<Table extends OptionTable>(
  table: Table,
  argv: readonly string[],
): ParsedCommandLine<Table> {
  const reading = new CommandLine(table, argv);
  reading.run();
  const options: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(table)) {
    const values = reading.values.get(name) ?? [];
    if (option.takes === 'nothing') options[name] = values.length > 0;
    else if (option.takes === 'value') options[name] = values[0];
    else options[name] = values;
  }
  return { options: options as Parsed<Table>, operands: reading.operands, program: reading.program };
}

class CommandLine {
  readonly values = new Map<string, unknown[]>();
  readonly operands: string[] = [];
  program: readonly string[] | undefined;
  readonly #table: OptionTable;
  readonly #argv: readonly string[];
  #at = 0;

  constructor(table: OptionTable, argv: readonly string[]) {
    this.#table = table;
    this.#argv = argv;
  }

  run(): void {
    while (this.#at < this.#argv.length) {
      const argument = this.#argv[this.#at++] as string;
      if (argument === '--') {
        this.program = this.#argv.slice(this.#at);
        return;
      }
      if (argument.startsWith('--')) this.#long(argument.slice(2));
      else if (argument.startsWith('-') && argument !== '-') this.#short(argument.slice(1));
      else this.operands.push(argument);
    }
  }

  #long(text: string): void {
    const equals = text.indexOf('=');
    const name = equals < 0 ? text : text.slice(0, equals);
    const option = Object.hasOwn(this.#table, name) ? this.#table[name] : undefined;
    if (option === undefined) throw unknownOption(`--${name}`, this.#table);
    if (option.takes === 'nothing') {
      if (equals >= 0) throw new UsageError(`--${name} takes no value`);
      this.#add(name, option, true);
    } else {
      const value = equals < 0 ? this.#following(`--${name}`, option.metavariable) : text.slice(equals + 1);
      this.#add(name, option, parseValue(`--${name}`, option, value));
    }
  }

  #short(letters: string): void {
    for (let index = 0; index < letters.length; index++) {
      const letter = letters[index] as string;
      const found = Object.entries(this.#table).find(([, option]) => option.short === letter);
      if (found === undefined) throw unknownOption(`-${letter}`, this.#table);
      const [name, option] = found;
      if (option.takes === 'nothing') {
        this.#add(name, option, true);
        continue;
      }
      const joined = letters.slice(index + 1);
      const value = joined === '' ? this.#following(`-${letter}`, option.metavariable) : joined;
      this.#add(name, option, parseValue(`-${letter}`, option, value));
      return;
    }
  }

  #following(spelling: string, metavariable: string): string {
    const value = this.#argv[this.#at++];
    if (value === undefined) throw new UsageError(`${spelling} needs a value: ${spelling} ${metavariable}`);
    return value;
  }

  #add(name: string, option: Option, value: unknown): void {
    const values = this.values.get(name);
    if (values === undefined) this.values.set(name, [value]);
    else if (option.takes === 'values') values.push(value);
    else if (option.takes === 'value') throw new UsageError(`--${name} is given twice`);
  }
}

function parseValue(spelling: string, option: SingleValue<unknown> | RepeatedValue<unknown>, text: string): unknown {
  try {
    return option.parse(text);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${spelling} ${printable(text)}: ${error.message}`, error.fix);
  }
}

function unknownOption(spelling: string, table: OptionTable): UsageError {
  const near = spelling.startsWith('--') ? nearest(spelling.slice(2), Object.keys(table)) : undefined;
  return new UsageError(
    `unknown option ${printable(spelling)}`,
    near === undefined ? undefined : `did you mean --${near}?`,
  );
}

/** The candidate that a slip of the fingers could have turned into `word`, or undefined if none is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = word.length > 2 && candidate.startsWith(word) ? 1 : editDistance(word, candidate);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  const cell = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    rows.push(current);
    for (let column = 1; column <= b.length; column++) {
      const substitution = cell(row - 1, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const swap =
        a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
          ? cell(row - 2, column - 2) + 1
          : Number.POSITIVE_INFINITY;
      current.push(Math.min(substitution, swap, cell(row - 1, column) + 1, cell(row, column - 1) + 1));
    }
  }
  return cell(a.length, b.length);
}

/** Text from outside as it may stand in a message: quoted if it holds anything but ordinary visible characters, and never long. */
export function printable(text: string): string {
  const short = text.length > 100 ? `${text.slice(0, 100)}…` : text;
  return /^[\x21-\x7e\u00a1-\u024f…]+$/.test(short)
    ? short
    : JSON.stringify(short).replace(/[\x7f-\x9f\u200b-\u206f\ufeff]/g, '?');
}
