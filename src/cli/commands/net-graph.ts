import { networkGraph, type GraphLink, type NetworkGraph } from '../../inspect/network/graph.ts';
import { endText } from '../../inspect/network/link-value.ts';
import { NsError } from '../../kernel/error.ts';
import { isComplete } from '../../kernel/gap-tally.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { readTopology, type Topology } from '../../network/topology.ts';
import { escapeControls } from '../../render/escape.ts';
import type { PageGraph } from '../../render/graph-page.ts';
import { renderDot, renderMermaid } from '../../render/graph.ts';
import { renderJson, type Json } from '../../render/json.ts';
import { drawTree, type TreeNode } from '../../render/tree.ts';
import { flag, type CommandDefinition } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { boxLabel, drawn, nodeLabel } from './net-graph-drawn.ts';

const FORMS = ['dot', 'mermaid', 'svg', 'html', 'json'] as const;

export const netGraph: CommandDefinition = {
  name: 'net graph',
  summary: 'how the network namespaces of the host hang together: as a tree, picture or page',
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
    { long: 'svg', help: 'a picture, laid out by Graphviz (package @viz-js/viz)' },
    { long: 'html', help: 'a page for a browser: to filter, and to click for details; it loads nothing else' },
    { long: 'json', short: 'J', help: 'namespaces, links and edges as JSON, with the gaps' },
    { long: 'deep', help: 'also namespaces that only descriptors, sockets or foreign mounts keep' },
  ],
  examples: [
    { line: 'nstool net graph', does: 'the host as a tree' },
    { line: 'nstool net graph --dot', does: 'for a picture: pipe it to dot -Tsvg' },
    { line: 'nstool net graph --html', does: 'a page of the host, to open or to send: into a file' },
    { line: 'nstool net graph --mermaid --from incident.json', does: 'of a recorded host, for a report' },
  ],
  exitStatus: [
    [0, 'drawn; what could not be read is named'],
    [2, 'the command line is wrong'],
    [5, '/proc is not that of our own pid namespace, or --svg was asked for without the package @viz-js/viz'],
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
      svg: async () => (await import('../svg.ts')).svgOf(renderDot(drawn(graph))),
      html: async () => pageOf(host, topology, graph),
      json: () => renderJson({ ...head, ...graphJson(graph) }),
      dot: () => renderDot(drawn(graph)),
      mermaid: () => renderMermaid(drawn(graph)),
    };
    const stdout = form === undefined ? treeText(topology, graph) : await forms[form]();
    return { stdout, notes: gaps.map(gapNote), status: 0 };
  },
};

async function pageOf(host: Host, topology: Topology, graph: NetworkGraph): Promise<string> {
  const { graphPage } = await import('../graph-page.ts');
  return graphPage(await pageDataOf(host, topology, graph));
}

/** What the page shows. */
export async function pageDataOf(host: Host, topology: Topology, graph: NetworkGraph): Promise<PageGraph> {
  const { pageGraph } = await import('./net-graph-page.ts');
  const name = valueOf(host.readFile('/proc/sys/kernel/hostname'));
  const title = `Networks of ${name === undefined ? 'this host' : decodeText(name).trim()}`;
  return pageGraph(host, topology, graph, title);
}

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
