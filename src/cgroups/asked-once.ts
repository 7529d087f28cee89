// For who looks at the cgroups of many processes at one moment: what is above them is the same for most.

import type { Host } from '../kernel/host.ts';

/** The same host, asked for each file, and for what each path is, once. */
export function askedOnce(host: Host): Host {
  const files = new Map<string, ReturnType<Host['readFile']>>();
  const stats = new Map<string, ReturnType<Host['stat']>>();
  return {
    ...host,
    readFile: (path) => keep(files, path, () => host.readFile(path)),
    stat: (path) => keep(stats, path, () => host.stat(path)),
  };
}

function keep<T>(known: Map<string, T>, path: string, ask: () => T): T {
  const before = known.get(path);
  if (before !== undefined) return before;
  const answer = ask();
  known.set(path, answer);
  return answer;
}
