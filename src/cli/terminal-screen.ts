// The terminal as a screen of our own, for a command that draws over itself: its other screen without a cursor, keys as
// they are pressed, and all of it given back, whatever ends or stops us. Only SIGKILL leaves it as it is then.

import type { ScreenSize } from '../render/screen.ts';
import { writeAnswer } from './output.ts';

export interface ScreenEvents {
  /** What was typed; without a keyboard nothing ever is. */
  readonly onKeys: (text: string) => void;
  /** It has another size, or is ours again: it has to be drawn anew. */
  readonly onChange: () => void;
  /** By SIGTSTP: `stop` when nothing is being written. */
  readonly onStop: () => void;
}

export interface TerminalScreen {
  readonly size: () => ScreenSize;
  /** Gives the terminal back and stops us, until somebody goes on with us. */
  readonly stop: () => void;
  /** What a key does that the terminal turns into a signal else: gives the terminal back, and sends it to all of our job. */
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Gives the terminal back; false: it has hung up, and its signal will end us. */
  readonly close: () => boolean;
}

/** The other screen, and no cursor. Source: XTerm's control sequences, DECSET 1049 and DECTCEM. */
const ENTER = '\u001B[?1049h\u001B[?25l';
const LEAVE = '\u001B[?25h\u001B[?1049l';

/** As kill(2) has it. */
const OUR_GROUP = 0;

/** Of a terminal that does not tell, as one on a serial line. */
const USUAL: ScreenSize = { rows: 24, columns: 80 };

export function openScreen({ onKeys, onChange, onStop }: ScreenEvents): TerminalScreen {
  const { stdin, stdout } = process;
  let [isOurs, hasHungUp] = [false, false];
  const put = (text: string): void => {
    try {
      writeAnswer(text);
    } catch {
      hasHungUp = true;
    }
  };
  const enter = (): void => {
    isOurs = true;
    // It may be set already, and not be so any more: who stopped us by SIGSTOP gave the terminal to a shell.
    if (stdin.isTTY) stdin.setRawMode(false).setRawMode(true);
    put(ENTER);
  };
  const leave = (): void => {
    if (!isOurs) return;
    isOurs = false;
    if (stdin.isTTY) stdin.setRawMode(false);
    put(LEAVE);
  };
  const onContinue = (): void => {
    process.off('SIGTSTP', onStop).on('SIGTSTP', onStop);
    // Nobody told us of sizes that it had meanwhile; this makes Node ask.
    process.emit('SIGWINCH');
    enter();
    onChange();
  };
  const dieBy = (signal: NodeJS.Signals): void => {
    leave();
    process.kill(process.pid, signal);
  };
  const send = (pid: number, signal: NodeJS.Signals): void => {
    // First: a shell that sees the rest of its job stop or end takes the terminal at once.
    leave();
    process.off('SIGTSTP', onStop);
    process.kill(pid, signal);
    // Where nobody could go on with us, the kernel does not stop us: nobody says that we go on then.
    if (signal === 'SIGTSTP') setImmediate(onContinue);
  };
  process.on('SIGTSTP', onStop).on('SIGCONT', onContinue).once('SIGQUIT', dieBy).on('exit', leave);
  // A terminal that hangs up sends SIGHUP, and SIGCONT behind it; that no question is answered any more is no news then.
  for (const stream of [stdin, stdout]) stream.on('error', () => {});
  stdout.on('resize', onChange);
  if (stdin.isTTY) {
    stdin.setEncoding('utf8').on('data', onKeys);
  }
  enter();
  return {
    size: () => (stdout.columns > 0 && stdout.rows > 0 ? { rows: stdout.rows, columns: stdout.columns } : USUAL),
    stop: () => send(process.pid, 'SIGTSTP'),
    signal: (signal) => send(OUR_GROUP, signal),
    close: () => {
      leave();
      process.off('SIGTSTP', onStop).off('SIGCONT', onContinue).off('SIGQUIT', dieBy).off('exit', leave);
      stdout.off('resize', onChange);
      stdin.pause();
      // Node would end by an assertion: it cannot restore the settings of what is gone. Its signal may be on its way.
      if (hasHungUp) process.kill(process.pid, 'SIGHUP');
      return !hasHungUp;
    },
  };
}
