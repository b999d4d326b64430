vcl 4.1;
import std;
import directors;
backend a { .host = "127.0.0.1"; .port = "9"; }
sub vcl_init { new r = directors.round_robin(); r.add_backend(a); }
sub vcl_recv { set req.backend_hint = r.backend(); }
