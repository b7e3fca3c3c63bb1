import type { OptionTable } from '../options.ts';
import type { Block } from './document.ts';

/** The options of a command, as its table has them. */
export function optionTerms(table: OptionTable): Block {
  return {
    terms: Object.entries(table).map(([name, option]) => {
      const short = option.short === undefined ? '' : `-${option.short}, `;
      const value = option.takes === 'nothing' ? '' : ` ${option.metavariable}`;
      return [`${short}--${name}${value}`, option.help];
    }),
  };
}
