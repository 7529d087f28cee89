// Which engine's files are asked for a container, and where they are looked for when they are not in the usual place.

import { memo } from '../kernel/memo.ts';
import type { Gap } from '../kernel/host.ts';
import { containerd } from './containerd.ts';
import { crio } from './crio.ts';
import { docker, runningDockerRoots } from './docker.ts';
import { noFacts, type EngineReader, type Facts, type Place, type Shelf } from './engine-reader.ts';
import type { Root } from './files.ts';
import type { Engine } from './identity.ts';
import { lxc } from './lxc.ts';
import { nspawn } from './nspawn.ts';
import { podman } from './podman.ts';

/** What is looked up. */
export interface Query {
  /** null: any engine whose ids are 64 hex digits. */
  readonly engine: Engine | null;
  readonly id: string;
  readonly podUid: string | null;
  readonly place: Place;
}

/** What the processes around a container, and its mounts, tell of the folders of its engine. */
export interface Clues {
  /** The folder that its monitor works in; only its owner's files are believed there. */
  readonly bundle: Root | null;
  /** The engine's folder, from which files are mounted into the container. */
  readonly mounted: Root | null;
}

/** What was found, and in whose folder; `owner` absent: in root's. */
export interface Found {
  readonly facts: Facts;
  readonly owner: number | null;
  /** The engine's folder that knows the container. Absent (null): none does. */
  readonly folder: Root | null;
}

export const notFound: Found = { facts: noFacts, owner: null, folder: null };

/** `clues` is asked only when the usual folders do not know the container, as it costs reads. */
export function lookUp(shelf: Shelf, query: Query, clues: () => Clues): Found {
  // An id becomes a part of paths, and a command line can hold any.
  if (/^\.{0,2}$|[/\0]/.test(query.id)) return notFound;
  const readers = readersOf(query.engine);
  const gaps: Gap[] = [];
  const usual = readers.flatMap((reader) => rootsOf(shelf, reader, query.place).map((root) => ({ reader, root })));
  const found = firstOf(shelf, query, usual, gaps) ?? byClues(shelf, query, readers, clues, gaps);
  if (found !== undefined) return found;
  // A path names such containers in full: files that are not there hide nothing.
  if (readers.includes(lxc) || readers.includes(nspawn)) return notFound;
  const told = gaps.filter((gap) => gap.reason !== 'gone');
  return { ...notFound, facts: { ...noFacts, gaps: told.length > 0 ? told : gaps.slice(0, 1) } };
}

function readersOf(engine: Engine | null): readonly EngineReader[] {
  switch (engine) {
    case 'docker':
      return [docker];
    case 'containerd':
      return [containerd];
    case 'cri-o':
      return [crio];
    case 'podman':
      return [podman];
    case 'cri':
      return [containerd, crio, docker];
    case 'lxc':
    case 'lxd':
    case 'incus':
      return [lxc];
    case 'nspawn':
      return [nspawn];
    case null:
      return [docker, containerd, podman];
    case 'buildkit':
    case 'garden':
    case 'ecs':
    case 'nomad':
    case 'libvirt':
    case 'rkt':
    case 'talos':
      return [];
  }
}

interface Candidate {
  readonly reader: EngineReader;
  readonly root: Root;
}

const learnedRoots = memo<Map<EngineReader, Root[]>>();

/** Folders off the usual path, found by the clues of one container, know the others, too. */
function learned(shelf: Shelf): Map<EngineReader, Root[]> {
  return learnedRoots(shelf, '', () => new Map<EngineReader, Root[]>());
}

function rootsOf(shelf: Shelf, reader: EngineReader, place: Place): readonly Root[] {
  const roots = reader.roots(shelf, place);
  return place.prefix === '' && place.uid === null ? [...roots, ...(learned(shelf).get(reader) ?? [])] : roots;
}

function byClues(
  shelf: Shelf,
  query: Query,
  readers: readonly EngineReader[],
  clues: () => Clues,
  gaps: Gap[],
): Found | undefined {
  const { bundle, mounted } = clues();
  const candidates: Candidate[] = [];
  for (const reader of readers) {
    const root = bundle === null ? undefined : reader.rootOfBundle?.(bundle.path);
    if (root !== undefined) candidates.push({ reader, root: { ...bundle, path: root } });
    if (mounted !== null) candidates.push({ reader, root: mounted });
  }
  const found = firstOf(shelf, query, candidates, gaps, learned(shelf));
  if (found !== undefined || !readers.includes(docker) || query.place.prefix !== '') return found;
  const running = runningDockerRoots(shelf).filter((root) => (root.owner ?? null) === query.place.uid);
  return firstOf(
    shelf,
    query,
    running.map((root) => ({ reader: docker, root })),
    gaps,
    learned(shelf),
  );
}

/** Folders are asked until one knows the container by name; what others know is added. */
function firstOf(
  shelf: Shelf,
  { id, podUid }: Query,
  candidates: readonly Candidate[],
  gaps: Gap[],
  learn?: Map<EngineReader, Root[]>,
): Found | undefined {
  let found: Found | undefined;
  for (const { reader, root } of candidates) {
    const facts = reader.container(shelf, root, id, podUid);
    if (!facts.ok) {
      // A folder that several clues lead to.
      if (!gaps.some(({ what }) => what === facts.gap.what)) gaps.push(facts.gap);
      continue;
    }
    if (root.owner === undefined) learn?.set(reader, [...(learn.get(reader) ?? []), root]);
    const combined = found === undefined ? facts.value : combine(found.facts, facts.value);
    found = { facts: combined, owner: root.owner ?? null, folder: root };
    if (facts.value.name !== null) break;
  }
  return found;
}

function combine(first: Facts, second: Facts): Facts {
  return {
    engine: first.engine ?? second.engine,
    name: first.name ?? second.name,
    image: first.image ?? second.image,
    pod: first.pod ?? second.pod,
    podNamespace: first.podNamespace ?? second.podNamespace,
    podUid: first.podUid ?? second.podUid,
    sandbox: first.sandbox ?? second.sandbox,
    gaps: [...first.gaps, ...second.gaps],
  };
}
