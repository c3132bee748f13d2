import { bashCompletion } from './bash.ts';
import { fishCompletion } from './fish.ts';
import type { ProgramShape } from './shape.ts';
import { zshCompletion } from './zsh.ts';

export { type DefinedProgram, type ProgramShape, shapeOf } from './shape.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

const SHELLS: Readonly<Record<Shell, (program: ProgramShape) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

export const SHELL_NAMES = Object.keys(SHELLS) as readonly Shell[];

/** A script for this shell that completes commands, options and their values; null if the shell is not one of SHELL_NAMES. */
export function completionScript(shell: string, program: ProgramShape): string | null {
  return Object.hasOwn(SHELLS, shell) ? SHELLS[shell as Shell](program) : null;
}
