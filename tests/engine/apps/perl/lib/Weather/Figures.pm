package Weather::Figures;

# Sums.

use v5.36;
use List::Util qw(sum0);

sub new ($class, @stations) { return bless {stations => \@stations}, $class }
sub sum ($self, $key) { return sum0 map { $_->{$key} } @{$self->{stations}} }
sub count ($self) { return scalar @{$self->{stations}} }

1;
