// Runs a command whose answer comes as it happens, until it ends by itself, by a signal, or because nobody reads it.

import type { Streaming } from './define-command.ts';
import { writePart } from './output.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** After a signal a reader that reads nothing is not waited for any longer. */
const GRACE_MS = 500;

/** Leaves the status, or ends us by the signal that ended the stream. Errors: those of the stream, OUTPUT. */
export async function runStream(stream: (streaming: Streaming) => Promise<number>): Promise<void> {
  const ending = new AbortController();
  let raised: NodeJS.Signals | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    raised ??= signal;
    ending.abort();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  const write = async (part: string | Uint8Array, fd: 1 | 2): Promise<void> => {
    const writing = writePart(part, fd).then((isRead) => {
      if (!isRead && fd === 1) ending.abort();
    });
    await untilWritten(writing, ending.signal);
  };
  const emit: Streaming['emit'] = (part) => write(part, 1);
  // There is nobody to tell when it fails.
  const talk: Streaming['talk'] = (part) => write(part, 2).catch(() => {});
  try {
    process.exitCode = await stream({ emit, talk, ending: ending.signal, endedBy: () => raised ?? 'SIGPIPE' });
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
  // Without a handler it does what it does to every program: the shell sees by what we ended.
  if (raised !== undefined) process.kill(process.pid, raised);
}

/** Or until patience is at an end. */
async function untilWritten(writing: Promise<void>, ending: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let startTimer = (): void => {};
  const patience = new Promise<void>((done) => {
    startTimer = () => {
      timer = setTimeout(done, GRACE_MS);
    };
  });
  if (ending.aborted) startTimer();
  else ending.addEventListener('abort', startTimer, { once: true });
  try {
    await Promise.race([writing, patience]);
  } finally {
    ending.removeEventListener('abort', startTimer);
    clearTimeout(timer);
  }
}
