// podman's files. Source: podman libpod, containers-storage.conf(5). Its containers' names are in the storage's list; the
// names of pods in its database alone.

import { memo } from '../kernel/memo.ts';
import { value, valueOf, type Reading } from '../kernel/host.ts';
import { decodeText } from '../kernel/text/text.ts';
import { type EngineReader, type Facts, type Shelf } from './engine-reader.ts';
import type { Root } from './files.ts';
import { storageContainer, storageRootOfBundle, storageRoots } from './storage.ts';

export const podman: EngineReader = { roots: storageRoots, container, rootOfBundle: storageRootOfBundle };

function container(shelf: Shelf, root: Root, id: string, podUid: string | null): Reading<Facts> {
  const facts = storageContainer(shelf, root, id);
  if (!facts.ok) return facts;
  // Its annotations name the infra container where CRI-O's name the pod.
  const pod = podUid === null ? null : podName(shelf, root, podUid);
  return value({ ...facts.value, engine: facts.value.engine ?? 'podman', pod, podNamespace: null, podUid });
}

const databases = memo<string>();

/** bbolt until podman 4, SQLite from podman 5 on. */
const DATABASES = ['libpod/bolt_state.db', 'db.sql', 'libpod/db.sql'];

/**
 * Both databases hold a pod's configuration as JSON that begins with id and name, in one piece: no need to know their
 * pages. A copy in a page that was freed says the same, as pods cannot be renamed.
 */
function podName(shelf: Shelf, root: Root, podUid: string): string | null {
  for (const database of DATABASES) {
    const path = `${root.path}/${database}`;
    const text = databases(shelf, path, () => {
      const bytes = valueOf(shelf.bytes(path, root.owner));
      return bytes === undefined ? '' : decodeText(bytes);
    });
    const start = `{"id":"${podUid}","name":"`;
    const index = text.indexOf(start);
    if (index < 0) continue;
    const name = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*(?=")/.exec(text.slice(index + start.length, index + start.length + 300));
    if (name !== null) return name[0];
  }
  return null;
}
