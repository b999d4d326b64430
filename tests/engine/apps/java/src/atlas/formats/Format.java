package atlas.formats;

/** A way to show places. */
public interface Format {
    /** Its name, as pages ask for it. */
    String name();

    /** The places in this format. */
    String show(String places);
}
