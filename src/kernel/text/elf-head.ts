// What execve(2) looks at first in a program: is it one, and which loader it names. Source: elf(5), fs/binfmt_elf.c
// load_elf_binary(). Programs of other byte orders are not judged.

import { decodeName } from './file-name.ts';

export type ElfHead =
  /** `loader` as it is named; null: none, it is static; undefined: it stands further on than we looked. */
  | { readonly ok: true; readonly loader: string | null | undefined }
  /** execve(2) says ENOEXEC. */
  | { readonly ok: false; readonly problem: string };

const CLASS_AT = 4;
const ORDER_AT = 5;
const [ELFCLASS64, LITTLE] = [2, 1];
const TYPE_AT = 16;
const [ET_EXEC, ET_DYN] = [2, 3];
const PT_INTERP = 3;
/** PATH_MAX */
const LONGEST_NAME = 4096;

/** Of struct Elf64_Ehdr and Elf64_Phdr, and those of 32 bits: where things stand. */
const LAYOUTS = {
  32: { header: 52, tableAt: 28, entryLengthAt: 42, entry: 32, offsetAt: 4, lengthAt: 16, wide: false },
  64: { header: 64, tableAt: 32, entryLengthAt: 54, entry: 56, offsetAt: 8, lengthAt: 32, wide: true },
} as const;

/** The beginning of a file that has the mark of ELF. */
export function parseElfHead(head: Uint8Array): ElfHead {
  const layout = LAYOUTS[head[CLASS_AT] === ELFCLASS64 ? 64 : 32];
  if (head.length < layout.header) return { ok: false, problem: 'it is cut off' };
  if (head[ORDER_AT] !== LITTLE) return { ok: true, loader: undefined };
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const address = (at: number): number =>
    layout.wide ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true);
  const type = view.getUint16(TYPE_AT, true);
  if (type !== ET_EXEC && type !== ET_DYN) return { ok: false, problem: 'it is an object file, no program' };
  const count = view.getUint16(layout.entryLengthAt + 2, true);
  if (view.getUint16(layout.entryLengthAt, true) !== layout.entry || count === 0)
    return { ok: false, problem: 'its program headers are none' };
  const table = address(layout.tableAt);
  for (let index = 0; index < count; index += 1) {
    const at = table + index * layout.entry;
    if (at + layout.entry > head.length) return { ok: true, loader: undefined };
    if (view.getUint32(at, true) === PT_INTERP)
      return loaderAt(head, address(at + layout.offsetAt), address(at + layout.lengthAt));
  }
  return { ok: true, loader: null };
}

function loaderAt(head: Uint8Array, at: number, length: number): ElfHead {
  if (length < 2 || length > LONGEST_NAME) return { ok: false, problem: 'the name of its loader has no good length' };
  if (at + length > head.length) return { ok: true, loader: undefined };
  const name = head.subarray(at, at + length);
  if (name[length - 1] !== 0) return { ok: false, problem: 'the name of its loader has no end' };
  return { ok: true, loader: decodeName(name.subarray(0, name.indexOf(0))) };
}
