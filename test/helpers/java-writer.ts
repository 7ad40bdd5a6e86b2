/** Runs `heavy/IdempotentWriter.java`: Apache Kafka's own idempotent producer, and what a consumer reads back of its records. */
import { join } from 'node:path';
import { runOk } from './run.ts';

export interface JavaWriterOutcome {
  acked: number;
  failed: number;
  lost: number;
  duplicated: number;
  /** Records behind one of the same partition that was sent later. */
  reordered: number;
  /** Records below the end offsets that the consumer did not reach in two minutes. */
  unread: number;
  errors: string[];
}

/** `jars`: directory of Apache Kafka's jars. `rate`: records per second. */
export async function runJavaWriter(
  bootstrap: string,
  options: { jars: string; topic: string; seconds: number; rate: number },
): Promise<JavaWriterOutcome> {
  const program = join(import.meta.dirname, '../heavy/IdempotentWriter.java');
  const { stdout } = await runOk(
    'java',
    [
      ...['-Xmx256m', '-cp', join(options.jars, '*'), program],
      ...[bootstrap, options.topic, String(options.seconds), String(options.rate)],
    ],
    { timeoutMs: options.seconds * 1_000 + 350_000 },
  );
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as JavaWriterOutcome;
}
