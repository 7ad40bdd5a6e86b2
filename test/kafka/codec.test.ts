/**
 * Apache Kafka's own classes read what our codecs write, in every version, and must write the same bytes again. Needs
 * Java and `KAFKA_JARS`, a directory with all the jars of Apache Kafka.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { seededRandom } from '../../electron/cluster/lib/random.ts';
import { ApiKey } from '../../electron/cluster/protocol/api-keys.ts';
import { allApis } from '../../electron/cluster/protocol/apis/index.ts';
import { ErrorCode, isRetriable } from '../../electron/cluster/protocol/error-codes.ts';
import { consumerProtocolAssignment, consumerProtocolSubscription } from '../../electron/cluster/protocol/records/consumer-protocol.ts';
import { controlSchemas } from '../../electron/cluster/protocol/records/control-records.ts';
import { encodeGroupRecord, type GroupRecordIn } from '../../electron/cluster/protocol/records/group-records.ts';
import { groupSchemas } from '../../electron/cluster/protocol/records/group-schemas.ts';
import { encodeMetadataRecord, type MetadataRecordIn } from '../../electron/cluster/protocol/records/metadata-records.ts';
import { metadataSchemas } from '../../electron/cluster/protocol/records/metadata-schemas.ts';
import { transactionSchemas } from '../../electron/cluster/protocol/records/transaction-records.ts';
import type { Api, Message } from '../../electron/cluster/protocol/schema.ts';
import { Writer } from '../../electron/cluster/protocol/writer.ts';
import { makeMessage } from '../helpers/messages.ts';
import { describeWith, onPath } from '../helpers/tools.ts';

const MESSAGES_PER_VERSION = 5;
const jars = process.env['KAFKA_JARS'];
const random = seededRandom(99);

/** Answers of `Codec.java`, one for each question. */
function askJava(questions: readonly string[]): string[] {
  const { stdout, stderr, status } = spawnSync('java', ['-cp', join(jars ?? '', '*'), join(import.meta.dirname, 'Codec.java')], {
    input: questions.map((question) => `${question}\n`).join(''),
    encoding: 'utf8',
    maxBuffer: 512 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`java: ${stderr}`);
  return stdout.split('\n').slice(0, -1);
}

function versionsOf(message: Message<unknown, unknown>): number[] {
  return Array.from({ length: message.maxVersion - message.minVersion + 1 }, (_, i) => message.minVersion + i);
}

interface Question {
  name: string;
  ask: string;
  expected: string;
}

function messageQuestions(className: string, message: Message<unknown, unknown>): Question[] {
  return versionsOf(message).flatMap((version) =>
    Array.from({ length: MESSAGES_PER_VERSION }, () => {
      const writer = new Writer();
      message.codec(version).encode(writer, makeMessage(message, version, random));
      const hex = writer.finishBuffer().toString('hex');
      return { name: `${className} v${version}`, ask: `message ${className} ${version} ${hex}`, expected: hex };
    }),
  );
}

/** All questions go to one Java machine: starting it costs more than answering. */
function check(questions: readonly Question[]): void {
  const answers = askJava(questions.map(({ ask }) => ask));
  expect(answers.length).toBe(questions.length);
  const wrong = questions.flatMap(({ name, expected }, i) => (answers[i] === expected ? [] : [{ name, expected, answer: answers[i] }]));
  expect(wrong.slice(0, 5)).toEqual([]);
}

describeWith('java and KAFKA_JARS', jars !== undefined && onPath('java'), 'codecs beside those of Apache Kafka', () => {
  test('requests and responses', () => {
    check(
      allApis.flatMap((api: Api) =>
        [api.request, api.response].flatMap((message) => messageQuestions(`org.apache.kafka.common.message.${message.name}Data`, message)),
      ),
    );
  });

  test('keys and values of records', () => {
    const groups = 'org.apache.kafka.coordinator.group.generated';
    const transactions = 'org.apache.kafka.coordinator.transaction.generated';
    const plain = [
      ...Object.values(controlSchemas).map(({ message }) => message),
      consumerProtocolSubscription,
      consumerProtocolAssignment,
    ];
    check([
      ...Object.values(metadataSchemas).flatMap(({ message }) =>
        messageQuestions(`org.apache.kafka.common.metadata.${message.name}`, message),
      ),
      ...Object.values(groupSchemas).flatMap(({ key, value }) =>
        [key, value].flatMap((message: Message<unknown, unknown>) => messageQuestions(`${groups}.${message.name}`, message)),
      ),
      ...Object.values(transactionSchemas).flatMap(({ key, value }) =>
        [key, value].flatMap((message: Message<unknown, unknown>) => messageQuestions(`${transactions}.${message.name}`, message)),
      ),
      ...plain.flatMap((message: Message<unknown, unknown>) =>
        messageQuestions(`org.apache.kafka.common.message.${message.name}`, message),
      ),
    ]);
  });

  test('framed records of the metadata log and of __consumer_offsets', () => {
    const metadata = Object.entries(metadataSchemas).flatMap(([type, { message }]) =>
      versionsOf(message).map((version) => {
        const hex = encodeMetadataRecord({ type, version, value: makeMessage(message, version, random) } as MetadataRecordIn).toString(
          'hex',
        );
        return { name: `${type} v${version}`, ask: `metadata ${hex}`, expected: hex };
      }),
    );
    const groups = Object.entries(groupSchemas).flatMap(([type, schema]) =>
      [false, true].map((tombstone) => {
        const { key, value } = encodeGroupRecord({
          type,
          key: makeMessage(schema.key, 0, random),
          value: tombstone ? null : makeMessage(schema.value, schema.written, random),
        } as GroupRecordIn);
        const hex = `${key.toString('hex')} ${value?.toString('hex') ?? ''}`;
        return { name: type, ask: `group ${hex}`, expected: hex };
      }),
    );
    check([...metadata, ...groups]);
  });

  test('error codes and API keys', () => {
    const [errors, apis] = askJava(['errors', 'apis']);
    expect(Object.entries(ErrorCode).map(([name, code]) => `${name}=${code}${isRetriable(code) ? 'r' : ''}`)).toEqual(errors?.split(' '));
    expect(Object.entries(ApiKey).map(([name, key]) => `${name}=${key}`)).toEqual(apis?.split(' '));
  });
});
