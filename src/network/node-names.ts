// How programs in a node of a lab look names up: by the files that they see as /etc/hosts and /etc/resolv.conf.

import { valueOf, type Host } from '../kernel/host.ts';
import { formatAddress, parseAddress } from '../kernel/netlink/address-text.ts';
import { parseHosts } from '../kernel/text/hosts.ts';
import { parseResolvConf } from '../kernel/text/resolv-conf.ts';
import type { Lab } from './lab.ts';

export interface NodeNames {
  /** Addresses of a name that a file knows. */
  readonly known: (name: string) => readonly string[];
  /** Addresses, at most three. Source: resolv.conf(5), MAXNS. */
  readonly servers: readonly string[];
  /** What to ask for when a name is looked up, in order. */
  readonly asked: (name: string) => readonly string[];
}

const MOST_SERVERS = 3;
const MOST_DOMAINS = 6;

export function namesIn(host: Host, lab: Lab, name: string): NodeNames {
  const lines = parseHosts(fileOf(host, lab, name, 'hosts'));
  const { nameservers, search } = parseResolvConf(fileOf(host, lab, name, 'resolv.conf'));
  return {
    known: (wanted) => {
      const isIt = (each: string): boolean => each.toLowerCase() === wanted.toLowerCase();
      return lines.filter(({ names }) => names.some(isIt)).flatMap(({ address }) => canonical(address));
    },
    servers: nameservers.flatMap(canonical).slice(0, MOST_SERVERS),
    asked: (wanted) => {
      const longer = search.slice(0, MOST_DOMAINS).map((domain) => `${wanted}.${domain}`);
      // ndots is 1: a name with a dot is tried as it is first.
      return wanted.includes('.') ? [wanted, ...longer] : [...longer, wanted];
    },
  };
}

function canonical(address: string): readonly string[] {
  const bytes = parseAddress(address);
  return bytes === undefined ? [] : [formatAddress(bytes)];
}

/** Of a namespace that in /etc/netns, if there is one; of a process its own. */
function fileOf(host: Host, { nodes }: Lab, name: string, file: string): Uint8Array {
  const node = nodes.find((each) => each.name === name);
  const pid = node?.kind === 'attached' ? /^\/proc\/(\d+)\/ns\/net$/.exec(node.path)?.[1] : undefined;
  if (pid !== undefined)
    return valueOf(host.readFileInRoot({ root: `/proc/${pid}/root`, path: `/etc/${file}` })) ?? new Uint8Array();
  const own = node?.kind === 'namespace' ? valueOf(host.readFile(`/etc/netns/${name}/${file}`)) : undefined;
  return own ?? valueOf(host.readFile(`/etc/${file}`)) ?? new Uint8Array();
}
