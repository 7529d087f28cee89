// What the capabilities of a file are to a user namespace, and whether they count there.

import type { FileAttribute, MountPrivilege } from '../../capabilities/capability-files.ts';
import type { FileCapabilities } from '../../capabilities/file-capabilities.ts';
import { seenFrom } from '../../capabilities/seen-from.ts';
import type { NamedViewpoint } from '../../inspect/viewpoint.ts';

export interface Verdict {
  /** As they are read there. null: not at all. */
  readonly capabilities: FileCapabilities | null;
  /** Does execve(2) heed them there? null: not known. */
  readonly counts: boolean | null;
  /** Why they don't, or why it is not known. */
  readonly why: string | null;
}

const FOREIGN = 'they belong to another user namespace, and count nothing here (EOVERFLOW)';
const MALFORMED = 'no capabilities that the kernel tells (EINVAL): of revision 1, or malformed; then execve fails';
const MOUNTS = {
  nosuid: 'the mount is nosuid',
  elsewhere: 'the mount is in another mount namespace: who executes the file from here gets nothing',
} as const;

export function verdictOn(attribute: FileAttribute, mount: MountPrivilege | null, viewpoint: NamedViewpoint): Verdict {
  switch (attribute.type) {
    case 'none':
    case 'gap':
      return { capabilities: null, counts: null, why: null };
    case 'foreign':
      return viewpoint.isOurs
        ? { capabilities: null, counts: false, why: FOREIGN }
        : { capabilities: null, counts: null, why: 'they belong to a user namespace that is not ours' };
    case 'malformed':
      return { capabilities: null, counts: null, why: MALFORMED };
    case 'capabilities': {
      const verdict = ofCapabilities(attribute.capabilities, viewpoint);
      if (verdict.counts === false || mount === 'suid') return verdict;
      if (mount === null) return { ...verdict, counts: null, why: verdict.why ?? 'which mount it is on is not told' };
      return { ...verdict, counts: false, why: MOUNTS[mount] };
    }
  }
}

function ofCapabilities(capabilities: FileCapabilities, viewpoint: NamedViewpoint): Verdict {
  const { isOurs, isRoot } = viewpoint;
  if (isOurs) return counting(capabilities, capabilities.rootid === 0 ? true : isRoot(capabilities.rootid));
  const seen = seenFrom(viewpoint, capabilities);
  if (seen.type === 'capabilities') return counting(seen.capabilities, seen.counts);
  if (seen.type === 'foreign') return { capabilities: null, counts: false, why: FOREIGN };
  return { capabilities: null, counts: null, why: 'the user namespaces between it and ours are not seen' };
}

function counting(capabilities: FileCapabilities, counts: boolean | null): Verdict {
  const { rootid } = capabilities;
  if (counts === true) return { capabilities, counts, why: null };
  const why =
    counts === null
      ? `whether uid ${rootid} is root in a user namespace above is not seen`
      : `uid ${rootid} is not root here, nor in a user namespace above`;
  return { capabilities, counts, why };
}
