package Weather::Average;

# Averages.

use v5.36;
use parent 'Weather::Figures';

sub height ($self) {
    return $self->sum('height') / $self->count;
}

1;
