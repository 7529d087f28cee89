// What this room reads of an engine's file, and nothing else of it: such files hold the environments of containers, and so
// passwords, which a recording must not keep. What the readers look at and this list lacks is missing in recordings.

import { value, type Reading } from '../kernel/host.ts';
import { decodeText } from '../kernel/text/text.ts';
import { parseJson, type Json } from './json.ts';
import { labelKeys } from './kubernetes-labels.ts';

/** Keys whose text, or list of texts, is kept wherever it stands; of what else stands there, that it is no text. */
const KEPT = new Set([
  'data-root',
  'graph',
  'ID',
  'id',
  'Name',
  'name',
  'names',
  'Image',
  'image-name',
  'Runtime',
  // Of volumes and layers.
  'Source',
  'Driver',
  'diff-digest',
  'io.container.manager',
  'io.kubernetes.cri-o.RuntimeHandler',
  ...labelKeys,
]);

/** A text that is JSON itself. */
const INNER = 'metadata';

/** podman's databases: of them the names of pods. */
const POD = /\{"id":"[0-9a-f]{1,64}","name":"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,300}"/g;

const encoder = new TextEncoder();

/** The part of a file outside of /proc that identification needs. Errors: malformed, as its reader would say. */
export function excerptOf(path: string, bytes: Uint8Array): Reading<Uint8Array> {
  if (path.endsWith('.json')) {
    const json = parseJson(bytes, path);
    return json.ok ? value(encoder.encode(JSON.stringify(excerpt(json.value) ?? {}))) : json;
  }
  if (/\.(?:db|sql)$/.test(path)) return value(encoder.encode((decodeText(bytes).match(POD) ?? []).join('\n')));
  return value(bytes);
}

/** undefined: nothing of it is needed. */
function excerpt(json: Json): Json {
  if (Array.isArray(json)) {
    const parts = json.map(excerpt).filter((part) => part !== undefined);
    return parts.length === 0 ? undefined : parts;
  }
  if (typeof json !== 'object' || json === null) return undefined;
  const kept = Object.entries(json).flatMap(([key, part]): [string, Json][] => {
    const found = KEPT.has(key)
      ? (textsOf(part) ?? excerpt(part) ?? null)
      : key === INNER
        ? inner(part)
        : excerpt(part);
    return found === undefined ? [] : [[key, found]];
  });
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

function textsOf(part: Json): Json {
  const isText = typeof part === 'string' || (Array.isArray(part) && part.every((text) => typeof text === 'string'));
  return isText ? part : undefined;
}

function inner(part: Json): Json {
  if (typeof part !== 'string') return excerpt(part);
  const json = parseJson(encoder.encode(part), INNER);
  return json.ok ? JSON.stringify(excerpt(json.value) ?? {}) : undefined;
}
