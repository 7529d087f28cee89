// Whom those in a namespace ask for names, and whether they could answer.

import { parseAddress } from '../../kernel/netlink/address-text.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { parseResolvConf } from '../../kernel/text/resolv-conf.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';
import { findNetworkFile, type NetworkFile } from '../network-file.ts';
import { advice, finding, type Finding } from './finding.ts';
import type { Sight } from './sight.ts';

export interface Nameservers {
  readonly file: string;
  /** Addresses, without their zones. */
  readonly servers: readonly string[];
  /** Words that are none. */
  readonly wrong: readonly string[];
}

function fileOf(sight: Sight, place: NetworkNamespace, name: string): NetworkFile | null {
  const isOurs = place.door === undefined && place.way !== undefined;
  const found = findNetworkFile(sight.host, place.namespace, isOurs, name);
  if (!found.ok) sight.gaps.add(name, found.gap);
  return found.ok ? found.value : null;
}

/** null: the file could not be read. Source: resolv.conf(5): three at most are asked, without any that of the host itself. */
export function nameserversOf(sight: Sight, place: NetworkNamespace): Nameservers | null {
  const found = fileOf(sight, place, 'resolv.conf');
  if (found === null) return null;
  const words = parseResolvConf(found.bytes).nameservers.slice(0, MAXNS);
  const addresses = words.map((word) => word.split('%')[0] ?? '');
  const isAddress = (word: string): boolean => parseAddress(word) !== undefined;
  return {
    file: found.file,
    servers: addresses.filter(isAddress),
    wrong: words.filter((_, at) => !isAddress(addresses[at] ?? '')),
  };
}

const MAXNS = 3;

/** What the file itself has wrong. */
export function resolverChecks(sight: Sight, place: NetworkNamespace, names: Nameservers): readonly Finding[] {
  const { file, servers, wrong } = names;
  if (servers.length > 0) return [];
  const evidence = [wrong.length === 0 ? `${file}: no nameserver` : `${file}: nameserver ${wrong.join(', ')}`];
  return [
    finding('D28', place, `${sight.of(place).name} has no nameserver to ask`, {
      evidence,
      fix: advice(`write a line 'nameserver ADDRESS' into ${file}`),
    }),
  ];
}

/** Where nobody takes the question, the nameserver is what is wrong; `isOnly`: there is no other to ask. */
export function asNameserver(
  findings: readonly Finding[],
  { file }: Nameservers,
  server: string,
  isOnly: boolean,
): readonly Finding[] {
  return findings.map((one) => {
    const certainty = isOnly ? one.certainty : 'possible';
    if (!DEAD.has(one.code)) return { ...one, certainty };
    return {
      ...one,
      code: 'D29',
      certainty,
      what: `the nameserver ${server} does not answer: ${one.what}`,
      evidence: [`${file}: nameserver ${server}`, ...one.evidence],
      fix: advice(`write another nameserver into ${file}, or start this one`),
    };
  });
}

/** Nobody listens there, not for this, or nobody has the address. */
const DEAD: ReadonlySet<string> = new Set(['D24', 'D25', 'D26', 'D34']);

/** What the file of hosts says: lines of an address and names. Source: hosts(5). Empty: it could not be read, too. */
export function hostsOf(sight: Sight, place: NetworkNamespace): readonly (readonly string[])[] {
  const found = fileOf(sight, place, 'hosts');
  const lines = found === null ? [] : decodeText(found.bytes).split('\n');
  return lines.map((line) => (line.split('#')[0] ?? '').trim().split(/\s+/));
}

/** undefined: there is none. */
export function hostsAddress(sight: Sight, place: NetworkNamespace, name: string): string | undefined {
  const wanted = name.toLowerCase();
  const fits = ([address = '', ...names]: readonly string[]): boolean =>
    names.some((one) => one.toLowerCase() === wanted) && parseAddress(address) !== undefined;
  return hostsOf(sight, place).find(fits)?.[0];
}
