import type { AgentCommand } from './cli.ts';

/** The program's commands, in the order of its help. */
export const COMMANDS: readonly AgentCommand[] = [];
