import { networkGraph, type GraphLink, type GraphNamespace, type NetworkGraph } from '../../inspect/network/graph.ts';
import { endText } from '../../inspect/network/link-value.ts';
import { NsError } from '../../kernel/error.ts';
import { isComplete } from '../../kernel/gap-tally.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { readTopology, type Topology } from '../../network/topology.ts';
import { escapeControls } from '../../render/escape.ts';
import { renderDot, renderMermaid, type DrawnGraph } from '../../render/graph.ts';
import { renderJson, type Json } from '../../render/json.ts';
import { drawTree, type TreeNode } from '../../render/tree.ts';
import { flag, type CommandDefinition } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';

const FORMS = ['dot', 'mermaid', 'json'] as const;

export const netGraph: CommandDefinition = {
  name: 'net graph',
  summary: 'how the network namespaces of the host hang together: as a tree, dot or mermaid',
  operands: '',
  arity: [0, 0],
  description: [
    'Draws every network namespace that can be reached, with its links: which two are the ends of a pair, which is a port',
    'of which bridge, which lies upon which (vlan, macvlan, vxlan), who has the descriptor of a tun device. Loopbacks are',
    'left out. A namespace that links lead to, and that nothing else leads to, is drawn as hidden. nstool net show says how',
    'that is found.',
    '',
    'Without an option it is a tree: namespaces, in them their links, below a bridge its ports.',
  ],
  options: [
    { long: 'dot', help: 'for Graphviz' },
    { long: 'mermaid', help: 'a flowchart for mermaid, as markdown files take it' },
    { long: 'json', short: 'J', help: 'namespaces, links and edges as JSON, with the gaps' },
    { long: 'deep', help: 'also namespaces that only descriptors, sockets or foreign mounts keep' },
  ],
  examples: [
    { line: 'nstool net graph', does: 'the host as a tree' },
    { line: 'nstool net graph --dot', does: 'for a picture: pipe it to dot -Tsvg' },
    { line: 'nstool net graph --mermaid --from incident.json', does: 'of a recorded host, for a report' },
  ],
  exitStatus: [
    [0, 'drawn; what could not be read is named'],
    [2, 'the command line is wrong'],
    [5, '/proc is not that of our own pid namespace'],
  ],
  async run(invocation, context) {
    const [form, ...others] = FORMS.filter((one) => flag(invocation, one));
    if (others.length > 0) {
      throw new NsError('USAGE', { what: `--${form} and --${others[0]}: only one form at a time` });
    }
    const host = await context.host();
    requireOwnProc(host);
    const topology = readTopology(host, { deep: flag(invocation, 'deep') });
    const graph = networkGraph(topology);
    const gaps = topology.gaps.list();
    const head = { schema: 1, complete: isComplete(gaps), gaps: gaps.map(gapJson) };
    const forms = {
      json: () => renderJson({ ...head, ...graphJson(graph) }),
      dot: () => renderDot(drawn(graph)),
      mermaid: () => renderMermaid(drawn(graph)),
    };
    const stdout = form === undefined ? treeText(topology, graph) : forms[form]();
    return { stdout, notes: gaps.map(gapNote), status: 0 };
  },
};

function graphJson({ namespaces, edges }: NetworkGraph): Readonly<Record<string, Json>> {
  return {
    namespaces: namespaces.map(({ id, ns, name, links }) => ({
      id,
      ns,
      name,
      hidden: ns === null,
      links: links.map(({ id: link, ifindex, name: ifname, kind, operstate, addresses, holders }) => {
        return { id: link, ifindex, ifname, kind, operstate, addresses, holders: holders.map((one) => ({ ...one })) };
      }),
    })),
    edges: edges.map(({ type, from, to, state }) => ({ type, from, to, state })),
  };
}

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

function boxLabel({ id, ns, name }: GraphNamespace): string {
  if (ns === null) return `hidden namespace, ${id}`;
  return name === id ? id : `${name ?? ''} ${id}`;
}

function nodeLabel({ name, ifindex, text, addresses, operstate, holders }: GraphLink): readonly string[] {
  const state = operstate === 'UP' || operstate === 'UNKNOWN' || operstate === null ? '' : operstate;
  const held = holders.map(({ pid, comm }) => `held by ${pid} ${comm ?? '-'}`);
  return [name ?? `if${ifindex}`, `${text} ${state}`.trim(), ...addresses, ...held].filter((line) => line !== '');
}

/** Hidden namespaces stand at the links that lead there. */
function treeText(topology: Topology, graph: NetworkGraph): string {
  const ports = new Map<string, Set<string>>();
  const masters = new Map(graph.edges.flatMap(({ type, from, to }) => (type === 'port' ? [[from, to] as const] : [])));
  for (const [port, master] of masters) ports.set(master, (ports.get(master) ?? new Set()).add(port));
  const roots = graph.namespaces.flatMap((namespace): readonly TreeNode<string>[] => {
    const place = topology.namespaces.find(({ inode }) => inode === namespace.ns);
    if (place === undefined) return [];
    const byId = new Map(namespace.links.map((link) => [link.id, link]));
    const nodeOf = (link: GraphLink): TreeNode<string> => {
      const children = [...(ports.get(link.id) ?? [])].flatMap((id) => byId.get(id) ?? []);
      const full = place.byIndex.get(link.ifindex);
      const [name = '', ...about] = nodeLabel(link);
      const end = full === undefined ? '' : endText(topology, place, full);
      return { row: [name, ...about, end].filter((word) => word !== '').join(' '), children: children.map(nodeOf) };
    };
    // Two bonds cannot be ports of each other: the kernel refuses a ring.
    const tops = namespace.links.filter(({ id }) => !masters.has(id));
    const note = place.links === null ? ' -' : '';
    return [{ row: `${boxLabel(namespace)}${note}`, children: tops.map(nodeOf) }];
  });
  return drawTree(roots)
    .map(({ row, branch }) => `${branch}${escapeControls(row)}\n`)
    .join('');
}
