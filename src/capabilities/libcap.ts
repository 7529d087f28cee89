// Which capabilities the libcap of a host has a name for: its file is read, as asking the library would mean to load it.

import { gap, value, type Host, type Reading } from '../kernel/host.ts';
import { capabilityNames } from './names.ts';

const NAME = 'libcap.so.2';

/** Of distributions without a folder for each architecture, and with one. */
const FOLDERS = ['/usr/lib64', '/usr/lib', '/lib64', '/lib'];

/** Errors: gone, if it is not installed where the loader looks first; denied. */
export function knownToLibcap(host: Host): Reading<ReadonlySet<string>> {
  let found: Reading<Uint8Array> = gap({ reason: 'gone', what: NAME });
  for (const folder of libraryFolders(host)) {
    found = host.readFile(`${folder}/${NAME}`);
    if (found.ok) break;
  }
  if (!found.ok) return found;
  // Its names stand in it as C strings.
  const words = new Set(latin(found.value).match(/cap_[a-z_]+(?=\0)/g));
  return value(new Set(capabilityNames.filter((name) => words.has(name))));
}

function libraryFolders(host: Host): readonly string[] {
  const entries = host.readDirectory('/usr/lib');
  const triplets = entries.ok ? entries.value.filter((name) => /-linux-(?:gnu|musl)/.test(name)).toSorted() : [];
  return [...triplets.map((name) => `/usr/lib/${name}`), ...FOLDERS];
}

/** Each byte a character: what is no ASCII matters to nobody. */
function latin(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes);
}
