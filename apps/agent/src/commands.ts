import type { AgentCommand } from './cli.ts';
import { completionCommand } from './completion-command.ts';
import { diagnoseCommand } from './diagnose/diagnose-command.ts';
import { doctorCommand } from './doctor/command.ts';
import { enrollCommand } from './enroll/enroll-command.ts';
import { verifyCommand } from './verify/verify-command.ts';

/** The program's commands, in the order of its help. */
export const COMMANDS: readonly AgentCommand[] = [
  enrollCommand,
  doctorCommand,
  verifyCommand,
  diagnoseCommand,
  completionCommand(() => COMMANDS),
];
