# A site of a few pages. Each page is a template that is read when it is asked for; only /rooms/attic needs Attic.pm and its template.
use strict;
use warnings;
use IO::Socket::INET;
use lib '/srv/lib';

my %pages = ('/' => 'front', '/rooms' => 'rooms', '/rooms/attic' => 'attic', '/style.css' => 'style');
my $server = IO::Socket::INET->new(LocalPort => 8000, Listen => 64, ReuseAddr => 1) or die "listen: $!";
$SIG{TERM} = sub { exit 0 };
$| = 1;

sub page {
    my ($name) = @_;
    open my $file, '<', "/srv/pages/$name.html" or die "no page $name: $!";
    my $text = join '', <$file>;
    if ($name eq 'attic') {
        require Attic;
        $text .= Attic::boxes();
    }
    return $text;
}

while (1) {
    my $client = $server->accept or next;
    my $line = <$client> // '';
    while (my $header = <$client>) { last if $header =~ /^\r?\n$/ }
    my ($path) = $line =~ m{^GET ([^ ?]*)};
    my $name = $pages{$path // ''};
    my $body = defined $name ? eval { page($name) } : undef;
    my $status = !defined $name ? '404 Not Found' : defined $body ? '200 OK' : '500 Internal Server Error';
    warn $@ if defined $name && !defined $body;
    $body //= "<p>nothing here</p>";
    my $type = ($name // '') eq 'style' ? 'text/css' : 'text/html';
    print $client "HTTP/1.0 $status\r\nContent-Type: $type\r\nContent-Length: ", length $body, "\r\n\r\n", $body;
    close $client;
}
