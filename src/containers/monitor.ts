// Processes that look after a container from outside, by their command lines: any process can have one like that, so it
// is the weakest evidence. Source: containerd runtime/v2, conmon src/cli.c, lxc src/lxc/start.c, systemd-nspawn(1),
// gvisor runsc/sandbox, kata virtcontainers.

import type { Engine, Sandbox } from './identity.ts';

/** What a command line tells. null: nothing told. */
export interface Monitor {
  readonly engine: Engine | null;
  readonly id: string;
  readonly name: string | null;
  /** Of a conmon: the folder of the container. A shim's is its working directory. */
  readonly bundle: string | null;
  readonly sandbox: Sandbox | null;
}

type Read = (words: readonly string[]) => Monitor | undefined;

const ID = /^[0-9a-f]{64}$/;

/** undefined: no monitor. */
export function identifyMonitor(words: readonly string[]): Monitor | undefined {
  const program = words[0] ?? '';
  if (program.startsWith('[lxc monitor] ')) return lxcMonitor(program);
  const base = program.slice(program.lastIndexOf('/') + 1);
  return readers.find(([pattern]) => pattern.test(base))?.[1](words);
}

const readers: readonly (readonly [RegExp, Read])[] = [
  [/^(?:docker-)?containerd-shim/, shim],
  [/^conmon(?:rs)?$/, conmon],
  [/^systemd-nspawn$/, nspawn],
  [/^runsc-(?:sandbox|gofer)$/, runsc],
  [/^(?:qemu-system-|qemu-kvm|cloud-hypervisor|firecracker|jailer|virtiofsd|stratovirt|dragonball)/, kata],
];

function monitor(told: Partial<Monitor> & Pick<Monitor, 'id'>): Monitor {
  return { engine: null, name: null, bundle: null, sandbox: null, ...told };
}

/** The argument of the first of these options, `-o VALUE`, `--option VALUE` or `--option=VALUE`. */
export function optionOf(words: readonly string[], ...options: readonly string[]): string | null {
  for (const [index, word] of words.entries()) {
    if (options.includes(word)) return words[index + 1] ?? null;
    const equals = word.indexOf('=');
    if (equals > 0 && options.includes(word.slice(0, equals))) return word.slice(equals + 1);
  }
  return null;
}

/** Docker's own containers are in the namespace `moby`. */
function shim(words: readonly string[]): Monitor | undefined {
  const id = optionOf(words, '-id', '--id') ?? words.find((word) => ID.test(word)) ?? null;
  if (id === null) return undefined;
  const engine = optionOf(words, '-namespace', '--namespace') === 'moby' ? 'docker' : 'containerd';
  return monitor({ engine, id, sandbox: sandboxOfRuntime(words[0] ?? '') });
}

function conmon(words: readonly string[]): Monitor | undefined {
  const id = optionOf(words, '-c', '--cid');
  if (id === null) return undefined;
  const exits = words.some((word) => /(?:^|\/)podman$/.test(word));
  const crio = words.some((word) => /\/crio(?:\/|$)/.test(word));
  const engine = exits ? 'podman' : crio ? 'cri-o' : null;
  return monitor({ engine, id, name: optionOf(words, '-n', '--name'), bundle: optionOf(words, '-b', '--bundle') });
}

/** It writes over its own command line: `[lxc monitor] /var/lib/lxc web`. */
function lxcMonitor(title: string): Monitor | undefined {
  const name = /^\[lxc monitor\] .* (\S+)$/s.exec(title)?.[1];
  return name === undefined ? undefined : monitor({ engine: 'lxc', id: name, name });
}

function nspawn(words: readonly string[]): Monitor | undefined {
  const name = optionOf(words, '-M', '--machine');
  const directory = optionOf(words, '-D', '--directory', '-i', '--image');
  const told =
    name ??
    directory
      ?.replace(/\/+$/, '')
      .split('/')
      .at(-1)
      ?.replace(/\.raw$/, '') ??
    null;
  return told === null || told === '' ? undefined : monitor({ engine: 'nspawn', id: told, name: told });
}

function runsc(words: readonly string[]): Monitor | undefined {
  const id = words.findLast((word) => ID.test(word));
  return id === undefined ? undefined : monitor({ id, sandbox: 'gvisor' });
}

function kata(words: readonly string[]): Monitor | undefined {
  for (const word of words) {
    const id = /(?:sandbox-|\/vc\/(?:vm|firecracker)\/|\/sandboxes\/)([0-9a-f]{64})/.exec(word)?.[1];
    if (id !== undefined) return monitor({ engine: 'cri', id, sandbox: 'kata' });
  }
  return undefined;
}

/** By the name of an OCI runtime, or of its shim: `runsc`, `io.containerd.kata.v2`, `containerd-shim-runsc-v1`. */
export function sandboxOfRuntime(runtime: string): Sandbox | null {
  if (/kata/.test(runtime)) return 'kata';
  if (/runv/.test(runtime)) return 'runv';
  return /runsc|gvisor/.test(runtime) ? 'gvisor' : null;
}
