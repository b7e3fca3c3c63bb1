/** What we know of a peer's list of code points, in its order and each once: no longer than our own table, however long the list is. */
export function known<T>(codePoints: readonly number[], find: (codePoint: number) => T | undefined): T[] {
  const items = new Set<T>();
  for (const codePoint of codePoints) {
    const item = find(codePoint);
    if (item !== undefined) items.add(item);
  }
  return [...items];
}
