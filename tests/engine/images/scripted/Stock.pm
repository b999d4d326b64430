package Stock;
use strict;
use warnings;

sub items { return '["hammer", "nail"]' }

1;
