package Weather::Format::Long;

# Names with heights.

use v5.36;
use Text::Wrap ();

sub show ($class, @stations) { return Text::Wrap::wrap('', '  ', map { "$_->{name} is $_->{height} m high." } @stations) }

1;
