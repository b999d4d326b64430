package Weather::Format::Short;

# The names alone.

use v5.36;

sub show ($class, @stations) { return join ', ', map { $_->{name} } @stations }

1;
