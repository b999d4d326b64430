# An API of four operations. It gives each note a random ID, and only /print needs Printer.pm and its template.
use strict;
use warnings;
use IO::Socket::INET;
use lib '/srv';

my %notes;
my $server = IO::Socket::INET->new(LocalPort => 8000, Listen => 64, ReuseAddr => 1) or die "listen: $!";
$SIG{TERM} = sub { exit 0 };

sub answered {
    my ($method, $path, $body) = @_;
    if ($path eq '/openapi.yaml') {
        open my $file, '<', '/srv/openapi.yaml' or die "no description: $!";
        return (200, join('', <$file>));
    }
    if ("$method $path" eq 'POST /v1/notes') {
        return (422, '{"error": "what?"}') unless $body =~ /"text": "[^"]{3,}"/ && $body =~ /"due": "\d{4}-\d\d-\d\d"/;
        my $id = sprintf '%08x%08x', rand(2**32), rand(2**32);
        $notes{$id} = $body;
        return (201, qq({"note": {"id": "$id"}}));
    }
    my ($id, $print) = $path =~ m{^/v1/notes/(\w+)(/print)?$};
    return (404, '{"error": "where?"}') unless defined $id && exists $notes{$id};
    if ($print) {
        require Printer;
        return (200, Printer::printed($notes{$id}));
    }
    delete $notes{$id}, return (204, '') if $method eq 'DELETE';
    return (200, $notes{$id});
}

while (1) {
    my $client = $server->accept or next;
    my ($method, $path) = split / /, <$client> // '';
    my $length = 0;
    while (my $header = <$client>) {
        last if $header =~ /^\r?\n$/;
        $length = $1 if $header =~ /^content-length: *(\d+)/i;
    }
    read $client, my $body, $length if $length;
    my ($status, $text) = eval { answered($method // '', $path // '', $body // '') };
    ($status, $text) = (500, "$@") unless defined $status;
    my $size = $status == 204 ? '' : 'Content-Length: ' . length($text) . "\r\n";
    print $client "HTTP/1.0 $status -\r\nContent-Type: application/json\r\n$size\r\n$text";
    close $client;
}
