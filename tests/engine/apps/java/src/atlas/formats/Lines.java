package atlas.formats;

/** A line for each place. */
public final class Lines implements Format {
    @Override
    public String name() {
        return "lines";
    }

    @Override
    public String show(String places) {
        return places.replace(", ", "\n");
    }
}
