import packageJson from '../../package.json' with { type: 'json' };

/** `tlsify --version`: the version and the runtime that it is built with. */
export function versionLine(): string {
  return `tlsify ${packageJson.version} (Bun ${process.versions.bun ?? 'none'})\n`;
}
