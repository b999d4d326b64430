package harbour;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.Reader;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Properties;
import java.util.ResourceBundle;
import java.util.concurrent.Executors;

/** Starts the server: settings from harbour.properties in the working folder. */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws IOException {
        Properties settings = new Properties();
        try (Reader reader = Files.newBufferedReader(Path.of("harbour.properties"), StandardCharsets.UTF_8)) {
            settings.load(reader);
        }
        Locale locale = Locale.forLanguageTag(settings.getProperty("language", "en"));
        Pages pages = new Pages(settings.getProperty("title"), ResourceBundle.getBundle("messages", locale));

        int port = Integer.parseInt(settings.getProperty("port", "8080"));
        HttpServer server = HttpServer.create(new InetSocketAddress(port), 0);
        server.createContext("/", pages::answer);
        server.setExecutor(Executors.newFixedThreadPool(4));
        server.start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> server.stop(0)));
        System.out.println("listening on port " + port);
    }
}
