import { addressValue, linkSentence, linkValue } from '../../inspect/network/link-value.ts';
import { networkFields, networkPage } from '../../inspect/network/namespace-page.ts';
import { networkTarget, type NetworkTarget, type PlacedLink } from '../../inspect/network/network-target.ts';
import { isComplete, type CountedGap } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';
import { readTopology, type Topology } from '../../network/topology.ts';
import { renderJson, type Json } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';
import { flag, type CommandDefinition, type Outcome } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { keyLine, pageText } from '../page.ts';
import { splitRecorded } from '../recorded-target.ts';
import { lowest, netColumnHelp, netColumns } from './net-show-columns.ts';
import { textOptions } from './text-options.ts';

export const netShow: CommandDefinition = {
  name: 'net show',
  summary: 'the network namespaces of the host, their links and where each leads',
  operands: '[TARGET]',
  arity: [0, 1],
  description: [
    'Lists every network namespace that can be reached, also those of docker, and those without a name. With TARGET it',
    'prints one in full: who lives there, each link with its other end, addresses, routes, listeners, counters. TARGET is',
    'a name in /run/netns, a process or namespace in any form, or a link: a name alone if nothing else is called so, or',
    'link:NAME. Then it is one line for each link of that name: whose it is, and where it leads.',
    '',
    'The other end of a veth is found by what each namespace calls the other, and counts only if both ends say the same.',
    'hidden: there is such a namespace, but nothing leads to it: a descriptor in flight keeps it, or a process that is',
    'closed to us. Where a link leads to a namespace that processes and mounts do not show, descriptors, sockets and the',
    'mounts of all mount namespaces are looked at too, as with --deep.',
    '',
    'columns of the list:',
    ...netColumnHelp.map(({ key, help }) => keyLine({ key: key.toUpperCase(), help })),
    '',
    'fields of one:',
    ...networkFields.map(keyLine),
  ],
  options: [
    { long: 'deep', help: 'without TARGET: also namespaces that only descriptors, sockets or foreign mounts keep' },
    { long: 'json', short: 'J', help: 'as JSON, with the gaps' },
    { long: 'noheadings', short: 'n', help: 'no line of headings' },
    { long: 'notruncate', short: 'u', help: 'shorten nothing, also on a terminal' },
  ],
  examples: [
    { line: 'nstool net show', does: 'all of them, a line each' },
    { line: 'nstool net show container:web', does: 'which veth is whose: a container in full' },
    { line: 'nstool net show veth1f3a', does: 'whose link that is, and where it leads' },
    { line: 'nstool net show blue -J', does: 'for a script' },
    { line: 'nstool net show incident.json::container:web', does: 'in a recorded host' },
  ],
  exitStatus: [
    [0, 'shown; what could not be read is named'],
    [2, 'the command line is wrong, or TARGET is no network namespace'],
    [3, 'no such process, namespace or link'],
    [4, 'TARGET is closed to us'],
    [5, '/proc is not that of our own pid namespace'],
  ],
  async run(invocation, context) {
    const target = splitRecorded(invocation.operands[0]);
    const host = await context.host(target?.recording);
    requireOwnProc(host);
    const asJson = flag(invocation, 'json');
    if (target !== undefined) return showTarget(host, networkTarget(host, target.word), asJson);
    const topology = readTopology(host, { deep: flag(invocation, 'deep') });
    if (asJson) {
      const namespaces = topology.namespaces.map((one) => namespaceJson(topology, one));
      return jsonOutcome({ namespaces }, topology.gaps.list());
    }
    const truncate = !flag(invocation, 'notruncate');
    const options = await textOptions({ headings: !flag(invocation, 'noheadings'), truncate }, context);
    const stdout = renderTable(topology.namespaces, netColumns(topology), options);
    return { stdout, notes: topology.gaps.list().map(gapNote), status: 0 };
  },
};

function jsonOutcome(answer: Readonly<Record<string, Json>>, gaps: readonly CountedGap[]): Outcome {
  const stdout = renderJson({ schema: 1, complete: isComplete(gaps), gaps: gaps.map(gapJson), ...answer });
  return { stdout, notes: gaps.map(gapNote), status: 0 };
}

function showTarget(host: Host, target: NetworkTarget, asJson: boolean): Outcome {
  const { topology } = target;
  if (target.type === 'links') return linksOutcome(topology, target.links, asJson);
  const { fields, gaps } = networkPage(host, topology, target.place);
  if (!asJson) return { stdout: pageText(fields, true), notes: gaps.map(gapNote), status: 0 };
  // Counters stand with the links.
  const shown = fields.filter(({ key }) => key !== 'counters');
  return jsonOutcome({ network: Object.fromEntries(shown.map(({ key, value }) => [key, value])) }, gaps);
}

function linksOutcome(topology: Topology, links: readonly PlacedLink[], asJson: boolean): Outcome {
  const gaps = topology.gaps.list();
  if (!asJson) {
    const fields = [
      { key: '', value: null, lines: links.map(({ place, link }) => linkSentence(topology, place, link)) },
    ];
    return { stdout: pageText(fields, false), notes: gaps.map(gapNote), status: 0 };
  }
  const all = links.map(({ place, link }) => {
    return { ns: place.inode, name: topology.nameOf(place), link: linkValue(topology, place, link) };
  });
  return jsonOutcome({ links: all }, gaps);
}

/** A namespace of the list. */
export function namespaceJson(topology: Topology, place: NetworkNamespace): Json {
  const { namespace, inode, links, addresses, defaults } = place;
  return {
    ns: inode,
    name: topology.nameOf(place),
    initial: topology.isHost(place),
    nprocs: namespace.pids.length,
    pid: lowest(namespace.pids),
    nsfs: namespace.mounts.length > 0 ? namespace.mounts : namespace.foreignMounts,
    links: links?.map((link) => linkValue(topology, place, link)) ?? null,
    addresses: addresses?.map((address) => addressValue(address, place)) ?? null,
    defaults:
      defaults?.flatMap(({ family, priority, nextHops }) =>
        nextHops.map(({ gateway, ifindex }) => {
          const dev = ifindex === null ? null : (place.byIndex.get(ifindex)?.name ?? String(ifindex));
          return { family, gateway, dev, metric: priority };
        }),
      ) ?? null,
  };
}
