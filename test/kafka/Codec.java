import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.coordinator.common.runtime.CoordinatorRecord;
import org.apache.kafka.coordinator.group.GroupCoordinatorRecordSerde;
import org.apache.kafka.metadata.MetadataRecordSerde;
import org.apache.kafka.server.common.ApiMessageAndVersion;

/**
 * Reads what our codecs wrote with Apache Kafka's own classes, and writes it again. Each line of input is one question,
 * each line of output its answer: the bytes in hex, or what was thrown.
 */
public class Codec {
    private static final HexFormat HEX = HexFormat.of();

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        StringBuilder out = new StringBuilder();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String answer;
            try {
                answer = answer(line.split(" ", -1));
            } catch (Throwable thrown) {
                answer = "threw " + thrown.toString().replace('\n', ' ');
            }
            out.append(answer).append('\n');
        }
        System.out.print(out);
    }

    private static String answer(String[] words) throws Exception {
        switch (words[0]) {
            case "message": {
                Message message = (Message) Class.forName(words[1]).getConstructor().newInstance();
                short version = Short.parseShort(words[2]);
                ByteBuffer bytes = bytes(words[3]);
                message.read(new ByteBufferAccessor(bytes), version);
                if (bytes.hasRemaining()) return bytes.remaining() + " bytes left over";
                ObjectSerializationCache cache = new ObjectSerializationCache();
                ByteBuffer again = ByteBuffer.allocate(message.size(cache, version));
                message.write(new ByteBufferAccessor(again), cache, version);
                return hex(again.flip());
            }
            case "metadata": {
                MetadataRecordSerde serde = new MetadataRecordSerde();
                ByteBuffer bytes = bytes(words[1]);
                ApiMessageAndVersion record = serde.read(new ByteBufferAccessor(bytes), bytes.remaining());
                ObjectSerializationCache cache = new ObjectSerializationCache();
                ByteBuffer again = ByteBuffer.allocate(serde.recordSize(record, cache));
                serde.write(record, cache, new ByteBufferAccessor(again));
                return hex(again.flip());
            }
            case "group": {
                GroupCoordinatorRecordSerde serde = new GroupCoordinatorRecordSerde();
                CoordinatorRecord record = serde.deserialize(bytes(words[1]), words[2].isEmpty() ? null : bytes(words[2]));
                byte[] value = serde.serializeValue(record);
                return HEX.formatHex(serde.serializeKey(record)) + " " + (value == null ? "" : HEX.formatHex(value));
            }
            case "errors": {
                StringBuilder all = new StringBuilder();
                for (Errors error : Errors.values())
                    all.append(error.name()).append('=').append(error.code()).append(error.exception() instanceof RetriableException ? "r " : " ");
                return all.toString().trim();
            }
            case "apis": {
                StringBuilder all = new StringBuilder();
                for (ApiKeys api : ApiKeys.values()) all.append(api.name).append('=').append(api.id).append(' ');
                return all.toString().trim();
            }
            default:
                return "what is " + words[0] + "?";
        }
    }

    private static ByteBuffer bytes(String hex) {
        return ByteBuffer.wrap(HEX.parseHex(hex));
    }

    private static String hex(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return HEX.formatHex(bytes);
    }
}
