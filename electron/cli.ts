/** The command line without a window: `main(argv)` runs one command. Called by `build/run.ts`, in the same process. */
import { UsageError, type Command } from './cli/command.ts';

/** In the order in which the usage shows them. Each is loaded when it is run, so that none pays for what another needs. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  cluster: async () => (await import('./cli/commands/cluster.ts')).clusterCommand,
  scenario: async () => (await import('./cli/commands/scenario.ts')).scenarioCommand,
  web: async () => (await import('./cli/commands/web.ts')).webCommand,
};

export async function main(argv: readonly string[]): Promise<void> {
  const [name = '', ...args] = argv;
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) {
    const all = await Promise.all(Object.values(COMMANDS).map((one) => one()));
    const what = name === '' ? 'A command is missing.' : `There is no command "${name}".`;
    process.stderr.write(`${what}\n\n${all.map(({ usage }) => usage).join('\n\n')}\n`);
    process.exitCode = 2;
    return;
  }
  const command = await load();
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
