vcl 4.1;
import cookie;
import blob;
backend default none;
sub vcl_recv { cookie.parse(req.http.Cookie); cookie.delete("a"); return (synth(200, cookie.get_string() + blob.transcode(IDENTITY, HEX, encoded="x"))); }
