// From a lab to the steps that make it, each with its reason and its undo. What stands already, and is right, needs none.

import type { Host } from '../kernel/host.ts';
import { isNetworkUndo } from '../kernel/journal.ts';
import { fileSteps } from './lab-files.ts';
import { forwardPlan, type ForwardObstacle } from './lab-forward.ts';
import { impairSteps } from './lab-impair.ts';
import { linkSteps } from './lab-links.ts';
import { decodeLab } from './lab-memory.ts';
import { natSteps } from './lab-nat.ts';
import { requireFree, type HostNet } from './lab-overlap.ts';
import type { LabQuestion } from './lab-question.ts';
import { removalOf } from './lab-removal.ts';
import { settingSteps } from './lab-settings.ts';
import { sightsOf, type Sight, type Sights } from './lab-sight.ts';
import { step, type PlannedStep } from './lab-step.ts';
import { bridgeOf, endsOf, HOST, type Lab } from './lab.ts';

export interface LabPlan {
  readonly steps: readonly PlannedStep[];
  /** The namespaces that are there already, by the ways to them, with their inodes. */
  readonly places: ReadonlyMap<string, bigint>;
  /** Firewalls that drop what the lab's packets need, and that nothing is done about. */
  readonly obstacles: readonly ForwardObstacle[];
}

/** Errors: BAD_VALUE, for what is somebody else's, or in the way; NO_FILE, NO_NAMESPACE; as of the questions to the host. */
export function planLab(host: Host, question: LabQuestion): LabPlan {
  const { lab, standing } = question;
  const found = sightsOf(host, lab, standing);
  const undo = standing?.undo.filter(isNetworkUndo) ?? [];
  const previous = decodeLab(standing?.note);
  const { steps: removed, sights } = removalOf(previous, lab, found, undo);
  const own = sights.get(HOST);
  const links = linkSteps(question, sights);
  if (own !== undefined) requireFree(host, hostNets(lab), own);
  const forward = forwardPlan(host, question, sights);
  const steps = [
    ...removed,
    ...namespaceSteps(sights),
    ...links,
    ...Array.from(sights.values()).flatMap((sight) => settingSteps(host, question, sight)),
    ...Array.from(sights.values()).flatMap((sight) => impairSteps(host, lab, previous, sight)),
    ...natSteps(host, question, sights),
    ...forward.steps,
    ...fileSteps(host, question),
  ];
  return { steps, places: placesOf(sights), obstacles: forward.obstacles };
}

function namespaceSteps(sights: Sights): readonly PlannedStep[] {
  return Array.from(sights.values()).flatMap(({ node, inode }) =>
    node.kind === 'namespace'
      ? [
          step(
            { op: 'namespace', at: node.path },
            `network namespace ${node.path}`,
            'with a name, so that ip(8) sees it too; its loopback up',
            { isRight: inode !== null },
          ),
        ]
      : [],
  );
}

function placesOf(sights: Sights): ReadonlyMap<string, bigint> {
  const isThere = (sight: Sight): sight is Sight & { at: string; inode: bigint } =>
    sight.at !== null && sight.inode !== null;
  return new Map([...sights.values()].filter(isThere).map(({ at, inode }) => [at, inode]));
}

/** Of our own links that get addresses; and of bridges, whose ports' other ends have some. */
function hostNets(lab: Lab): readonly HostNet[] {
  const bridges = lab.nodes.filter((node) => node.kind === 'bridge').filter((node) => node.in === HOST);
  const ofBridges = bridges.flatMap(({ name, addresses }) => addresses.map((net) => ({ net, link: name })));
  const ofEnds = lab.links.flatMap((link) => {
    const ends = endsOf(link);
    const near = ends.find((end) => end.node === HOST);
    const bridge = ends.map((end) => bridgeOf(lab, end)).find((each) => each?.in === HOST);
    const by = near?.link ?? bridge?.name;
    return by === undefined ? [] : ends.flatMap(({ addresses }) => addresses.map((net) => ({ net, link: by })));
  });
  return [...ofBridges, ...ofEnds];
}
