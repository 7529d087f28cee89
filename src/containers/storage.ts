// The storage that podman, CRI-O and buildah share: ROOT/DRIVER-containers/containers.json, and a folder for each
// container with the OCI spec it was started from. Source: containers-storage.conf(5), storage/containers.go.

import { memo } from '../kernel/memo.ts';
import { gap, value, valueOf, type Gap, type Reading } from '../kernel/host.ts';
import { decodeText } from '../kernel/text/text.ts';
import { noFacts, type Facts, type Place, type Shelf } from './engine-reader.ts';
import { listDirectory, type Root } from './files.ts';
import { at, listAt, parseJson, textAt } from './json.ts';
import { kubernetesLabels } from './kubernetes-labels.ts';
import { sandboxOfRuntime } from './monitor.ts';

const configuration = memo<readonly string[]>();
const drivers = memo<readonly string[]>();
const lists = memo<Reading<ReadonlyMap<string, Facts>>>();

/** The graph roots and run roots of root's engines, or of a plain user's. */
export function storageRoots(shelf: Shelf, { prefix, uid }: Place): readonly Root[] {
  if (uid === null) {
    const configured = configuredRoots(shelf, `${prefix}/etc/containers/storage.conf`);
    const usual = ['/var/lib/containers/storage', '/run/containers/storage'];
    return [...new Set([...configured, ...usual])].map((path) => ({ path: `${prefix}${path}` }));
  }
  const home = shelf.home(uid);
  const configured =
    home === undefined ? [] : configuredRoots(shelf, `${prefix}${home}/.config/containers/storage.conf`, uid);
  const usual = home === undefined ? [] : [`${home}/.local/share/containers/storage`];
  const run = [`/run/user/${uid}/containers`, `/tmp/containers-user-${uid}/containers`];
  return [...new Set([...configured, ...usual, ...run])].map((path) => ({ path: `${prefix}${path}`, owner: uid }));
}

/** Of TOML only what this file has: a key, and a text on the same line. */
function configuredRoots(shelf: Shelf, path: string, owner?: number): readonly string[] {
  return configuration(shelf, path, () => {
    const bytes = valueOf(shelf.bytes(path, owner));
    const lines = bytes === undefined ? [] : decodeText(bytes).split('\n');
    return lines.flatMap((line) => {
      const root = /^\s*(?:graphroot|runroot|rootless_storage_path)\s*=\s*"(\/[^"$]*)"/.exec(line)?.[1];
      return root === undefined ? [] : [root];
    });
  });
}

/** A container's folder is `ROOT/overlay-containers/ID/userdata`. */
export function storageRootOfBundle(bundle: string): string | undefined {
  return /^(.*)\/[^/]+-containers\/[^/]+\/userdata$/s.exec(bundle)?.[1];
}

/** Name and image by the list, pod and manager by the container's own annotations. Errors: gone: neither has it. */
export function storageContainer(shelf: Shelf, root: Root, id: string): Reading<Facts> {
  const gaps: Gap[] = [];
  for (const folder of driverFolders(shelf, root)) {
    const listed = listedContainer(shelf, root, folder, id, gaps);
    const spec = shelf.json(`${folder}/${id}/userdata/config.json`, root.owner);
    if (!spec.ok && spec.gap.reason !== 'gone') gaps.push(spec.gap);
    if (listed !== undefined || spec.ok) return value(merge(listed, spec.ok ? spec.value : undefined, gaps));
  }
  return gap(gaps[0] ?? { reason: 'gone', what: `${root.path}/*-containers/${id}` });
}

function merge(listed: Facts | undefined, spec: unknown, gaps: readonly Gap[]): Facts {
  const told = kubernetesLabels(at(spec, 'annotations'));
  const manager = textAt(spec, 'annotations', 'io.container.manager');
  return {
    ...noFacts,
    ...told,
    engine: manager === 'libpod' ? 'podman' : manager === 'cri-o' ? 'cri-o' : null,
    // In a pod of Kubernetes the list has all its names in one.
    name: told.name ?? (told.pod === null ? (listed?.name ?? null) : null),
    image: listed?.image ?? told.image,
    sandbox: sandboxOfRuntime(textAt(spec, 'annotations', 'io.kubernetes.cri-o.RuntimeHandler') ?? ''),
    gaps,
  };
}

function driverFolders(shelf: Shelf, root: Root): readonly string[] {
  return drivers(shelf, root.path, () => {
    const names = valueOf(listDirectory(shelf.files, root.path)) ?? ['overlay-containers'];
    return names.filter((name) => name.endsWith('-containers')).map((name) => `${root.path}/${name}`);
  });
}

/** The second: containers that a reboot, or their own end, removes. Since: podman 4.4. */
const LISTS = ['containers.json', 'volatile-containers.json'];

function listedContainer(shelf: Shelf, root: Root, folder: string, id: string, gaps: Gap[]): Facts | undefined {
  for (const list of LISTS) {
    const file = `${folder}/${list}`;
    const containers = lists(shelf, file, () => readList(shelf, file, root.owner));
    if (!containers.ok) {
      if (containers.gap.reason !== 'gone') gaps.push(containers.gap);
      continue;
    }
    const found = containers.value.get(id);
    if (found !== undefined) return found;
  }
  return undefined;
}

function readList(shelf: Shelf, file: string, owner: number | undefined): Reading<ReadonlyMap<string, Facts>> {
  const json = shelf.json(file, owner);
  if (!json.ok) return json;
  const containers = new Map<string, Facts>();
  for (const entry of listAt(json.value)) {
    const id = textAt(entry, 'id');
    const name = listAt(entry, 'names')[0];
    // JSON within JSON.
    const inner = parseJson(new TextEncoder().encode(textAt(entry, 'metadata') ?? '{}'), file);
    const metadata = inner.ok ? inner.value : undefined;
    if (id === null) continue;
    containers.set(id, {
      ...noFacts,
      name: typeof name === 'string' ? name : textAt(metadata, 'name'),
      image: textAt(metadata, 'image-name'),
    });
  }
  return value(containers);
}
