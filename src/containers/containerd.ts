// containerd's files of running tasks: STATE/io.containerd.runtime.v2.task/NAMESPACE/ID/config.json, an OCI bundle whose
// annotations hold the names that Kubernetes gave. Source: containerd runtime/v2/bundle.go. They vanish with the task;
// names and images of others are in its database alone.

import { memo } from '../kernel/memo.ts';
import { gap, value, valueOf, type Reading } from '../kernel/host.ts';
import { decodeText } from '../kernel/text/text.ts';
import { noFacts, type EngineReader, type Facts, type Place, type Shelf } from './engine-reader.ts';
import { listDirectory, type Root } from './files.ts';
import { at } from './json.ts';
import { kubernetesLabels } from './kubernetes-labels.ts';
import { sandboxOfRuntime } from './monitor.ts';

export const containerd: EngineReader = { roots, container, rootOfBundle };

const namespaces = memo<Reading<readonly string[]>>();
const taskIds = memo<ReadonlySet<string>>();

/** `state` of containerd itself, of k3s, of k0s, of MicroK8s, and of the containerd that dockerd starts. */
const USUAL = [
  '/run/containerd',
  '/run/k3s/containerd',
  '/run/k0s/containerd',
  '/var/snap/microk8s/common/run/containerd',
  '/run/docker/containerd/daemon',
];

/** The first since containerd 1.2. */
const TASKS = ['io.containerd.runtime.v2.task', 'io.containerd.runtime.v1.linux'];

function roots(_shelf: Shelf, { prefix, uid }: Place): readonly Root[] {
  // A plain user's has these folders in a mount namespace of its own: only its shims lead there.
  if (uid !== null) return [];
  return USUAL.map((path) => ({ path: `${prefix}${path}` }));
}

/** `/run/containerd/io.containerd.runtime.v2.task/k8s.io/ID` */
const BUNDLE = /^(?<root>.*)\/io\.containerd\.runtime\.v(?:2\.task|1\.linux)\/(?<namespace>[^/]+)\/(?<id>[^/]+)$/s;

function rootOfBundle(bundle: string): string | undefined {
  return BUNDLE.exec(bundle)?.groups?.['root'];
}

function namespacesOf(shelf: Shelf, tasks: string): Reading<readonly string[]> {
  return namespaces(shelf, tasks, () => listDirectory(shelf.files, tasks));
}

/** A task that was met by its cgroup. */
export interface Task {
  readonly id: string;
  readonly facts: Facts;
}

/**
 * The task whose cgroup is one of these paths: `.../NAMESPACE/ID`, where any text is an id, so that only containerd's
 * folders tell. `bundle` is asked for that of the shim when no usual folder knows it.
 */
export function taskOf(shelf: Shelf, paths: ReadonlySet<string>, bundle: () => string | undefined): Task | undefined {
  const pairs = [...paths].flatMap(pairsOf);
  if (pairs.length === 0) return undefined;
  for (const { path } of roots(shelf, { prefix: '', uid: null })) {
    for (const folder of TASKS) {
      const tasks = `${path}/${folder}`;
      const found = pairs.find(([namespace, id]) => tasksIn(shelf, tasks, namespace).has(id));
      if (found !== undefined) return readTask(shelf, `${tasks}/${found[0]}/${found[1]}`, found);
    }
  }
  const folder = bundle() ?? '';
  const { namespace, id } = BUNDLE.exec(folder)?.groups ?? {};
  const found = pairs.find((pair) => pair[0] === namespace && pair[1] === id);
  return found === undefined ? undefined : readTask(shelf, folder, found);
}

type Pair = readonly [namespace: string, id: string];

function pairsOf(path: string): readonly Pair[] {
  const segments = path.split('/').filter((segment) => !/^\.{0,2}$/.test(segment));
  return segments.slice(1).map((segment, index): Pair => [segments[index] ?? '', segment]);
}

function tasksIn(shelf: Shelf, tasks: string, namespace: string): ReadonlySet<string> {
  if (valueOf(namespacesOf(shelf, tasks))?.includes(namespace) !== true) return NONE;
  const path = `${tasks}/${namespace}`;
  return taskIds(shelf, path, () => new Set(valueOf(listDirectory(shelf.files, path))));
}

const NONE: ReadonlySet<string> = new Set();

function readTask(shelf: Shelf, folder: string, [namespace, id]: Pair): Task {
  const facts = task(shelf, folder, undefined, namespace, id);
  if (facts.ok) return { id, facts: facts.value };
  return { id, facts: { ...noFacts, engine: 'containerd', name: id, gaps: [facts.gap] } };
}

function container(shelf: Shelf, root: Root, id: string): Reading<Facts> {
  let best: Reading<Facts> = gap({ reason: 'gone', what: `${root.path}/${TASKS[0]}/*/${id}/config.json` });
  for (const folder of TASKS) {
    const tasks = `${root.path}/${folder}`;
    const known = namespacesOf(shelf, tasks);
    if (!known.ok) return known;
    for (const namespace of known.value) {
      const facts = task(shelf, `${tasks}/${namespace}/${id}`, root.owner, namespace, id);
      if (facts.ok) return facts;
      if (facts.gap.reason !== 'gone') best = facts;
    }
  }
  return best;
}

function task(shelf: Shelf, folder: string, owner: number | undefined, namespace: string, id: string): Reading<Facts> {
  const config = shelf.json(`${folder}/config.json`, owner);
  if (!config.ok) return config;
  const told = kubernetesLabels(at(config.value, 'annotations'));
  const shim = valueOf(shelf.bytes(`${folder}/shim-binary-path`, owner));
  return value({
    ...noFacts,
    ...told,
    engine: namespace === 'moby' ? 'docker' : 'containerd',
    // Of ctr the id is the name.
    name: told.name ?? (/^[0-9a-f]{64}$/.test(id) ? null : id),
    sandbox: shim === undefined ? null : sandboxOfRuntime(decodeText(shim)),
  });
}
