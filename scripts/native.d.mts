/** The hardening flags of the shipped module, which `compileModule` uses unless told otherwise. */
export function compileModule(output: string, flags?: readonly string[], source?: string): void;
export function compileLauncher(output: string): void;
