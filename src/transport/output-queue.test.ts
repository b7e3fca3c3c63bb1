import { expect, test } from 'bun:test';
import { concat } from '../core/bytes.ts';
import { OutputQueue } from './output-queue.ts';

test('whatever the pieces and however they are taken, the bytes come out in order', () => {
  const queue = new OutputQueue();
  const sizes = [1, 3, 5000, 0, 2, 16384, 4096, 4096, 4096, 4096, 7, 40_000];
  const pushed = sizes.map((size, index) => new Uint8Array(size).fill(index + 1));
  const taken: Uint8Array[] = [];
  for (const [index, bytes] of pushed.entries()) {
    queue.push(bytes);
    let room = (index * 2777) % 6000;
    const result = queue.flush((buffers, skip) => {
      if (room === 0) return -11;
      const piece = concat(...buffers).slice(skip, skip + Math.min(room, 1000));
      taken.push(piece);
      room -= piece.length;
      return piece.length;
    });
    expect(result).toBe(queue.bytes === 0 ? 0 : -11);
  }
  queue.flush((buffers, skip) => {
    const all = concat(...buffers).slice(skip);
    taken.push(all);
    return all.length;
  });
  expect(concat(...taken)).toEqual(concat(...pushed));
  expect(queue.bytes).toBe(0);
  expect(queue.written).toBe(sizes.reduce((sum, size) => sum + size));
});

test('a thousand tiny pieces that wait become a few buffers', () => {
  const queue = new OutputQueue();
  for (let index = 0; index < 1000; index++) queue.push(Uint8Array.of(index, index));
  let gathered = 0;
  queue.flush((buffers) => {
    gathered = buffers.length;
    return concat(...buffers).length;
  });
  expect(gathered).toBeLessThan(4);
});
