// What is done before nsexec has its turn, for eyes.

import type { Step } from '../../kernel/program.ts';
import type { CgroupPlace } from '../../kernel/cgroup-plan.ts';
import type { CgroupRunPlan } from './plan.ts';

type Told = Pick<Step, 'label' | 'reason'>;

export function stepsToMake({ making, limits, joined, id }: CgroupRunPlan): readonly Told[] {
  const { make, leaveTo, enable } = making;
  return [
    { label: `write the journal's entry ${id}`, reason: 'what comes after it is taken back by it, whoever is killed' },
    ...make.map((place) => ({ label: `make ${folderOf(place)}`, reason: reasonFor(place, leaveTo, joined) })),
    ...(leaveTo === null
      ? []
      : [{ label: `go to ${folderOf(leaveTo)}`, reason: 'who hands controllers on may have no processes' }]),
    ...enable.map(({ place, controllers, restore }) => ({
      label: `hand on ${controllers.join(' ')} in ${folderOf(place)}`,
      reason: restore ? 'for as long as the command runs' : 'it stays so: other cgroups are there too',
    })),
    ...making.inherit.map(({ place, file, text }) => ({
      label: `write '${text}' to ${folderOf(place)}/${file}`,
      reason: 'as above it: without it takes no processes',
    })),
    ...limits.writes.map(({ place, file, text, reason }) => ({
      label: `write '${text}' to ${folderOf(place)}/${file}`,
      reason,
    })),
  ];
}

function reasonFor(place: CgroupPlace, leaveTo: CgroupPlace | null, joined: CgroupRunPlan['joined']): string {
  if (place === leaveTo) return 'for us, who wait';
  return `of the ${joined.find((each) => each.place === place)?.parent.name ?? ''} hierarchy, for the command`;
}

function folderOf({ mount, below }: CgroupPlace): string {
  return below === '' ? mount : `${mount === '/' ? '' : mount}/${below}`;
}
