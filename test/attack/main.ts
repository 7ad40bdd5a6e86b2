/**
 * `npm run attack`: hostile clients against a cluster that it starts itself, on loopback. Exit 1 where a bar does not hold, 2 on a wrong
 * option.
 */
import { parseArgs } from 'node:util';
import type { Attack } from './attack.ts';
import { bombs } from './attacks/bombs.ts';
import { flood, idle, slowReaders, slowWriters } from './attacks/clients.ts';
import { fuzz } from './attacks/frames.ts';
import { control, web, yaml } from './attacks/http.ts';
import { interleavings } from './attacks/interleavings.ts';
import { elements, halfFrames } from './attacks/large.ts';
import { zookeeper } from './attacks/zookeeper.ts';
import { BARS, mib, runAttacks, type Outcome, type Result } from './runner.ts';

/** Those that leave work behind for the brokers (bombs) or the main process come late, the one that takes nodes away last. */
const ATTACKS: readonly Attack[] = [
  fuzz,
  elements,
  halfFrames,
  slowReaders,
  slowWriters,
  flood,
  zookeeper,
  control,
  idle,
  bombs,
  yaml,
  interleavings,
  web,
];
const LONG_MS = 15_000;
const SHORT_MS = 1_500;

const USAGE = `Usage: npm run attack -- [options]

Attacks a cluster that it starts itself, and web mode: fuzzed frames, decompression bombs, floods, slow clients and more, on every
port. Prints for each attack the peak of resident memory above the idle process, and the longest time for which another client was not
served. Bars: memory ${mib(BARS.peakBytes)} MiB, ${BARS.silenceMs} ms, and ${BARS.endMs} ms from SIGTERM to the end of the process.

  --only NAME[,NAME]  these attacks alone
  --seed N            what is random is made from it (1)
  --short             ${SHORT_MS / 1_000} s for each attack, not ${LONG_MS / 1_000}
  --json              one line of JSON on stdout
  --help              this text

Attacks:
${ATTACKS.map(({ name, summary }) => `  ${name.padEnd(18)}  ${summary}`).join('\n')}

Exit code: 0 where all bars hold, 1 where one does not, 2 for a wrong option.`;

function fail(message: string): never {
  console.error(`${message}\n\n${USAGE}`);
  process.exit(2);
}

interface Options {
  attacks: readonly Attack[];
  seed: number;
  forMs: number;
  json: boolean;
}

function readOptions(): Options {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        only: { type: 'string' },
        seed: { type: 'string', default: '1' },
        short: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  if (!/^\d{1,9}$/.test(values.seed)) fail(`--seed takes a number, not ${JSON.stringify(values.seed)}.`);
  const only = values.only?.split(',');
  const unknown = only?.filter((name) => !ATTACKS.some((attack) => attack.name === name)) ?? [];
  if (unknown.length > 0) fail(`No attack is named ${unknown.join(', ')}.`);
  return {
    attacks: ATTACKS.filter(({ name }) => only === undefined || only.includes(name)),
    seed: Number(values.seed),
    forMs: values.short ? SHORT_MS : LONG_MS,
    json: values.json,
  };
}

function table(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ attack, what, peakBytes, silenceMs, silenceJudged, failures }) => [
    attack,
    peakBytes === undefined ? '?' : `${mib(peakBytes)} MiB`,
    silenceJudged ? `${silenceMs} ms` : `(${silenceMs} ms)`,
    failures.length === 0 ? 'ok' : 'FAILED',
    what,
  ]);
  const all = [['attack', 'peak memory', 'longest silence', '', 'what was sent'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).join('\n');
}

const { attacks, seed, forMs, json } = readOptions();
const report = (line: string): void => console.error(line);
const results: Result[] = [];
for (const onWeb of [false, true]) {
  const chosen = attacks.filter((attack) => (attack.web === true) === onWeb);
  if (chosen.length > 0) results.push(await runAttacks(chosen, { web: onWeb, seed, forMs, report }));
}
const outcomes = results.flatMap((result) => result.outcomes);
const failures = [
  ...outcomes.flatMap(({ attack, failures: reasons }) => reasons.map((reason) => `${attack}: ${reason}`)),
  ...results.flatMap((result) => result.failures),
];
if (json) console.log(JSON.stringify({ seed, bars: BARS, results, failures }));
else {
  console.log(table(outcomes));
  for (const { idleBytes, idleSilenceMs, endMs } of results) {
    const idleText = idleBytes === undefined ? '?' : mib(idleBytes);
    console.log(`idle: ${idleText} MiB, silence ${idleSilenceMs} ms; ended ${endMs ?? '?'} ms after SIGTERM`);
  }
  if (failures.length > 0) console.log(`\n${failures.join('\n')}\n\nAgain: npm run attack -- --seed ${seed}`);
}
process.exit(failures.length === 0 ? 0 : 1);
