# A site whose page is built by a script. Only /api/items needs Stock.pm, only POST /api/orders Orders.pm, and only /item/… the files of items.
use strict;
use warnings;
use IO::Socket::INET;
use lib '/srv/lib';

my $server = IO::Socket::INET->new(LocalPort => 8000, Listen => 64, ReuseAddr => 1) or die "listen: $!";
$SIG{TERM} = sub { exit 0 };
$| = 1;

sub text {
    my ($name) = @_;
    open my $file, '<', "/srv/files/$name" or die "no $name: $!";
    return join '', <$file>;
}

sub answer {
    my ($method, $path, $headers, $body) = @_;
    return ('text/html', text('index.html')) if $path eq '/';
    return ('text/javascript', text('app.js')) if $path eq '/app.js';
    return ('text/html', text("$1.html")) if $path =~ m{^/item/(hammer|nail)$};
    if ($path eq '/api/items' && $headers =~ /^X-Shop: 1\r?$/mi) {
        require Stock;
        return ('application/json', Stock::items());
    }
    if ($path eq '/api/orders' && $method eq 'POST') {
        require Orders;
        return ('application/json', Orders::add($body));
    }
    exit 1 if $path eq '/session/logout';
    return;
}

while (1) {
    my $client = $server->accept or next;
    my $line = <$client> // '';
    my ($headers, $body) = ('', '');
    while (my $header = <$client>) { last if $header =~ /^\r?\n$/; $headers .= $header }
    read $client, $body, $1 if $headers =~ /^Content-Length: (\d+)/mi;
    my ($method, $path) = $line =~ m{^([A-Z]+) ([^ ?]*)};
    my @answer = eval { answer($method // '', $path // '', $headers, $body) };
    my $status = $@ ? '500 Internal Server Error' : @answer ? '200 OK' : '404 Not Found';
    warn $@ if $@;
    my ($type, $text) = @answer ? @answer : ('text/plain', 'nothing here');
    print $client "HTTP/1.0 $status\r\nContent-Type: $type\r\nContent-Length: ", length $text, "\r\n\r\n", $text;
    close $client;
}
