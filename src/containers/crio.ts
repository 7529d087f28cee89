// CRI-O's files: the spec of each container, whose annotations tell all, in the storage it shares with podman.
// Source: cri-o internal/factory/container, server/container_create.go.

import { value, type Reading } from '../kernel/host.ts';
import type { EngineReader, Facts, Shelf } from './engine-reader.ts';
import type { Root } from './files.ts';
import { storageContainer, storageRootOfBundle, storageRoots } from './storage.ts';

export const crio: EngineReader = { roots: storageRoots, container, rootOfBundle: storageRootOfBundle };

function container(shelf: Shelf, root: Root, id: string): Reading<Facts> {
  const facts = storageContainer(shelf, root, id);
  return facts.ok ? value({ ...facts.value, engine: facts.value.engine ?? 'cri-o' }) : facts;
}
