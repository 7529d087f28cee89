// Docker's files: /var/lib/docker/containers/ID/config.v2.json and hostconfig.json. Source: moby container/container.go,
// daemon/config. They outlive the daemon; a container's folder vanishes with `docker rm`.

import { memo } from '../kernel/memo.ts';
import { gap, value, valueOf, type Reading } from '../kernel/host.ts';
import { parseCmdline } from '../kernel/text/cmdline.ts';
import { parseDecimal } from '../kernel/text/text.ts';
import { noFacts, type EngineReader, type Facts, type Place, type Shelf } from './engine-reader.ts';
import type { Root } from './files.ts';
import { at, misfit, textAt, type Shape } from './json.ts';
import { kubernetesLabels } from './kubernetes-labels.ts';
import { optionOf, sandboxOfRuntime } from './monitor.ts';

export const docker: EngineReader = { roots, container };

const configuredRoots = memo<readonly string[]>();
const daemonRoots = memo<readonly Root[]>();

/** The second: Docker as a snap. */
const USUAL = ['/var/lib/docker', '/var/snap/docker/common/var-lib-docker'];

function roots(shelf: Shelf, { prefix, uid }: Place): readonly Root[] {
  if (uid === null) {
    const configured = configuredRoot(shelf, `${prefix}/etc/docker/daemon.json`);
    return [...configured, ...USUAL].map((path) => ({ path: `${prefix}${path}` }));
  }
  const home = shelf.home(uid);
  if (home === undefined) return [];
  const configured = configuredRoot(shelf, `${prefix}${home}/.config/docker/daemon.json`, uid);
  return [...configured, `${home}/.local/share/docker`].map((path) => ({ path: `${prefix}${path}`, owner: uid }));
}

function configuredRoot(shelf: Shelf, path: string, owner?: number): readonly string[] {
  return configuredRoots(shelf, path, () => {
    const config = valueOf(shelf.json(path, owner));
    // `graph`: its name before Docker 17.05.
    const root = textAt(config, 'data-root') ?? textAt(config, 'graph');
    return root?.startsWith('/') === true ? [root] : [];
  });
}

/** The data roots that running daemons were given. Cost: the command line of every process, once. */
export function runningDockerRoots(shelf: Shelf): readonly Root[] {
  return daemonRoots(shelf, '', () => {
    const entries = valueOf(shelf.files.readDirectory('/proc')) ?? [];
    return entries.filter((entry) => parseDecimal(entry) !== undefined).flatMap((pid) => rootOfDaemon(shelf, pid));
  });
}

function rootOfDaemon(shelf: Shelf, pid: string): readonly Root[] {
  const cmdline = valueOf(shelf.files.readFile(`/proc/${pid}/cmdline`));
  const words = cmdline === undefined ? [] : parseCmdline(cmdline);
  if (!/(?:^|\/)dockerd$/.test(words[0] ?? '')) return [];
  const root = optionOf(words, '--data-root', '-g', '--graph');
  // Anybody may call a program dockerd: what he says counts for his own files.
  const uid = valueOf(shelf.files.stat(`/proc/${pid}`))?.uid;
  if (root?.startsWith('/') !== true || uid === undefined) return [];
  return [uid === 0 ? { path: root } : { path: root, owner: uid }];
}

/** What the daemon writes of every container. */
const SHAPE: Shape = { Name: 'text', Config: 'object', 'Config.Image': 'text' };

function container(shelf: Shelf, { path, owner }: Root, id: string): Reading<Facts> {
  const folder = `${path}/containers/${id}`;
  const file = `${folder}/config.v2.json`;
  const config = shelf.json(file, owner);
  if (!config.ok) return config;
  if (textAt(config.value, 'ID') !== id) {
    return gap({ reason: 'malformed', what: file, line: 1, text: 'its ID is not that of its folder' });
  }
  const hostConfig = shelf.json(`${folder}/hostconfig.json`, owner);
  const runtime = hostConfig.ok ? textAt(hostConfig.value, 'Runtime') : null;
  const wrong = misfit(config.value, file, SHAPE);
  const hostConfigGaps = hostConfig.ok || hostConfig.gap.reason === 'gone' ? [] : [hostConfig.gap];
  const { name, ...pod } = kubernetesLabels(at(config.value, 'Config', 'Labels'));
  return value({
    ...noFacts,
    ...pod,
    engine: 'docker',
    // Docker's own name; in a pod it holds the container's, the pod's and more.
    name: name ?? textAt(config.value, 'Name')?.replace(/^\//, '') ?? null,
    image: textAt(config.value, 'Config', 'Image') ?? textAt(config.value, 'Image'),
    sandbox: runtime === null ? null : sandboxOfRuntime(runtime),
    gaps: wrong === undefined ? hostConfigGaps : [wrong, ...hostConfigGaps],
  });
}
