package Attic;
use strict;
use warnings;

sub boxes { return "<p>3 boxes</p>\n" }

1;
