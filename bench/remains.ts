// The names of what a killed bench would leave behind: they hold its pid, so that the next one knows what is nobody's.

const PREFIX = 'nstool-bench-';

export function remainsName(): string {
  return `${PREFIX}${process.pid}`;
}

/** Whose it is; undefined: no bench's. */
export function pidOfRemains(name: string): number | undefined {
  const pid = /^nstool-bench-([0-9]+)(?:-|$)/.exec(name)?.[1];
  return pid === undefined ? undefined : Number(pid);
}
