package Orders;
use strict;
use warnings;

my @orders;

sub add { push @orders, shift; return scalar @orders }

1;
