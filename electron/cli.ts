/** The command line: `main(argv)` runs one command. `build/run.ts` calls it in the same process. */
import { runCommand, UsageError, type Command } from './cli/command.ts';
import { ignoreClosedOutput } from './cli/parent-watch.ts';

/** In the order of the usage. A command is loaded when it runs, which keeps the start of the others fast. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  cluster: async () => (await import('./cli/commands/cluster.ts')).clusterCommand,
  scenario: async () => (await import('./cli/commands/scenario.ts')).scenarioCommand,
  web: async () => (await import('./cli/commands/web.ts')).webCommand,
};

export async function main(argv: readonly string[]): Promise<void> {
  const [name = '', ...args] = argv;
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) {
    process.exitCode = await runCommand(await withoutCommand(name), argv);
    return;
  }
  ignoreClosedOutput();
  process.exitCode = await runCommand(await load(), args);
}

/** `--help` without a command prints all usages; a missing or unknown command is a usage error. */
async function withoutCommand(name: string): Promise<Pick<Command, 'usage' | 'run'>> {
  const all = await Promise.all(Object.values(COMMANDS).map((one) => one()));
  return {
    usage: all.map(({ usage }) => usage).join('\n\n'),
    run: () => Promise.reject(new UsageError(name === '' ? 'A command is missing.' : `There is no command "${name}".`)),
  };
}
