// nsswitch.conf(5): where the C library looks names up.

import { decodeText } from './text.ts';

/**
 * Those that answer by files and by the resolver of this process. All others ask a daemon, and would find the one of
 * the host. The word becomes the name of a library that is loaded: one of somebody else's choice never is.
 */
const SERVICES = new Set(['files', 'dns', 'myhostname']);

const DEFAULT = 'files dns';

/**
 * `ours` with the way of looking up hosts that `theirs` has; without any it is that of the C library without such a
 * file. undefined: that is what it says already.
 */
export function withHostsOf(ours: Uint8Array, theirs: Uint8Array | undefined): string | undefined {
  const own = linesOf(ours)
    .findLast(isHosts)
    ?.replace(/^\s*hosts\s*:/, '');
  const wanted = servicesOf(theirs === undefined ? undefined : linesOf(theirs).findLast(isHosts));
  if (own?.trim().replaceAll(/\s+/g, ' ') === wanted) return undefined;
  const kept = linesOf(ours).filter((line) => !isHosts(line));
  while (kept.at(-1) === '') kept.pop();
  return [...kept, `hosts: ${wanted}`, ''].join('\n');
}

function linesOf(bytes: Uint8Array): readonly string[] {
  return decodeText(bytes).split('\n');
}

function isHosts(line: string): boolean {
  return /^\s*hosts\s*:/.test(line);
}

/** `files mdns4 [NOTFOUND=return] dns` becomes `files dns`: an action belongs to the service before it. */
function servicesOf(line: string | undefined): string {
  const text = line?.replace(/#.*$/, '').replace(/^\s*hosts\s*:/, '') ?? '';
  const words = [...text.matchAll(/([a-z_0-9]+)\s*((?:\[[A-Za-z=!\s]*\]\s*)*)/g)];
  const kept = words
    .filter(([, service = '']) => SERVICES.has(service))
    .map(([, service = '', actions = '']) => `${service} ${actions}`.replaceAll(/\s+/g, ' ').trim());
  return kept.length === 0 ? DEFAULT : kept.join(' ');
}
