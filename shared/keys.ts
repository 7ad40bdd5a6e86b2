/** Keys and names of partitions. A topic name contains no slash, and no colon. */

/** Key of a map: `orders/0`. */
export function partitionKey(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

/** As in log directories, scenarios and on the screen: `orders-0`. */
export function partitionName({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}-${partition}`;
}
