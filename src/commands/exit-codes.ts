/** Exit codes of every form of the command, after sysexits.h but for `warnings`. A signal that ended the run is 128 + its number. */
export const EXIT = {
  clean: 0,
  warnings: 1,
  usage: 64,
  unavailable: 69,
  internal: 70,
  inputOutput: 74,
  timeout: 75,
  tls: 76,
  certificate: 77,
  configuration: 78,
} as const;

/** One of {@link EXIT}. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
