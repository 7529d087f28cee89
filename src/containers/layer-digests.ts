// Which layer of an image a directory holds, by the engine's files. containerd has it in its database alone.

import { value, type Gap, type Reading } from '../kernel/host.ts';
import { decodeText, malformed } from '../kernel/text/text.ts';
import { readEngineFile, readEngineJson, type Files, type Root } from './files.ts';
import type { LayerDirectory } from './layer-directory.ts';
import { listAt, textAt } from './json.ts';

/** The digest of a layer's uncompressed archive, by the engine's id of the layer. */
export interface Digests {
  readonly byId: ReadonlyMap<string, string>;
  readonly gaps: readonly Gap[];
}

export const noDigests: Digests = { byId: new Map(), gaps: [] };

/** `home` is the engine's folder as we reach it. */
export function layerDigests(
  files: Files,
  home: Root,
  driver: LayerDirectory['driver'],
  container: string | null,
): Digests {
  if (driver === 'overlay2' && container !== null) return ofDocker(files, home, container);
  return driver === 'overlay' ? ofStorage(files, home) : noDigests;
}

/** Docker takes no image with more (125); a chain that is tampered with could go in circles. */
const MAX_CHAIN = 500;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** From the container's uppermost image layer down. Source: moby layer/filestore.go. */
function ofDocker(files: Files, { path, owner }: Root, container: string): Digests {
  const database = `${path}/image/overlay2/layerdb`;
  const byId = new Map<string, string>();
  for (let file = `mounts/${container}/parent`, count = 0; count < MAX_CHAIN; count += 1) {
    const link = digestIn(files, `${database}/${file}`, owner);
    // The lowest has no parent; a container of an empty image has none at all.
    if (!link.ok && link.gap.reason === 'gone') break;
    const folder = link.ok ? link.value.replace(':', '/') : '';
    const id = link.ok ? wordIn(files, `${database}/${folder}/cache-id`, owner) : link;
    const digest = link.ok ? digestIn(files, `${database}/${folder}/diff`, owner) : link;
    for (const each of [id, digest]) if (!each.ok) return { byId, gaps: [each.gap] };
    if (id.ok && digest.ok) byId.set(id.value, digest.value);
    file = `${folder}/parent`;
  }
  return { byId, gaps: [] };
}

function wordIn(files: Files, path: string, owner: number | undefined): Reading<string> {
  const bytes = readEngineFile(files, path, owner);
  return bytes.ok ? value(decodeText(bytes.value).trim()) : bytes;
}

function digestIn(files: Files, path: string, owner: number | undefined): Reading<string> {
  const word = wordIn(files, path, owner);
  return !word.ok || DIGEST.test(word.value) ? word : malformed(path, 1, 'no digest');
}

/** The second: layers of containers that a reboot removes. Since: podman 4.4. */
const LISTS = ['layers.json', 'volatile-layers.json'];

/** Source: containers storage layers.go. */
function ofStorage(files: Files, { path, owner }: Root): Digests {
  const byId = new Map<string, string>();
  const gaps: Gap[] = [];
  for (const list of LISTS) {
    const layers = readEngineJson(files, `${path}/overlay-layers/${list}`, owner);
    if (!layers.ok && layers.gap.reason !== 'gone') gaps.push(layers.gap);
    for (const layer of layers.ok ? listAt(layers.value) : []) {
      const id = textAt(layer, 'id');
      const digest = textAt(layer, 'diff-digest');
      if (id !== null && digest !== null && DIGEST.test(digest)) byId.set(id, digest);
    }
  }
  return { byId, gaps };
}
