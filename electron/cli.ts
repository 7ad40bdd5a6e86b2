/** The command line without a window: `main(argv)` runs one command. Called by `build/run.ts`, in the same process. */
import { UsageError, type Command } from './cli/command.ts';
import { clusterCommand } from './cli/commands/cluster.ts';
import { webCommand } from './cli/commands/web.ts';

/** In the order in which the usage shows them. */
const COMMANDS: readonly Command[] = [clusterCommand, webCommand];

export async function main(argv: readonly string[]): Promise<void> {
  const [name, ...args] = argv;
  const command = COMMANDS.find((one) => one.name === name);
  if (command === undefined) {
    const what = name === undefined || name === '' ? 'A command is missing.' : `There is no command "${name}".`;
    process.stderr.write(`${what}\n\n${COMMANDS.map((one) => one.usage).join('\n\n')}\n`);
    process.exitCode = 2;
    return;
  }
  try {
    process.exitCode = await command.run(args);
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n\n${command.usage}\n`);
      process.exitCode = 2;
      return;
    }
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
