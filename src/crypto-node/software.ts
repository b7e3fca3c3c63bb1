/**
 * Primitives that Bun's node:crypto lacks, from the @noble packages. They are loaded at their first use: `require` is synchronous,
 * and the bundler embeds what it names, so a compiled program opens no file for it. Node has both natively and never gets here,
 * and so need not have `require` in an ES module.
 */
export function chacha(): typeof import('@noble/ciphers/chacha.js') {
  return require('@noble/ciphers/chacha.js');
}

/** As {@link chacha}, for Ed448. */
export function ed448(): typeof import('@noble/curves/ed448.js') {
  return require('@noble/curves/ed448.js');
}

/**
 * To be called before a sandbox that denies opening files. Run from source, loads everything above that this process may need;
 * compiled, it does nothing.
 */
export function preloadSoftware(): void {
  if (typeof Bun === 'undefined' || Bun.main.startsWith('/$bunfs/')) return;
  chacha();
  ed448();
}
