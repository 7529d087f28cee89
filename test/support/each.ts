// What `each` is compared with, by the integration tests and in the guests.

/** One of the results in its JSON. */
export interface EachResult {
  readonly ns: number;
  readonly type: string;
  readonly name: string | null;
  readonly status: number | null;
  readonly signal: string | null;
  readonly error: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function eachResults(json: string): readonly EachResult[] {
  return (JSON.parse(json) as { readonly results: readonly EachResult[] }).results;
}

/** The kinds with nsenter's options. */
export const EACH_KINDS: readonly (readonly [kind: string, option: string])[] = [
  ['user', '--user'],
  ['mnt', '--mount'],
  ['net', '--net'],
  ['ipc', '--ipc'],
  ['pid', '--pid'],
  ['uts', '--uts'],
  ['cgroup', '--cgroup'],
  ['time', '--time'],
];

/** A script: all namespaces it is in, who it is and where. */
export const SHOW_PLACE =
  'cd /proc/self/ns; for kind in cgroup ipc mnt net pid time user uts; do readlink $kind; done; id -u; id -g; pwd';

/** What `ip -all netns exec` printed, a line each, by the names of `each`. */
export function ofAllNetns(printed: string): ReadonlyMap<string, string> {
  const lines = printed.trim().split(/\n\n?/);
  const found = new Map<string, string>();
  for (let at = 0; at < lines.length; at += 2)
    found.set(`netns:${lines[at]?.replace('netns: ', '')}`, `${lines[at + 1]}\n`);
  return found;
}
