package atlas;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

/** An atlas's site. Its front page needs little; each of its other pages needs something of its own. */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(8080), 0);
        server.createContext("/", Main::answer);
        server.start();
    }

    private static void answer(HttpExchange exchange) throws IOException {
        String[] words = exchange.getRequestURI().getPath().substring(1).split("/", 2);
        int status = 200;
        byte[] body;
        try {
            body = words[0].isEmpty() ? resource("front.html") : Pages.page(words[0], words.length > 1 ? words[1] : "");
            if (body == null) {
                status = 404;
                body = resource("missing.html");
            }
        } catch (Exception | LinkageError error) {
            status = 500;
            body = (new String(resource("broken.html"), StandardCharsets.UTF_8) + error).getBytes(StandardCharsets.UTF_8);
        }
        exchange.getResponseHeaders().set("Content-Type", "text/html; charset=utf-8");
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    private static byte[] resource(String name) throws IOException {
        return Main.class.getResourceAsStream("/pages/" + name).readAllBytes();
    }
}
