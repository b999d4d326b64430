package Printer;
use strict;
use warnings;

sub printed {
    my ($note) = @_;
    open my $file, '<', '/srv/print.txt' or die "no template: $!";
    return join('', <$file>) . $note;
}

1;
