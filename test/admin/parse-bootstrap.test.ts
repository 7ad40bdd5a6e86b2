import { describe, expect, test } from 'vitest';
import { ClusterClient, parseBootstrap } from '../../electron/admin/cluster-client.ts';
import { AdminError, kafkaFailure, toAppError, UnreachableError } from '../../electron/admin/errors.ts';
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';

describe('parseBootstrap', () => {
  test.each([
    ['a:1', [{ host: 'a', port: 1 }]],
    ['a', [{ host: 'a', port: 9092 }]],
    [' a:1 , b:2\nc ', [{ host: 'a', port: 1 }, { host: 'b', port: 2 }, { host: 'c', port: 9092 }]], // prettier-ignore
    ['[::1]:9093', [{ host: '::1', port: 9093 }]],
    ['[2001:db8::1]', [{ host: '2001:db8::1', port: 9092 }]],
    ['b-1.x.kafka.eu-west-1.example.com:9096,', [{ host: 'b-1.x.kafka.eu-west-1.example.com', port: 9096 }]],
  ])('%j', (text, wanted) => {
    expect(parseBootstrap(text)).toEqual(wanted);
  });

  test.each(['', ' , ', 'a:0', 'a:65536', 'a:x', ':9092', 'a:1:2', '::1', '[::1', 'http://a:9092'])('%j is refused by field', (text) => {
    expect(() => parseBootstrap(text)).toThrow(expect.objectContaining({ app: expect.objectContaining({ field: 'bootstrap' }) }));
  });
});

describe('errors as data', () => {
  test("Kafka's code becomes its name, the broker's own message comes first", () => {
    expect(kafkaFailure(ErrorCode.TOPIC_ALREADY_EXISTS, { message: "Topic 'a' already exists.", field: 'name', subject: 'a' }).app).toEqual(
      {
        code: 'TOPIC_ALREADY_EXISTS',
        message: "Topic 'a' already exists.",
        field: 'name',
        subject: 'a',
      },
    );
  });

  test.each([null, '', ' '])('without a message (%j) there is one, with advice where there is something to do', (message) => {
    const { app, kafkaCode } = kafkaFailure(ErrorCode.NOT_ENOUGH_REPLICAS, { message });
    expect(app.message.length).toBeGreaterThan(10);
    expect(app.advice).toContain('min.insync.replicas');
    expect(kafkaCode).toBe(ErrorCode.NOT_ENOUGH_REPLICAS);
  });

  test.each([
    [new UnreachableError('a:1', 'connection refused'), 'BROKER_UNREACHABLE'],
    [new AdminError({ code: 'NOT_FOUND', message: 'gone' }), 'NOT_FOUND'],
    [new TypeError('x is undefined'), 'INTERNAL'],
    ['a text', 'INTERNAL'],
    [undefined, 'INTERNAL'],
  ])('%s → %s', (thrown, code) => {
    expect(toAppError(thrown).code).toBe(code);
    expect(JSON.parse(JSON.stringify(toAppError(thrown)))).toEqual(toAppError(thrown));
  });
});

test('a client of a cluster that is not running says so at once', async () => {
  const client = new ClusterClient({ bootstrap: null, clientId: 'test' });
  await expect(client.metadata(null)).rejects.toMatchObject({ app: { code: 'NOT_CONNECTED' } });
  client.close();
});
