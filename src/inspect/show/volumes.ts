// The volumes of a container, and what else of the host is mounted in it.

import type { Identity } from '../../containers/identity.ts';
import { readVolumes, type Volume } from '../../containers/volumes.ts';
import { isReadOnly, propagation } from './mounts.ts';
import type { ProcessLook } from './process-look.ts';
import { many, type Field, type Value } from './report.ts';

export function volumesField({ host, pid, identity, gaps }: ProcessLook): Field {
  const key = 'volumes';
  if (identity === null) return { key, value: null, lines: ['-'] };
  const read = readVolumes(host, pid, identity);
  if (!read.ok) {
    gaps.add('mount table', read.gap);
    return { key, value: null, lines: ['-'] };
  }
  for (const gap of read.value.gaps) gaps.add('container', gap);
  return many(key, read.value.volumes, (each) => volumeValue(each, identity), volumeLine);
}

function volumeValue({ type, name, driver, source, mount }: Volume, { engine }: Identity): Value {
  return {
    type,
    engine,
    name,
    driver,
    source,
    target: mount.mountPoint,
    read_only: isReadOnly(mount),
    propagation: propagation(mount),
  };
}

function volumeLine({ type, name, driver, source, mount }: Volume): string {
  const what = name === null ? type : `${type} ${name}${driver === null ? '' : ` (${driver})`}`;
  const options = `${isReadOnly(mount) ? 'ro' : 'rw'} ${propagation(mount)}`;
  return `${mount.mountPoint} ← ${what} ${source ?? '-'} ${options}`;
}
