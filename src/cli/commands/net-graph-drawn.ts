// The graph of `net graph` for dot and mermaid: labels of boxes, nodes and lines.

import type { GraphLink, GraphNamespace, NetworkGraph } from '../../inspect/network/graph.ts';
import type { DrawnGraph } from '../../render/graph.ts';

/** For forms that draw: the label of an edge only where it says more than the line. */
export function drawn({ namespaces, edges }: NetworkGraph): DrawnGraph {
  return {
    boxes: namespaces.map((namespace) => ({
      id: namespace.id,
      label: boxLabel(namespace),
      isDashed: namespace.ns === null,
      nodes: namespace.links.map((link) => ({
        id: link.id,
        label: nodeLabel(link),
        shape: link.kind === 'bridge' || link.kind === 'bond' ? 'round' : 'box',
      })),
    })),
    lines: edges.map(({ type, from, to, state }) => ({
      from,
      to,
      label: type === 'port' && state !== 'forwarding' ? (state ?? '') : '',
      style: type === 'peer' ? 'plain' : type === 'port' ? 'arrow' : 'dashed',
    })),
  };
}

export function boxLabel({ id, ns, name }: GraphNamespace): string {
  if (ns === null) return `hidden namespace, ${id}`;
  return name === id ? id : `${name ?? ''} ${id}`;
}

export function nodeLabel({ name, ifindex, text, addresses, operstate, holders }: GraphLink): readonly string[] {
  const state = operstate === 'UP' || operstate === 'UNKNOWN' || operstate === null ? '' : operstate;
  const held = holders.map(({ pid, comm }) => `held by ${pid} ${comm ?? '-'}`);
  return [name ?? `if${ifindex}`, `${text} ${state}`.trim(), ...addresses, ...held].filter((line) => line !== '');
}
