import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;

/** Reads calls, one a line, and says what the class of the documentation thinks of each. */
class Check {
    private static final String[] NAMES = {"webhook-id", "webhook-timestamp", "webhook-signature", "finternet-signature"};

    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] fields = line.split("\t", -1);
            Map<String, String> headers = new HashMap<>();
            for (int index = 0; index < NAMES.length; index++) {
                String field = fields[index + 2];
                if (!field.equals("-")) headers.put(NAMES[index], new String(decode(field), StandardCharsets.ISO_8859_1));
            }
            String secret = new String(decode(fields[0]), StandardCharsets.US_ASCII);
            byte[] body = decode(fields[1]);
            System.out.println(
                Webhooks.verify(secret, headers::get, body) + " " + Webhooks.verifyFinternet(secret, headers::get, body));
        }
    }

    private static byte[] decode(String field) {
        return Base64.getDecoder().decode(field);
    }
}
