// Which files decide how a command of ours resolves names in a network that it enters: those of the target, read as
// they are in its root, without following a link out of it; or those of /etc/netns/NAME.
//
// Of the target's nsswitch.conf only the line for hosts is taken: users and groups are still looked up where this host
// has them. Source: resolv.conf(5), hosts(5), nsswitch.conf(5), ip-netns(8).

import { errorOfGap } from '../kernel/error.ts';
import { gap, value, valueOf, type Gap, type Host, type Reading } from '../kernel/host.ts';
import type { KernelText } from '../kernel/program.ts';
import { withHostsOf } from '../kernel/text/nsswitch.ts';
import type { Door } from './doors.ts';
import type { EnterQuery } from './enter-query.ts';
import { isOfDirectory } from './view.ts';

/** A file that the command shall find. */
export interface ShownFile {
  readonly path: string;
  /** What is in it; or the file itself, which is bound. */
  readonly content: { readonly bytes: KernelText } | { readonly bind: string; readonly isDirectory: boolean };
  readonly reason: string;
}

export interface ResolverFiles {
  readonly files: readonly ShownFile[];
  /** What could not be read, and is not as in the target. */
  readonly gaps: readonly Gap[];
}

/** Where the resolver's files of a network are. */
export type ResolverSource =
  | { readonly type: 'process'; readonly root: string }
  | { readonly type: 'name'; readonly directory: string; readonly names: readonly string[] };

const RESOLV_CONF = '/etc/resolv.conf';
const HOSTS = '/etc/hosts';
const NSSWITCH = '/etc/nsswitch.conf';

const NSCD = '/run/nscd/socket';

/** undefined: the network namespace has no name, and nobody is known to be in it. */
export function resolverSource(host: Host, query: EnterQuery, net: Door | undefined): ResolverSource | undefined {
  const way = net?.ofProcess === false && net.way.through.length === 0 ? net.way.at : undefined;
  const path = typeof way === 'string' ? way : '';
  const name = /^(?:\/var)?\/run\/netns\/([^/]+)$/.exec(path)?.[1];
  if (name !== undefined) {
    const directory = `/etc/netns/${name}`;
    return { type: 'name', directory, names: valueOf(host.readDirectory(directory)) ?? [] };
  }
  const pid = /^\/proc\/([0-9]+)\/ns\/net$/.exec(path)?.[1] ?? query.pid;
  return pid === undefined ? undefined : { type: 'process', root: `/proc/${pid}/root` };
}

/**
 * `tools`: the directory whose programs are run, if it is not our own root. Not asked for explicitly, nothing is shown
 * of a target that has no resolv.conf, or the same as ours.
 */
export function resolverFiles(
  host: Host,
  source: ResolverSource,
  tools: string | undefined,
  explicit: boolean,
): ResolverFiles {
  const ours = (path: string): Reading<Uint8Array> => readOurs(host, tools, path);
  if (source.type === 'name') return namedFiles(host, source, tools, ours);
  const theirs = (path: string): Reading<Uint8Array> => host.readFileInRoot({ root: source.root, path });
  const resolver = theirs(RESOLV_CONF);
  if (!explicit && !resolver.ok) return { files: [], gaps: resolver.gap.reason === 'gone' ? [] : [resolver.gap] };
  if (!resolver.ok && resolver.gap.reason !== 'gone')
    throw errorOfGap(resolver.gap, "cannot read the target's resolv.conf");
  const own = valueOf(ours(RESOLV_CONF));
  if (!explicit && same(own, valueOf(resolver))) return { files: [], gaps: [] };
  const readings = [HOSTS, NSSWITCH].map(theirs);
  const [hosts, nsswitch] = readings.map(valueOf);
  const switched = valueOf(ours(NSSWITCH));
  return {
    files: [
      file(RESOLV_CONF, valueOf(resolver)),
      ...(same(hosts, valueOf(ours(HOSTS))) ? [] : [file(HOSTS, hosts)]),
      ...(switched === undefined ? [] : lookups(switched, nsswitch)),
      ...nameCache(host),
    ],
    gaps: readings.flatMap((reading) => (reading.ok || reading.gap.reason === 'gone' ? [] : [reading.gap])),
  };
}

function readOurs(host: Host, tools: string | undefined, path: string): Reading<Uint8Array> {
  if (tools === undefined) return host.readFile(path);
  return host.readFileInRoot({ root: tools, path });
}

/**
 * As `ip netns exec` does it, but what asks a daemon of the host does not count then. What cannot be mounted over the one
 * in /etc is left out, and told: the command runs, as it does with ip.
 */
function namedFiles(
  host: Host,
  { directory, names }: Extract<ResolverSource, { type: 'name' }>,
  tools: string | undefined,
  ours: (path: string) => Reading<Uint8Array>,
): ResolverFiles {
  const readings = names.toSorted().map((name) => namedFile(host, directory, name, tools));
  const files = readings.flatMap((reading) => valueOf(reading) ?? []);
  const gaps = readings.flatMap((reading) => (reading.ok ? [] : [reading.gap]));
  if (files.length === 0) return { files: [], gaps };
  const switched = names.includes('nsswitch.conf') ? undefined : valueOf(ours(NSSWITCH));
  return {
    files: [...files, ...(switched === undefined ? [] : lookups(switched, switched)), ...nameCache(host)],
    gaps,
  };
}

function namedFile(host: Host, directory: string, name: string, tools: string | undefined): Reading<ShownFile> {
  const [from, path] = [`${directory}/${name}`, `/etc/${name}`];
  const status = host.stat(from);
  if (!status.ok) return status;
  const over = tools === undefined ? valueOf(host.stat(path)) : undefined;
  const isDirectory = isOfDirectory(status.value);
  if (over !== undefined && isOfDirectory(over) !== isDirectory) {
    const text = isDirectory ? `${path} is no directory` : `${path} is a directory`;
    return gap({ reason: 'unsupported', what: from, text });
  }
  const reason = 'made for this network, as `ip netns exec` shows it';
  return value({ path, content: { bind: from, isDirectory }, reason });
}

function file(path: string, bytes: Uint8Array | undefined): ShownFile {
  const reason = bytes === undefined ? 'empty: the target has none' : "a copy of the target's";
  return { path, content: { bytes: bytes ?? '' }, reason };
}

function lookups(ours: Uint8Array, theirs: Uint8Array | undefined): readonly ShownFile[] {
  const text = withHostsOf(ours, theirs);
  if (text === undefined) return [];
  const reason = "ours with the target's line for hosts, without what would ask a daemon of this host";
  return [{ path: NSSWITCH, content: { bytes: text }, reason }];
}

/** It would answer for this host before the resolver is asked at all. */
function nameCache(host: Host): readonly ShownFile[] {
  if (!host.stat(NSCD).ok) return [];
  return [{ path: NSCD, content: { bytes: '' }, reason: 'the name cache of this host is not asked' }];
}

function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
