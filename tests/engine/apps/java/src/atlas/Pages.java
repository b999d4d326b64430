package atlas;

import atlas.formats.Format;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.math.BigDecimal;
import java.net.InetAddress;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.text.NumberFormat;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.time.format.FormatStyle;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;
import java.util.ServiceLoader;
import java.util.zip.GZIPOutputStream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import javax.xml.parsers.DocumentBuilderFactory;

/** The pages. */
final class Pages {
    private static final String PLACES = "Åland, Öland";

    private Pages() {}

    /** What a page shows; null when there is no such page. */
    static byte[] page(String name, String argument) throws Exception {
        switch (name) {
            case "places": return text(PLACES);
            case "charset": return text(HexFormat.of().formatHex(PLACES.getBytes(Charset.forName(argument))));
            case "time": return text(time(ZoneId.of(argument)));
            case "number": return text(NumberFormat.getInstance(Locale.forLanguageTag(argument)).format(1234567.5));
            case "date": return text(date(Locale.forLanguageTag(argument)));
            case "download": return text(String.valueOf(gzip().length));
            case "xml": return text(xml());
            case "format": return text(formatted(argument));
            case "class": return text(((Format) Class.forName("atlas.formats." + argument)
                .getDeclaredConstructor().newInstance()).show(PLACES));
            case "digest": return text(HexFormat.of().formatHex(MessageDigest.getInstance(argument).digest(text(PLACES))));
            case "tls": return text(SSLContext.getDefault().getProtocol() + (authorities() > 50));
            case "keys": return text(KeyStore.getInstance("PKCS12").getType());
            case "names": return text(InetAddress.getByName("localhost").getHostAddress());
            case "user": return text(System.getProperty("user.name"));
            case "words": return text(command("sort", "-r"));
            case "price": return text(new BigDecimal("0.1").multiply(BigDecimal.TEN).toPlainString());
            case "image": return text(String.valueOf(image(argument)));
            case "note": return Files.readAllBytes(Path.of("data", argument + ".txt"));
            case "crash": throw new IllegalStateException("the map is torn");
            default: return null;
        }
    }

    private static byte[] text(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String time(ZoneId zone) {
        return DateTimeFormatter.ofPattern("HH:mm z", Locale.ROOT).format(Instant.ofEpochSecond(1719835200).atZone(zone));
    }

    private static String date(Locale locale) {
        return DateTimeFormatter.ofLocalizedDate(FormatStyle.FULL).withLocale(locale)
            .format(Instant.EPOCH.atZone(ZoneId.of("UTC")));
    }

    private static byte[] gzip() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream stream = new GZIPOutputStream(bytes)) {
            stream.write(text(PLACES.repeat(100)));
        }
        return bytes.toByteArray();
    }

    private static String xml() throws Exception {
        return DocumentBuilderFactory.newInstance().newDocumentBuilder()
            .parse(new ByteArrayInputStream(text("<a><b>isle</b></a>"))).getDocumentElement().getTextContent();
    }

    private static String formatted(String name) {
        return ServiceLoader.load(Format.class).stream().map(ServiceLoader.Provider::get)
            .filter(format -> format.name().equals(name)).findFirst().orElseThrow().show(PLACES);
    }

    private static long authorities() throws Exception {
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init((KeyStore) null);
        return Arrays.stream(factory.getTrustManagers())
            .mapToLong(manager -> ((X509TrustManager) manager).getAcceptedIssuers().length).sum();
    }

    private static String command(String... words) throws Exception {
        Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
        process.getOutputStream().write(text("Åland\nÖland\n"));
        process.getOutputStream().close();
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }

    private static int image(String kind) throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        java.awt.image.BufferedImage image = new java.awt.image.BufferedImage(8, 8, java.awt.image.BufferedImage.TYPE_INT_RGB);
        javax.imageio.ImageIO.write(image, kind, bytes);
        return bytes.size();
    }
}
