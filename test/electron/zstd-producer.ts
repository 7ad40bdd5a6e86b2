/** Sends one record compressed by zstd, from this process, whose Node has it. */
import kafkajs from 'kafkajs';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';

export async function produceCompressed(bootstrap: string, topic: string, partition: number, value: string): Promise<void> {
  setUpKafkajs();
  const { Kafka, CompressionTypes, logLevel } = kafkajs;
  const producer = new Kafka({ brokers: bootstrap.split(','), clientId: 'zstd', logLevel: logLevel.NOTHING }).producer();
  await producer.connect();
  try {
    await producer.send({ topic, acks: -1, compression: CompressionTypes.ZSTD, messages: [{ partition, value }] });
  } finally {
    await producer.disconnect();
  }
}
