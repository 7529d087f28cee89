// The steps that write the files of a lab's namespaces: /etc/netns/NAME, which ip-netns(8) and `net exec` show inside.

import { errorOfGap, NsError } from '../kernel/error.ts';
import type { Host } from '../kernel/host.ts';
import type { JournalEntry, NetworkUndo } from '../kernel/journal.ts';
import { decodeText } from '../kernel/text/text.ts';
import type { LabQuestion } from './lab-question.ts';
import { step, type PlannedStep } from './lab-step.ts';
import type { NamespaceNode } from './lab.ts';

export const FOLDER = '/etc/netns';

/** A file that a node has. */
export interface NodeFile {
  readonly path: string;
  readonly text: string;
  readonly reason: string;
}

/** Errors: BAD_VALUE, where there is a file of somebody else. */
export function fileSteps(host: Host, question: LabQuestion): readonly PlannedStep[] {
  const nodes = question.lab.nodes.filter((node) => node.kind === 'namespace');
  const wanted = nodes.map((node) => filesOf(question.lab.name, node)).filter((files) => files.length > 0);
  if (wanted.length === 0) return [];
  return [folderStep(host, question, FOLDER, false), ...wanted.flatMap((files) => stepsOf(host, question, files))];
}

export function filesOf(lab: string, { path, dns, search, hosts }: NamespaceNode): readonly NodeFile[] {
  const folder = `${FOLDER}/${path.slice(path.lastIndexOf('/') + 1)}`;
  // By this it is known again after the system was started anew, and the journal is gone.
  const mark = `# nstool net up ${lab}`;
  const resolver = [
    ...dns.map((server) => `nameserver ${server}`),
    ...(search.length === 0 ? [] : [`search ${search.join(' ')}`]),
  ];
  const known = Array.from(hosts, ([name, address]) => `${address} ${name}`);
  const textOf = (lines: readonly string[]): string => [mark, ...lines, ''].join('\n');
  return [
    ...(resolver.length === 0
      ? []
      : [{ path: `${folder}/resolv.conf`, text: textOf(resolver), reason: 'whom programs inside ask for names' }]),
    ...(known.length === 0
      ? []
      : [
          {
            path: `${folder}/hosts`,
            text: textOf(['127.0.0.1 localhost', '::1 localhost', ...known]),
            reason: 'names that programs inside know',
          },
        ]),
  ];
}

function stepsOf(host: Host, question: LabQuestion, files: readonly NodeFile[]): readonly PlannedStep[] {
  const steps = files.map((file) => fileStep(host, question, file));
  const [{ path } = { path: '' }] = files;
  const folder = path.slice(0, path.lastIndexOf('/'));
  const isFound = steps.some(({ isRestored }) => isRestored);
  return [folderStep(host, question, folder, isFound), ...steps.map((each) => each.step)];
}

function isJournalled(standing: JournalEntry | null, op: NetworkUndo['op'], path: string): boolean {
  return standing?.undo.some((each) => each.op === op && 'path' in each && each.path === path) === true;
}

/** `isFound`: there are files of ours in it that no journal has. */
function folderStep(host: Host, { standing, shared }: LabQuestion, path: string, isFound: boolean): PlannedStep {
  // Another lab that made it may be gone before us.
  const isTaken = shared.has(path) || isFound;
  const change = { op: 'folder', path } as const;
  return step({ at: null, ...change }, `directory ${path}`, 'where ip-netns(8) looks for files of a network', {
    isRight: host.stat(path).ok && (!isTaken || isJournalled(standing, 'folder', path)),
    undo: change,
  });
}

/** `isRestored`: it says so already, and no journal has it. */
function fileStep(
  host: Host,
  { standing }: LabQuestion,
  { path, text, reason }: NodeFile,
): { readonly step: PlannedStep; readonly isRestored: boolean } {
  const bytes = host.readFile(path);
  if (!bytes.ok && bytes.gap.reason !== 'gone') throw errorOfGap(bytes.gap, `cannot look at ${path}`);
  const says = bytes.ok ? decodeText(bytes.value) : null;
  const isRestored = says !== null && !isJournalled(standing, 'file', path);
  if (isRestored && says !== text)
    throw new NsError('BAD_VALUE', {
      what: `there is a file ${path} already`,
      why: 'it is not of nstool net up',
      tryThis: 'another NAME; or move it away',
    });
  const operation = { op: 'file', at: null, path, text, replaces: says } as const;
  const isRight = says === text && !isRestored;
  const why = says === null || isRestored ? reason : `${reason}; it says something else`;
  return { step: step(operation, `file ${path}`, why, { isRight, undo: { op: 'file', path, text } }), isRestored };
}
