// LXC, LXD and Incus: one library, and the same cgroups. Which of them it is, and what of the cgroup's name is the
// container's, the folders of containers tell. Source: lxc src/lxc/cgroups/cgfsng.c, incus internal/server/project.

import { gap, value, type Reading } from '../kernel/host.ts';
import { noFacts, type EngineReader, type Facts, type Place, type Shelf } from './engine-reader.ts';
import type { Root } from './files.ts';
import type { Engine } from './identity.ts';

export const lxc: EngineReader = { roots, container };

/** The likeliest engine by the folder; the third: LXD as a snap. */
const USUAL: readonly (readonly [string, Engine])[] = [
  ['/var/lib/incus/containers', 'incus'],
  ['/var/lib/lxd/containers', 'lxd'],
  ['/var/snap/lxd/common/lxd/containers', 'lxd'],
  ['/var/lib/lxc', 'lxc'],
];

function roots(shelf: Shelf, { prefix, uid }: Place): readonly Root[] {
  if (uid === null) return USUAL.map(([path]) => ({ path: `${prefix}${path}` }));
  const home = shelf.home(uid);
  return home === undefined ? [] : [{ path: `${prefix}${home}/.local/share/lxc` }];
}

function container(shelf: Shelf, root: Root, id: string): Reading<Facts> {
  const engine = USUAL.find(([path]) => root.path.endsWith(path))?.[1] ?? 'lxc';
  // Where a cgroup of this name was left over, the next is `NAME-1`, until `NAME-999`.
  const names = [id, id.replace(/-[1-9][0-9]{0,2}$/, '')].filter((name) => /^\.{0,2}$/.exec(name) === null);
  for (const name of new Set(names)) {
    const folder = shelf.files.stat(`${root.path}/${name}`);
    if (folder.ok) return value({ ...noFacts, engine, name: engine === 'lxc' ? name : nameInProject(name) });
    if (folder.gap.reason !== 'gone') return folder;
  }
  return gap({ reason: 'gone', what: `${root.path}/${id}` });
}

/** `PROJECT_NAME`, but for the default project; no name of theirs has an underscore. */
function nameInProject(name: string): string {
  return name.slice(name.indexOf('_') + 1);
}
