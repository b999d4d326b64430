package Weather::Stations;

# The stations.

use v5.36;
use utf8;
use Exporter 'import';

our @EXPORT_OK = qw(stations);

sub stations {
    return ({name => 'Zugspitze', height => 2962}, {name => 'Säntis', height => 2502});
}

1;
