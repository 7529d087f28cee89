// Containers that no process is in: docker keeps their files until `docker rm`.

import { valueOf } from '../kernel/host.ts';
import { docker } from './docker.ts';
import { Shelf } from './engine-reader.ts';
import { listDirectory, type Files } from './files.ts';

/** The ids of root's docker containers of this name, whether they run or not. Empty as well where we may not look. */
export function dockerContainersNamed(files: Files, name: string): readonly string[] {
  const shelf = new Shelf(files);
  return docker.roots(shelf, { prefix: '', uid: null }).flatMap((root) => {
    const ids = valueOf(listDirectory(files, `${root.path}/containers`)) ?? [];
    return ids.filter((id) => valueOf(docker.container(shelf, root, id, null))?.name === name);
  });
}
