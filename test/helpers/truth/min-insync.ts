/** `min.insync.replicas` of each topic, as any client reads it. */
import { ConfigResourceTypes, type Kafka } from 'kafkajs';

export async function readMinInsync(kafka: Kafka, topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const admin = kafka.admin();
  await admin.connect();
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({ type: ConfigResourceTypes.TOPIC, name, configNames: ['min.insync.replicas'] })),
  });
  await admin.disconnect();
  return new Map(resources.map(({ resourceName, configEntries }) => [resourceName, Number(configEntries[0]?.configValue)]));
}
