// What has a name on this host, for who has mistyped one.

import { containerName } from '../containers/display-name.ts';
import { IdentityResolver } from '../containers/identify.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import { statOf } from '../kernel/process-stat.ts';
import { parseDecimal } from '../kernel/text/text.ts';

/** Where ip-netns(8) mounts network namespaces by name. */
export const NETNS_FOLDER = '/run/netns';

/** Names, each with the target that it is: those of the scheme of `word`; of a bare word all but commands. */
export function knownNames(host: Host, word: string): ReadonlyMap<string, string> {
  const colon = word.indexOf(':');
  const scheme = colon < 0 ? undefined : word.slice(0, colon);
  const names = new Map<string, string>();
  if (scheme === 'comm') addCommands(host, names);
  if (scheme === 'netns' || scheme === undefined) addNetworks(host, names);
  if (scheme !== 'comm' && scheme !== 'netns') addIdentities(host, scheme, names);
  return names;
}

function addNetworks(host: Host, names: Map<string, string>): void {
  for (const name of valueOf(host.readDirectory(NETNS_FOLDER)) ?? []) names.set(name, `netns:${name}`);
}

function processes(host: Host): readonly string[] {
  return (valueOf(host.readDirectory('/proc')) ?? []).filter((name) => parseDecimal(name) !== undefined);
}

function addCommands(host: Host, names: Map<string, string>): void {
  for (const pid of processes(host)) {
    const name = valueOf(statOf(host, Number(pid)))?.comm;
    if (name !== undefined) names.set(name, `comm:${name}`);
  }
}

function addIdentities(host: Host, scheme: string | undefined, names: Map<string, string>): void {
  const resolver = new IdentityResolver(host);
  for (const pid of processes(host)) {
    const identity = valueOf(resolver.identify(Number(pid)));
    if (identity === undefined) continue;
    const { name, unit } = identity;
    const target = identity.role === 'payload' ? containerName(identity) : null;
    if (target?.startsWith(`${scheme ?? 'container'}:`) === true)
      names.set(target.slice(target.indexOf(':') + 1), target);
    if (scheme !== 'unit' && name !== null && target !== null) names.set(name, target);
    if ((scheme === undefined || scheme === 'unit') && unit !== null && identity.role !== 'payload') {
      names.set(unit, `unit:${unit}`);
      names.set(unit.replace(/\.service$/, ''), `unit:${unit}`);
    }
  }
}
