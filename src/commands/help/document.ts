/** A page of `tlsify help`. */
export interface Document {
  /** As `tlsify help` takes it. */
  readonly name: string;
  /** One line, for the list of topics. */
  readonly summary: string;
  readonly blocks: readonly Block[];
}

/** A part of a help text, laid out for the width of a terminal. */
export type Block =
  /** A paragraph. Code stands between back-quotes. */
  | string
  | { readonly heading: string }
  /** What to type, or what is printed; not broken into lines. */
  | { readonly example: readonly string[] }
  /** Terms and what they mean. */
  | { readonly terms: readonly (readonly [term: string, meaning: string])[] };

const WIDTH = 100;
const INDENT = '  ';
const MOST_TERM = 26;

/** For a terminal: paragraphs broken at {@link WIDTH}, terms in a column of their own. */
export function toText(blocks: readonly Block[]): string {
  return `${blocks.map(blockText).join('\n\n')}\n`;
}

function blockText(block: Block): string {
  if (typeof block === 'string') return wrap(block, WIDTH, '');
  if ('heading' in block) return `${block.heading}:`;
  if ('example' in block) return block.example.map((line) => `${INDENT}${INDENT}${line}`).join('\n');
  const width = Math.min(MOST_TERM, Math.max(...block.terms.map(([term]) => term.length)));
  return block.terms.map(([term, meaning]) => termText(term, meaning, width)).join('\n');
}

function termText(term: string, meaning: string, width: number): string {
  const margin = ' '.repeat(INDENT.length + width + 2);
  const body = wrap(meaning, WIDTH, margin);
  if (term.length > width) return `${INDENT}${term}\n${body}`;
  return `${INDENT}${term.padEnd(width + 2)}${body.slice(margin.length)}`;
}

function wrap(text: string, width: number, margin: string): string {
  const lines: string[] = [];
  let line = margin;
  for (const word of text.split(/\s+/)) {
    if (line !== margin && line.length + 1 + word.length > width) {
      lines.push(line);
      line = margin;
    }
    line += line === margin ? word : ` ${word}`;
  }
  lines.push(line);
  return lines.join('\n');
}
