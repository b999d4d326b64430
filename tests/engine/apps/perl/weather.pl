#!/usr/bin/perl
# A weather station's site. Its front page needs little; each of its other pages needs something of its own.
use v5.36;
use utf8;

use DBI;
use DateTime;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Daemon;
use HTTP::Response;
use Template;
use Weather::Stations qw(stations);

my $template = Template->new({INCLUDE_PATH => "$FindBin::Bin/views", ENCODING => 'utf8'});

my %pages = (
    ''       => sub { render('front.tt') },
    station  => sub ($number) { render('station.tt', {station => (stations())[$number - 1]}) },
    report   => sub { render('report.tt') },
    csv      => sub {
        require Text::CSV;
        my $csv = Text::CSV->new({binary => 1, eol => "\n"});
        join '', map { $csv->combine($_->{name}, $_->{height}); $csv->string } stations();
    },
    json     => sub { require JSON::PP; JSON::PP->new->canonical->encode([stations()]) },
    yaml     => sub { require YAML; YAML::Dump({count => scalar(my @all = stations())}) },
    xml      => sub {
        require XML::Parser;
        my $text = '';
        XML::Parser->new(Handlers => {Char => sub ($parser, $part) { $text .= $part }})->parse('<a><b>snow</b></a>');
        $text;
    },
    search   => sub {
        my $database = DBI->connect('dbi:SQLite:dbname=:memory:', '', '', {RaiseError => 1});
        join ',', $database->selectrow_array("SELECT upper('rain'), 6 * 7");
    },
    download => sub { require Compress::Zlib; unpack 'H*', Compress::Zlib::compress('snow' x 100) },
    charset  => sub ($name) { require Encode; unpack 'H*', Encode::encode($name, 'Zürich 雪') },
    time     => sub ($zone) {
        DateTime->from_epoch(epoch => 1719835200, time_zone => $zone =~ s{-}{/}r)->strftime('%H:%M %Z');
    },
    date     => sub { require POSIX; POSIX::strftime('%Y-%m-%d', gmtime 0) },
    big      => sub { require Math::BigInt; Math::BigInt->new(2)->bpow(100)->bstr },
    digest   => sub { require Digest::SHA; require Digest::MD5; Digest::SHA::sha512_hex('a') . Digest::MD5::md5_hex('a') },
    mail     => sub { require MIME::Base64; require MIME::QuotedPrint; MIME::QuotedPrint::encode('Z=rich') },
    tls      => sub {
        require IO::Socket::SSL;
        my $context = IO::Socket::SSL::SSL_Context->new(SSL_verify_mode => 1) or die 'no context';
        my %ca = IO::Socket::SSL::default_ca();
        %ca ? 'certified' : 'alone';
    },
    names    => sub {
        require Socket;
        join ' ', Socket::inet_ntoa(scalar gethostbyname 'localhost'), scalar getpwuid $<;
    },
    words    => sub { my $words = `printf 'b\\na\\n' | sort`; $words },
    letters  => sub { require charnames; charnames::viacode(0xDF) },
    average  => sub { require Weather::Average; Weather::Average->new(stations())->height },
    format   => sub ($name) { my $class = "Weather::Format::$name"; eval "require $class" or die $@; $class->show(stations()) },
    formats  => sub {
        require Weather::Formats;
        join ',', sort Weather::Formats->new->plugins;
    },
    note     => sub { open my $file, '<', "$FindBin::Bin/data/note.txt" or die $!; local $/; <$file> },
    dump     => sub { require Data::Dumper; Data::Dumper->new([{a => 1}])->Sortkeys(1)->Dump },
    crash    => sub { die 'the mast has fallen' },
);

sub render ($file, $data = {}) {
    my $output = '';
    $template->process($file, {stations => [stations()], %$data}, \$output) or die $template->error;
    $output;
}

sub answer ($path) {
    my (undef, $page, @arguments) = split m{/}, $path;
    my $code = $pages{$page // ''};
    return (404, render('missing.tt')) unless $code;
    my $body = eval { $code->(@arguments) };
    return defined $body ? (200, $body) : (500, render('broken.tt'));
}

my $daemon = HTTP::Daemon->new(LocalPort => 8080, LocalAddr => '0.0.0.0', ReuseAddr => 1) or die "cannot listen: $!";
$SIG{PIPE} = 'IGNORE';
$SIG{TERM} = sub { exit };
while (my $client = $daemon->accept) {
    my $request = $client->get_request or next;
    $client->force_last_request;
    if ($request->uri->path =~ m{^/public/([\w.]+)$}) {
        $client->send_file_response("$FindBin::Bin/public/$1");
        next;
    }
    my ($status, $body) = answer($request->uri->path);
    utf8::encode($body);
    $client->send_response(HTTP::Response->new($status, undef, ['Content-Type' => 'text/plain; charset=utf-8'], $body));
}
