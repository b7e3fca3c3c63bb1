import { nearest, printable, UsageError } from '../options.ts';
import { toText } from './document.ts';
import { overview } from './overview.ts';
import { TOPICS } from './topics.ts';

/** `tlsify help [TOPIC]`. @throws UsageError for a topic that is not there */
export function helpText([name, ...more]: readonly string[]): string {
  if (name === undefined) return toText(overview());
  if (more.length > 0) throw new UsageError('one topic at a time', `tlsify help ${printable(name)}`);
  const topic = TOPICS.find((each) => each.name === name);
  if (topic !== undefined) return toText(topic.blocks);
  const names = TOPICS.map((each) => each.name);
  const near = nearest(name, names);
  throw new UsageError(
    `no help for ${printable(name)}`,
    near === undefined ? `there is: ${names.join(', ')}` : `did you mean tlsify help ${near}?`,
  );
}
