// The graph of the host's networks as `net graph --html` draws it: a box a namespace, with what is told of it and its links.

import { IdentityResolver } from '../../containers/identify.ts';
import type { GraphLink, GraphNamespace, NetworkGraph } from '../../inspect/network/graph.ts';
import { countersLine, endText } from '../../inspect/network/link-value.ts';
import { residentsOf } from '../../inspect/network/residents.ts';
import { allNetworkNames, typedName } from '../../inspect/network-names.ts';
import type { Host } from '../../kernel/host.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';
import type { Topology } from '../../network/topology.ts';
import type { PageBox, PageFact, PageGraph, PageNode } from '../../render/graph-page.ts';
import { gapNote } from '../gap-text.ts';
import { boxLabel } from './net-graph-drawn.ts';
import { defaultsOf } from './net-show-columns.ts';

export function pageGraph(host: Host, topology: Topology, graph: NetworkGraph, title: string): PageGraph {
  const { names } = allNetworkNames(host);
  const resolver = new IdentityResolver(host);
  const places = new Map(topology.namespaces.map((place) => [place.inode, place]));
  const bridges = new Map(graph.edges.flatMap(({ type, from, to }) => (type === 'port' ? [[from, to] as const] : [])));
  const boxes = graph.namespaces.map((namespace): PageBox => {
    const place = namespace.ns === null ? undefined : places.get(namespace.ns);
    const nodes = namespace.links.map((link) => nodeOf(topology, place, link, bridges.get(link.id) ?? null));
    const { id } = namespace;
    if (place === undefined) {
      const fact: PageFact = ['hidden', ['links lead to it, and nothing else that can be seen from here']];
      return { id, title: boxLabel(namespace), shape: 'dashed', facts: [fact], nodes };
    }
    const typed = names.filter(({ inode }) => inode === place.inode).map(typedName);
    const facts = boxFacts(resolver, place, typed);
    return { id, title: titleOf(namespace), shape: topology.isHost(place) ? 'host' : 'plain', facts, nodes };
  });
  const lines = graph.edges.flatMap(({ type, from, to }) =>
    type === 'port' ? [] : [{ from, to, style: type === 'peer' ? ('plain' as const) : ('dashed' as const) }],
  );
  return { title, notes: topology.gaps.list().map(gapNote), boxes, lines };
}

function titleOf({ id, name }: GraphNamespace): string {
  return name ?? id;
}

function boxFacts(resolver: IdentityResolver, place: NetworkNamespace, names: readonly string[]): readonly PageFact[] {
  const { pids, mounts } = place.namespace;
  const residents = residentsOf(resolver, pids).map(
    ({ name, pids: of }) => `${name ?? 'no container or unit'}: ${of.length}, pid ${of[0] ?? '-'}`,
  );
  return told([
    ['inode', [String(place.inode)]],
    ['names', names],
    ['processes', residents.length === 0 ? ['none'] : residents],
    ['default', defaultsOf(place) ?? ['-']],
    ['mounted', mounts],
    ...(place.links === null ? [['links', ['they could not be read']] as const] : []),
  ]);
}

function told(facts: readonly PageFact[]): readonly PageFact[] {
  return facts.filter(([, values]) => values.length > 0);
}

function nodeOf(
  topology: Topology,
  place: NetworkNamespace | undefined,
  { id, ifindex, name, text, operstate, addresses, holders }: GraphLink,
  parent: string | null,
): PageNode {
  const link = place?.byIndex.get(ifindex);
  const isUsual = operstate === 'UP' || operstate === 'UNKNOWN' || operstate === null;
  const brief = [isUsual ? '' : operstate, text, ...addresses].filter((word) => word !== '').join(' ');
  const facts: PageFact[] = [['addresses', addresses]];
  if (place !== undefined && link !== undefined) {
    const end = endText(topology, place, link);
    facts.push(
      ['leads', end === '' ? [] : [end]],
      ['state', [link.operstate]],
      ['mtu', link.mtu === null ? [] : [String(link.mtu)]],
      ['mac', link.address === null ? [] : [link.address]],
      ['port', link.portState === null ? [] : [link.portState]],
      ['alias', link.alias === null ? [] : [link.alias]],
      ['also', link.altNames],
      ['held by', holders.map(({ pid, comm }) => `${pid} ${comm ?? '-'}`)],
      ['counters', [countersLine(link).slice(link.name.length + 1)]],
    );
  }
  return { id, title: name ?? `if${ifindex}`, text: brief, parent, facts: told(facts) };
}
