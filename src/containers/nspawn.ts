// systemd-machined's notes on machines: /run/systemd/machines/NAME. Source: systemd src/machine/machine.c machine_save().
// Absent without machined (`--register=no`).

import { gap, value, type Reading } from '../kernel/host.ts';
import { decodeText } from '../kernel/text/text.ts';
import { noFacts, type EngineReader, type Facts, type Place, type Shelf } from './engine-reader.ts';
import type { Root } from './files.ts';

export const nspawn: EngineReader = { roots, container };

function roots(_shelf: Shelf, { prefix, uid }: Place): readonly Root[] {
  return uid === null ? [{ path: `${prefix}/run/systemd/machines` }] : [];
}

function container(shelf: Shelf, root: Root, id: string): Reading<Facts> {
  if (/^\.{0,2}$/.test(id)) return gap({ reason: 'gone', what: root.path });
  const bytes = shelf.bytes(`${root.path}/${id}`, root.owner);
  if (!bytes.ok) return bytes;
  const directory = /^ROOT=(.+)$/m.exec(decodeText(bytes.value))?.[1];
  return value({ ...noFacts, engine: 'nspawn', name: id, image: directory ?? null });
}
