/** A fenced block of a Markdown file. */
export interface Block {
  readonly language: string;
  /** Of its first line of content, counted from 1. */
  readonly line: number;
  readonly text: string;
}

/** All fenced blocks, in order. */
export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let open: { readonly language: string; readonly line: number; readonly lines: string[] } | undefined;
  for (const [index, line] of markdown.split('\n').entries()) {
    const fence = /^```(\w*)$/.exec(line);
    if (open !== undefined && fence !== null) {
      blocks.push({ language: open.language, line: open.line, text: open.lines.join('\n') });
      open = undefined;
    } else if (fence !== null) open = { language: fence[1] ?? '', line: index + 2, lines: [] };
    else open?.lines.push(line);
  }
  return blocks;
}

/** One command of a block, with the output that the block promises (`undefined`: it promises none). */
export interface Command {
  readonly line: number;
  readonly text: string;
  readonly output: string | undefined;
}

/** Lines that a reader would type one after the other: a comment is none, and a line may go on after a backslash. */
export function commandsOf({ language, line, text }: Block): Command[] {
  if (language === 'console') return transcript(line, text);
  const commands: Command[] = [];
  const lines = text.split('\n');
  for (let index = 0; index < lines.length; index++) {
    const start = index;
    let command = lines[index] as string;
    while (command.endsWith('\\') && index + 1 < lines.length) command += `\n${lines[++index]}`;
    if (command.replace(/^\s*#.*$/, '').trim() !== '')
      commands.push({ line: line + start, text: command, output: undefined });
  }
  return commands;
}

/** `$ command`, below it what it prints. */
function transcript(line: number, text: string): Command[] {
  const commands: Command[] = [];
  for (const [index, row] of text.split('\n').entries()) {
    const last = commands.at(-1);
    if (row.startsWith('$ ')) commands.push({ line: line + index, text: row.slice(2), output: '' });
    else if (last !== undefined) commands[commands.length - 1] = { ...last, output: `${last.output}${row}\n` };
  }
  return commands;
}

/** Whether `actual` is what the document promises: `…` in it stands for anything, on its own line for any lines. */
export function isPromised(promised: string, actual: string): boolean {
  const pattern = promised
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('[\\s\\S]*?');
  return new RegExp(`^${pattern}$`).test(actual);
}
