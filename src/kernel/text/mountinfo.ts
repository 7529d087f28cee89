// /proc/PID/mountinfo. Source: proc_pid_mountinfo(5), fs/proc_namespace.c show_mountinfo().

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseDecimal } from './text.ts';

export interface Mount {
  readonly id: number;
  readonly parentId: number;
  readonly major: number;
  readonly minor: number;
  /** The directory of the file system that is mounted; for nsfs `net:[4026532177]`. */
  readonly root: string;
  /** Relative to the reading process's root. `//deleted` is appended when the directory was removed. */
  readonly mountPoint: string;
  readonly options: readonly string[];
  /** `shared:3`, `master:2`, `propagate_from:1`, `unbindable`. */
  readonly optionalFields: readonly string[];
  readonly fsType: string;
  readonly source: string;
  /** Of what statmount(2) describes before Linux 6.13: it tells no source, which is empty here. Absent: it is told. */
  readonly isSourceUntold?: true;
  readonly superOptions: readonly string[];
}

/** The escapes that seq_path() and mangle() write: a backslash and three octal digits, of one byte each. */
export function unescapeOctal(text: string): string {
  if (!text.includes('\\')) return text;
  // One pass: decoding one sequence after the other would decode what an escaped backslash begins.
  return text.replaceAll(/\\([0-3][0-7]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** With `fsType` only the mounts of that type are parsed: most of a host's mount tables hold no nsfs mount at all. */
export function parseMountinfo(bytes: Uint8Array, file: string, fsType?: string): Reading<readonly Mount[]> {
  const mounts: Mount[] = [];
  const text = decodeText(bytes);
  const wanted = fsType === undefined ? '' : ` - ${fsType} `;
  if (!text.includes(wanted)) return value(mounts);
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '' || !line.includes(wanted)) continue;
    const mount = parseMount(line);
    if (mount === undefined) return malformed(file, index + 1, line);
    mounts.push(mount);
  }
  return value(mounts);
}

function parseMount(line: string): Mount | undefined {
  const words = line.split(' ');
  const separator = words.indexOf('-', 6);
  const id = parseDecimal(words[0]);
  const parentId = parseDecimal(words[1]);
  const [major, minor] = (words[2] ?? '').split(':').map(parseDecimal);
  if (id === undefined || parentId === undefined || major === undefined || minor === undefined) return undefined;
  const [root, mountPoint, options] = words.slice(3, 6);
  const [fsType, source, superOptions] = words.slice(separator + 1);
  if (separator < 0 || root === undefined || mountPoint === undefined || options === undefined) return undefined;
  // The source of a mount is empty when mount(2) was given an empty string: then two spaces follow each other.
  if (fsType === undefined || source === undefined || superOptions === undefined) return undefined;
  return {
    id,
    parentId,
    major,
    minor,
    root: unescapeOctal(root),
    mountPoint: unescapeOctal(mountPoint),
    options: options.split(','),
    optionalFields: words.slice(6, separator),
    fsType: unescapeOctal(fsType),
    source: unescapeOctal(source),
    superOptions: superOptions.split(','),
  };
}
