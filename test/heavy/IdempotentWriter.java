import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Apache Kafka's idempotent producer (acks=all, five requests in flight) against a cluster that is being broken, and a
 * comparison of what was acknowledged with what a consumer reads back. Arguments: bootstrap, topic (exists), seconds,
 * records per second. Prints one line of JSON.
 */
public class IdempotentWriter {
    private static final int READ_BACK_SECONDS = 120;
    private static final int KEYS = 997;

    private static final Set<Long> acked = new HashSet<>();
    private static final List<String> errors = new ArrayList<>();
    private static long failed = 0;

    public static void main(String[] args) throws Exception {
        String bootstrap = args[0];
        String topic = args[1];
        long seconds = Long.parseLong(args[2]);
        long rate = Long.parseLong(args[3]);
        produce(bootstrap, topic, seconds, rate);
        System.out.println(readBack(bootstrap, topic));
        System.exit(0);
    }

    private static void produce(String bootstrap, String topic, long seconds, long rate) throws InterruptedException {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        settings.put("acks", "all");
        settings.put("enable.idempotence", "true");
        settings.put("linger.ms", "5");
        settings.put("request.timeout.ms", "10000");
        settings.put("delivery.timeout.ms", "120000");
        settings.put("max.block.ms", "60000");
        // Bounds what a restarted producer would have to read back and what flush() waits for.
        settings.put("buffer.memory", "4194304");
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            long from = System.nanoTime();
            long end = from + TimeUnit.SECONDS.toNanos(seconds);
            for (long number = 0; System.nanoTime() < end; number++) {
                long value = number;
                try {
                    producer.send(
                            new ProducerRecord<>(topic, bytes("k" + number % KEYS), bytes(Long.toString(number))),
                            (metadata, error) -> answered(value, error));
                } catch (RuntimeException error) {
                    note(error);
                }
                long ahead = number * 1_000_000_000L / rate - (System.nanoTime() - from);
                if (ahead > 0) TimeUnit.NANOSECONDS.sleep(Math.min(ahead, 50_000_000L));
            }
            producer.flush();
        }
    }

    private static synchronized void answered(long value, Exception error) {
        if (error == null) {
            acked.add(value);
            return;
        }
        failed++;
        note(error);
    }

    private static synchronized void note(Exception error) {
        if (errors.size() < 5) errors.add(error.getClass().getSimpleName() + ": " + error.getMessage());
    }

    private static String readBack(String bootstrap, String topic) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", "false");
        Map<Long, Integer> found = new HashMap<>();
        Map<Integer, Long> last = new HashMap<>();
        long reordered = 0;
        long unread = 0;
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
                    .map(info -> new TopicPartition(topic, info.partition()))
                    .toList();
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions, Duration.ofSeconds(60));
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(READ_BACK_SECONDS);
            while (System.nanoTime() < deadline
                    && partitions.stream().anyMatch(one -> consumer.position(one) < ends.get(one))) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500))) {
                    long number = Long.parseLong(new String(record.value(), StandardCharsets.UTF_8));
                    found.merge(number, 1, Integer::sum);
                    Long before = last.put(record.partition(), number);
                    if (before != null && number < before) reordered++;
                }
            }
            for (TopicPartition one : partitions) unread += Math.max(0, ends.get(one) - consumer.position(one));
        }
        long lost = acked.stream().filter(number -> !found.containsKey(number)).count();
        long duplicated = found.values().stream().mapToLong(count -> count - 1).sum();
        return "{\"acked\":" + acked.size() + ",\"failed\":" + failed + ",\"lost\":" + lost + ",\"duplicated\":" + duplicated
                + ",\"reordered\":" + reordered + ",\"unread\":" + unread + ",\"errors\":" + json(errors) + "}";
    }

    private static String json(List<String> texts) {
        List<String> quoted = new ArrayList<>();
        for (String text : texts) quoted.add('"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\s+", " ") + '"');
        return "[" + String.join(",", quoted) + "]";
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
