package harbour;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.text.NumberFormat;
import java.util.HexFormat;
import java.util.ResourceBundle;
import java.util.TreeMap;

/** The pages of the register: a list, a ship as JSON, and a digest of what is posted. */
final class Pages {
    private static final TreeMap<String, Integer> TONNAGE = new TreeMap<>();

    static {
        TONNAGE.put("Aurora", 12400);
        TONNAGE.put("Gullfoss", 3858);
        TONNAGE.put("Peking", 3100);
    }

    private final String title;
    private final ResourceBundle messages;

    Pages(String title, ResourceBundle messages) {
        this.title = title;
        this.messages = messages;
    }

    void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        if (path.equals("/")) {
            send(exchange, 200, "text/html; charset=utf-8", index());
        } else if (path.startsWith("/ships/") && TONNAGE.containsKey(path.substring(7))) {
            String name = path.substring(7);
            send(exchange, 200, "application/json", "{\"name\": \"" + name + "\", \"tonnage\": " + TONNAGE.get(name) + "}\n");
        } else if (path.equals("/digest")) {
            send(exchange, 200, "text/plain", digest(exchange.getRequestBody().readAllBytes()) + "\n");
        } else {
            send(exchange, 404, "text/plain; charset=utf-8", messages.getString("unknown") + "\n");
        }
    }

    private String index() throws IOException {
        NumberFormat numbers = NumberFormat.getIntegerInstance(messages.getLocale());
        StringBuilder ships = new StringBuilder();
        TONNAGE.forEach((name, tons) -> ships.append("<li>" + name + ", " + numbers.format(tons) + " t</li>\n"));
        try (InputStream template = Pages.class.getResourceAsStream("/templates/index.html")) {
            return new String(template.readAllBytes(), StandardCharsets.UTF_8)
                    .replace("${title}", title)
                    .replace("${heading}", messages.getString("ships"))
                    .replace("${ships}", ships);
        }
    }

    private static String digest(byte[] data) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(data));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static void send(HttpExchange exchange, int status, String type, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", type);
        boolean head = exchange.getRequestMethod().equals("HEAD");
        exchange.sendResponseHeaders(status, head ? -1 : body.length);
        if (!head) {
            exchange.getResponseBody().write(body);
        }
        exchange.close();
    }
}
