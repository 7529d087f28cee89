// A host that keeps secrets to itself: environments, and of engines' files all that identification does not need.

import { excerptOf } from '../../containers/excerpt.ts';
import { gap, type Host } from '../../kernel/host.ts';

/** Behind a recorder: what it notes of engines' files is only what is read of them. */
export function discreetHost(host: Host): Host {
  return {
    ...host,
    readFile: (path) => {
      const bytes = host.readFile(path);
      return bytes.ok && isOfOthers(path) ? excerptOf(path, bytes.value) : bytes;
    },
  };
}

/** Is the file no file of the kernel's? */
function isOfOthers(path: string): boolean {
  return !/^\/(?:proc|sys)\//.test(path) || /^\/proc\/[^/]+\/(?:task\/[^/]+\/)?root\//.test(path);
}

/** In front of a recorder: what is kept back was never asked, and the recording has no answer to it. */
export function withoutEnvironments(host: Host): Host {
  return {
    ...host,
    readFile: (path) => (isEnvironment(path) ? gap({ reason: 'unrecorded', what: path }) : host.readFile(path)),
  };
}

function isEnvironment(path: string): boolean {
  return path.startsWith('/proc/') && path.endsWith('/environ');
}
