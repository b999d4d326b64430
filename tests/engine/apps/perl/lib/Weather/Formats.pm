package Weather::Formats;

# The formats that there are.

use v5.36;
use Module::Pluggable search_path => ['Weather::Format'];

sub new ($class) { return bless {}, $class }

1;
