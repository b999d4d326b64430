package atlas.formats;

/** Capitals. */
public final class Upper implements Format {
    @Override
    public String name() {
        return "upper";
    }

    @Override
    public String show(String places) {
        return places.toUpperCase(java.util.Locale.ROOT);
    }
}
